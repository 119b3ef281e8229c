"""Pages: what the first load transfers, and how long 50,000 rows take to sort on the server."""

import argparse
import gzip
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from starlette.testclient import TestClient

from figures import Figure, run
from tests.serve import company
from watermaster.flows.charges import ChargesAsked, charges
from watermaster.flows.findings import find
from watermaster.flows.open import create_project
from watermaster.flows.review import open_review
from watermaster.flows.scope import Asked, scoped
from watermaster.serve import assets
from watermaster.serve.app import create_app

SORTS = ("-cost", "cost", "day", "-resource", "workload", "-use")


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """A made-up company whose newest month has about `rows` parts of charges."""
    with tempfile.TemporaryDirectory() as home:
        project = create_project(Path(home))
        company.found(project, a_day=max(1, chosen.rows // 31 // len(company.WORK)))
        found = len(find(project).found)
        open_review(project, company.MONTHS[-1])
        client = TestClient(create_app(project), base_url="http://127.0.0.1")
        for path in ("/", "/costs", "/findings", "/review"):
            size = len(gzip.compress(client.get(path).content))
            held = [assets.asset(name) for name in assets.TYPES]
            size += sum(len(one.zipped or one.body) for one in held)
            name = f"first_load{path.replace('/', '_').rstrip('_')}"
            yield Figure(bench="pages", figure=name, value=size, unit="bytes", target="<= 120000")
        for path in ("/findings", "/review"):
            taken = [_taken_s(client, path) for _ in range(4)]
            name = f"page{path.replace('/', '_')}"
            yield Figure(bench="pages", figure=f"{name}_first", value=taken[0], unit="s")
            value = max(taken[1:])
            yield Figure(bench="pages", figure=name, value=value, unit="s", target="<= 2")
        yield Figure(bench="pages", figure="findings", value=found, unit="findings")
        at = scoped(project, Asked())
        taken_ms, count = [], 0
        for sort in SORTS * 3:
            begun = time.monotonic()
            count = charges(project, ChargesAsked(sort=sort), at).count
            taken_ms.append((time.monotonic() - begun) * 1000)
        value = round(statistics.median(taken_ms), 1)
        yield Figure(bench="pages", figure="rows", value=count, unit="parts of charges")
        yield Figure(bench="pages", figure="sort", value=value, unit="ms", target="<= 50")


def _taken_s(client: TestClient, path: str) -> float:
    begun = time.monotonic()
    client.get(path).raise_for_status()
    return round(time.monotonic() - begun, 3)


if __name__ == "__main__":
    raise SystemExit(run(measure, "rows=50000"))
