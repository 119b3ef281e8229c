"""The registry answers as MLflow's own server does: recorded exchanges with it, played again.

3,840 exchanges of the real mlflow 3.17.2 client with a real `mlflow server` are sent, in their
order, to a server of ours over HTTP. Every answer must be the recorded one, status and body, but
for times. `mismatches` counts those that are not.
"""

import argparse
import gzip
import http.client
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from figures import Figure, run
from tests.components import free_port, until
from watermaster.flows.open import create_project

RECORDED = "../shared/data/governance/mlflow_registry_transcript_3.17.2.jsonl.gz"
TIMES = ("creation_timestamp", "last_updated_timestamp")
SHOWN = 5


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Play all of it, and count what is not the same."""
    with gzip.open(chosen.recorded) as lines:
        exchanges = [json.loads(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as port:
        began = time.monotonic()
        wrong = list(mismatches(exchanges, port))
        took = time.monotonic() - began
    for one, status, told in wrong[:SHOWN]:
        print(f"{one}\n  answered {status} {told}", file=sys.stderr)
    yield Figure(bench="registry_replay", figure="exchanges", value=len(exchanges), unit="count")
    yield Figure(
        bench="registry_replay", figure="mismatches", value=len(wrong), unit="count", target="= 0",
        against="answers recorded from mlflow server 3.17.2",
    )  # fmt: skip
    yield Figure(bench="registry_replay", figure="took", value=round(took, 1), unit="s")


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A server over an empty ledger, on a port."""
    home, port = folder / "home", free_port()
    wm = [sys.executable, "-m", "watermaster", "--home", str(home)]
    create_project(home)
    server = subprocess.Popen([*wm, "serve", "--port", str(port), "--only", "registry"])
    try:
        until(lambda: _lives(port), 60, "the server")
        yield port
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def mismatches(
    exchanges: list[dict[str, Any]], port: int
) -> Iterator[tuple[dict[str, Any], int, Any]]:
    """The exchanges whose answer is another one, with that answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for one in exchanges:
        status, told = asked(connection, one)
        if status != one["status"] or timeless(told) != timeless(one["response"]):
            yield one, status, told


def asked(connection: http.client.HTTPConnection, one: dict[str, Any]) -> tuple[int, Any]:
    """Send what was sent then; status and JSON of the answer."""
    body = None if one["request"] is None else json.dumps(one["request"])
    headers = {} if body is None else {"Content-Type": "application/json"}
    connection.request(one["method"], one["path"], body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def timeless(told: Any) -> Any:
    """An answer with its times taken out; that they are numbers is all that is compared."""
    if isinstance(told, dict):
        return {
            name: isinstance(value, int) if name in TIMES else timeless(value)
            for name, value in told.items()
        }
    return [timeless(one) for one in told] if isinstance(told, list) else told


def _lives(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/live")
        return connection.getresponse().status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(run(measure, f"recorded={RECORDED}"))
