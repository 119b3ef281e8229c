"""The same client flow against Watermaster and against `mlflow server`, in one run.

A flow is a model's life as MLflow's client asks for it: it is registered, gets three versions with
tags, one of them comes to an alias that a Gate guards (on ours with evidence given and judged), and
is loaded by that alias as serving replicas do; between, people list and search. Each server is
asked the same requests over one kept connection, in turn, several times; both keep their records
in SQLite on the same disk. `times_faster` is the whole flow. Needs .components/mlflow
(tools/components/install.sh mlflow).
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from figures import Figure, run
from registry_replay import serving
from tests.components import free_port, until
from tests.flows.small import declare, resource
from watermaster.flows.open import create_project

API = "/api/2.0/mlflow/"
LOADS = 20  # by replicas, for every time something is put into the alias
GATE = {
    "require": [
        {"name": "named", "condition": "model.name != ''", "says": "it has a name"},
        {"name": "few", "condition": "version.number < 1000", "says": "not too many versions"},
    ]
}


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Start both, let them do the same in turn, compare."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        project = create_project(home)
        declare(project, resource("Gate", "production", GATE))
        with (
            serving(Path(folder)) as ours,
            mlflow_serving(Path(folder), str(Path(chosen.mlflow).resolve())) as theirs,
        ):
            took: dict[int, list[float]] = {ours: [], theirs: []}
            parts: dict[int, dict[str, float]] = {ours: {}, theirs: {}}
            for number in range(chosen.flows + 1):
                for port, times in took.items():
                    began = time.perf_counter()
                    flow(port, f"model-{number}-{port}", parts[port] if number else {})
                    if number:  # the first flow opens connections
                        times.append(time.perf_counter() - began)
            resident_mib = _resident_mib(ours)
    against = "mlflow server 3.17.2, the same requests"
    told = {"bench": "registry", "against": against}
    ratio = sum(took[theirs]) / sum(took[ours])
    yield Figure(figure="times_faster", value=round(ratio, 1), unit="x", target=">= 8", **told)
    for part, spent in parts[ours].items():
        faster = round(parts[theirs][part] / spent, 1)
        yield Figure(figure=f"times_faster {part}", value=faster, unit="x", **told)
    for name, port in (("ours", ours), ("theirs", theirs)):
        flow_ms = round(statistics.median(took[port]) * 1000, 1)
        yield Figure(figure=f"flow {name}", value=flow_ms, unit="ms", **told)
    yield Figure(
        bench="registry", figure="resident", value=resident_mib, unit="MiB", target="<= 200"
    )


def flow(port: int, name: str, spent: dict[str, float]) -> None:
    """One model's life; adds the seconds of what changes and of what reads to `spent`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for verb, path, told in requests(name):
        began = time.perf_counter()
        asked(connection, verb, path, told)
        part = "reads" if verb == "GET" else "changes"
        spent[part] = spent.get(part, 0.0) + time.perf_counter() - began
    connection.close()


def requests(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What MLflow's client sends."""
    models, versions = "registered-models/", "model-versions/"
    tags = [{"key": "team", "value": "claims"}]
    yield "POST", f"{models}create", {"name": name, "tags": tags}
    for number in ("1", "2", "3"):
        source = f"s3://bucket/{name}/{number}"
        yield "POST", f"{versions}create", {"name": name, "source": source, "tags": tags}
        of = {"name": name, "version": number}
        yield "POST", f"{versions}set-tag", of | {"key": "checked", "value": "yes"}
        yield "GET", f"{versions}get", of
    yield "POST", f"{models}alias", {"name": name, "alias": "prod", "version": "2"}
    yield "POST", f"{models}alias", {"name": name, "alias": "prod", "version": "3"}
    for _ in range(LOADS):
        yield "GET", f"{models}alias", {"name": name, "alias": "prod"}
        yield "GET", f"{versions}get-download-uri", {"name": name, "version": "3"}
    for _ in range(5):
        yield "GET", f"{models}search", {"filter": f"name = '{name}'", "max_results": "100"}
        yield "GET", f"{versions}search", {"filter": f"name = '{name}'", "max_results": "100"}
        yield "GET", f"{models}get", {"name": name}


def asked(connection: http.client.HTTPConnection, verb: str, path: str, told: Any) -> None:
    """Send one; anything but success ends the bench."""
    if verb == "GET":
        connection.request(verb, f"{API}{path}?{urlencode(told)}")
    else:
        headers = {"Content-Type": "application/json"}
        connection.request(verb, API + path, json.dumps(told), headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise AssertionError(f"{verb} {path}: {answer.status} {body[:300]!r}")


@contextmanager
def mlflow_serving(folder: Path, programs: str) -> Iterator[int]:
    """MLflow's own server, one worker, records in SQLite."""
    port = free_port()
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--no-serve-artifacts"]
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    root = ["--default-artifact-root", "s3://artefacts/mlflow"]
    with (folder / "mlflow.log").open("w") as log:
        running = subprocess.Popen(
            [f"{programs}/mlflow", "server", *store, *root, *where],
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | quiet,
            cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: _lives(port), 120, "mlflow server")
        yield port
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(timeout=30)


def _lives(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _resident_mib(port: int) -> float:
    """Of the process that listens on a port, as the kernel counts it."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes().split(b"\0")
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (OSError, ValueError):
            continue
        if b"serve" in command and str(port).encode() in command:
            return round(int(lines["VmHWM"].split()[0]) / 1024, 1)
    raise AssertionError("the server is gone")


if __name__ == "__main__":
    sys.exit(run(measure, "flows=10", "mlflow=.components/mlflow/bin"))
