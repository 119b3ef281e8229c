"""Searches over 100,000 model versions: a page of 100 over HTTP, from SQLite or PostgreSQL.

4,000 models with 25 versions each, two tags on every version, one model in fifty a prompt. Asked
are the searches people and clients make, each many times with other values, in turn: by name, by
run, by tag that few or that most have, by missing tag, by pattern that much, little and nothing
fits, in other orders, and pages far down. `p95` is over all of them.
"""

import argparse
import http.client
import json
import random
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from figures import Figure, run
from registry_replay import serving
from watermaster.flows.open import create_project
from watermaster.ledger.registry_records import (
    MODEL_TAGS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    VERSION_TAGS,
)
from watermaster.model.registry import PROMPT
from watermaster.model.registry_search import token_of

VERSIONS = 25  # a model
BATCH = 20_000  # rows
PATH = "/api/2.0/mlflow/model-versions/search?"
A_PAGE = 100


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Fill a ledger, serve it, ask."""
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        if chosen.database:
            (home / "config.yaml").write_text(f"database: {chosen.database}\n")
        fill(home, chosen.versions // VERSIONS, dice)
        with serving(Path(folder)) as port:
            took = asked(port, chosen.versions // VERSIONS, chosen.rounds, dice)
    engine = "PostgreSQL" if chosen.database else "SQLite"
    told = {"bench": "registry_search", "unit": "ms", "against": f"{engine}, over HTTP"}
    every = sorted(one for times in took.values() for one in times)
    yield Figure(figure="p95", value=_part(every, 0.95), target="<= 50", **told)
    yield Figure(figure="p50", value=_part(every, 0.5), **told)
    for name, times in took.items():
        yield Figure(figure=f"p95 {name}", value=_part(sorted(times), 0.95), **told)


def fill(home: Path, models: int, dice: random.Random) -> None:
    """The models, versions and tags as rows."""
    project = create_project(home)
    with project.ledger.records.begin() as connection:
        for table, rows in (
            (REGISTERED_MODELS, _models(models)), (MODEL_TAGS, _prompts(models)),
            (MODEL_VERSIONS, _versions(models, dice)), (VERSION_TAGS, _tags(models)),
        ):  # fmt: skip
            held: list[dict[str, Any]] = []
            for row in rows:
                held.append(row)
                if len(held) == BATCH:
                    connection.execute(table.insert(), held)
                    held = []
            if held:
                connection.execute(table.insert(), held)
    with project.ledger.records.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("ANALYZE"))
            connection.commit()


def asked(port: int, models: int, rounds: int, dice: random.Random) -> dict[str, list[float]]:
    """Milliseconds of every search, by what was searched for."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        for name, told in searches(models, dice).items():
            query = urllib.parse.urlencode({"max_results": A_PAGE, **told}, doseq=True)
            began = time.perf_counter()
            connection.request("GET", PATH + query)
            answer = connection.getresponse()
            body = answer.read()
            if number:  # the first round opens connections
                took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
            is_found = bool(json.loads(body).get("model_versions"))
            if answer.status != 200 or is_found is ("nothing" in name):
                raise AssertionError(f"{name}: {answer.status} {body[:200]!r}")
    return took


def searches(models: int, dice: random.Random) -> dict[str, dict[str, Any]]:
    """One of each kind, with values of its own."""
    one = dice.randrange(models // 50) * 50 + 1
    name = f"model-{one:05d}"
    versions = models * VERSIONS
    return {
        "newest": {},
        "name": {"filter": f"name = '{name}'"},
        "name and number": {"filter": f"name = '{name}' AND version_number > 20"},
        "run": {"filter": f"run_id = 'run{dice.randrange(1, 49)}'"},
        "source": {"filter": f"source_path = 's3://models/{one}/3'"},
        "tag of one": {"filter": f"tags.commit = 'c{one * VERSIONS + 3}'"},
        "tag of half": {"filter": "tags.env = 'dev'"},
        "tag missing": {"filter": "tags.nowhere != 'x'"},
        "two tags": {"filter": f"tags.env = 'prod' AND tags.commit = 'c{one * VERSIONS + 2}'"},
        "pattern of many": {"filter": "name LIKE 'model-%1'"},
        "pattern of few": {"filter": f"name ILIKE '%{one:05d}'"},
        "pattern of nothing": {"filter": "name LIKE 'zzz%'"},
        "tag pattern of many": {"filter": "tags.env LIKE 'd%'"},
        "by name": {"order_by": ["name ASC", "version_number DESC"]},
        "by making": {"order_by": ["creation_timestamp DESC"]},
        "far page": {"page_token": token_of(dice.randrange(versions * 9 // 10))},
    }


def _part(times: list[float], part: float) -> float:
    return round(statistics.quantiles(times, n=100)[int(part * 100) - 1], 1)


def _models(models: int) -> Iterator[dict[str, Any]]:
    for one in range(models):
        yield {"name": f"model-{one:05d}", "created_ms": one, "updated_ms": 10_000_000 + one,
               "made_by": "bench", "next_version": VERSIONS + 1}  # fmt: skip


def _prompts(models: int) -> Iterator[dict[str, Any]]:
    for one in range(0, models, 50):
        yield {"model": f"model-{one:05d}", "key": PROMPT, "value": "true", "position": 0}


def _versions(models: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    for one in range(models):
        for number in range(1, VERSIONS + 1):
            at_ms = dice.randrange(10_000_000)
            yield {"model": f"model-{one:05d}", "version": number, "created_ms": at_ms,
                   "updated_ms": at_ms, "made_by": "bench", "stage": "None", "status": "READY",
                   "lineage": "none asked", "source": f"s3://models/{one}/{number}",
                   "storage": f"s3://models/{one}/{number}",
                   "run_id": f"run{one % 2500}"}  # fmt: skip


def _tags(models: int) -> Iterator[dict[str, Any]]:
    for one in range(models):
        for number in range(1, VERSIONS + 1):
            of = {"model": f"model-{one:05d}", "version": number}
            env = "prod" if number % 2 == 0 else "dev"
            yield of | {"key": "env", "value": env, "position": 0}
            yield of | {"key": "commit", "value": f"c{one * VERSIONS + number}", "position": 1}
            if one % 50 == 0:
                yield of | {"key": PROMPT, "value": "true", "position": 2}


if __name__ == "__main__":
    sys.exit(run(measure, "versions=100000", "rounds=20", "database="))
