"""The OTLP receiver under load: a real server on two cores, killed in the middle, loses nothing.

Batches of 1,000 GenAI metric points as protobuf, each unlike all others, sent by clients on the
other cores as fast as they are acknowledged. After half of the time the server is killed with
SIGKILL and started again; at the end every acknowledged batch must lie in the spool once, and a
pull must count every point of the batches that are there.
"""

import argparse
import datetime as dt
import hashlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from figures import Figure, run
from tests.components import free_port, until
from tests.flows.small import declare, resource
from watermaster.flows.open import create_project
from watermaster.flows.sync import sync
from watermaster.ledger.head import read_head
from watermaster.ledger.read import read
from watermaster.ledger.spool import spool_folder
from watermaster.model.frames import frames_of

POINTS = 1000  # a batch
SENDERS = 6
SERVICES = 20
SOURCE = "calls"


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Load, kill, load again, pull, compare."""
    cores = sorted(os.sched_getaffinity(0))
    server_cores, client_cores = cores[:2], cores[2:] or cores
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        project = create_project(home)
        declare(project, resource("Source", SOURCE, {"type": "otlp", "location": "otlp:"}))
        os.sched_setaffinity(0, client_cores)
        load = _Load(home, server_cores)
        load.serve()
        began = time.monotonic()
        with load.sending(began + chosen.seconds):
            time.sleep(chosen.seconds / 2)
            load.kill()
            load.serve()
        took_s = time.monotonic() - began
        load.end()
        held = [
            _digest(frame.body)
            for file in spool_folder(home, SOURCE).glob("*/*.frames")
            for frame in frames_of(file.read_bytes())
        ]
        lost = len(load.acknowledged - set(held))
        pulled = time.monotonic()
        sync(project, [SOURCE])
        drain_s = time.monotonic() - pulled
        rows = read(project.ledger, read_head(project.ledger.records), "requests")
        counted = project.ledger.engine.to_pyarrow(rows.aggregate(all=rows.tokens_in.sum()))
        missing = len(set(held)) * POINTS - int(counted["all"][0].as_py() or 0)
        yield _figure("points_per_s", round(len(load.acknowledged) * POINTS / took_s), "points/s",
                      ">= 50000")  # fmt: skip
        yield _figure("lost", lost, "acknowledged batches", "0")
        yield _figure("doubled", len(held) - len(set(held)), "batches", None)
        yield _figure("not_counted", missing, "points of the spool", "0")
        yield _figure("server_cpu_s", round(load.cpu_s, 1), "CPU s", None)
        yield _figure("server_rss_mib", round(load.rss_bytes / 2**20), "MiB, the most", None)
        yield _figure(
            "pull_s", round(drain_s, 1), f"s for {len(set(held)) * POINTS:,} points", None
        )


def _figure(name: str, value: float, unit: str, target: str | None) -> Figure:
    return Figure(bench="otlp", figure=name, value=value, unit=unit, target=target)


class _Load:
    """A server that can be killed, and what was acknowledged by it."""

    def __init__(self, home: Path, cores: list[int]) -> None:
        self.home, self.cores, self.port = home, cores, free_port()
        self.acknowledged: set[bytes] = set()
        self.cpu_s, self.rss_bytes = 0.0, 0
        self._server: subprocess.Popen[bytes] | None = None
        self._bulk = _batch(POINTS - 1, dt.datetime.now(dt.UTC))

    def serve(self) -> None:
        """Start it, and wait until it answers."""
        cores = ",".join(map(str, self.cores))
        self._server = subprocess.Popen(
            ["taskset", "-c", cores, sys.executable, "-m", "watermaster", "--home", str(self.home),
             "serve", "--port", str(self.port), "--no-sync"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._answers, 60, "the server")

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5).close()
        except OSError:
            return False
        return True

    @contextmanager
    def sending(self, end: float) -> Iterator[None]:
        """Every sender sends as fast as it is acknowledged, until the end."""
        senders = [threading.Thread(target=self._send, args=(n, end)) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        yield
        for sender in senders:
            sender.join()

    def _send(self, sender: int, end: float) -> None:
        number, body = 0, b""
        while time.monotonic() < end:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                while time.monotonic() < end:
                    # messages may be joined byte by byte: the last part makes it unlike all others
                    own = _batch(1, dt.datetime.now(dt.UTC), f"{sender}-{number}")
                    body = body or self._bulk + own  # one that was not acknowledged is sent again
                    self._post(connection, body)
                    number, body = number + 1, b""
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # as an exporter does: the same batch is not given up lightly
            finally:
                connection.close()

    def _post(self, connection: http.client.HTTPConnection, body: bytes) -> None:
        connection.request("POST", "/v1/metrics", body, {"content-type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            self.acknowledged.add(_digest(body))

    def kill(self) -> None:
        """With SIGKILL, while the last requests may still be on their way."""
        self._ended(signal.SIGKILL)

    def end(self) -> None:
        """As Ctrl-C does."""
        self._ended(signal.SIGINT)

    def _ended(self, how: signal.Signals) -> None:
        assert self._server is not None
        place = Path("/proc") / str(self._server.pid)
        told = (place / "stat").read_text().rpartition(")")[2].split()
        self.cpu_s += (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
        peak = next(line for line in (place / "status").read_text().splitlines() if "VmHWM" in line)
        self.rss_bytes = max(self.rss_bytes, int(peak.split()[1]) * 1024)
        self._server.send_signal(how)
        self._server.wait(30)


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


def _batch(points: int, at: dt.datetime, service: str | None = None) -> bytes:
    """So many points of one input token each, as protobuf."""
    message = ExportMetricsServiceRequest()
    for number in range(points):
        if number % 50 == 0:
            held = message.resource_metrics.add()
            name = held.resource.attributes.add(key="service.name")
            name.value.string_value = service or f"service-{number // 50 % SERVICES}"
            metric = held.scope_metrics.add().metrics.add(name="gen_ai.client.token.usage")
            metric.histogram.aggregation_temporality = 1
        point = metric.histogram.data_points.add(
            time_unix_nano=int(at.timestamp() * 10**9), count=1, sum=1
        )
        for key, value in (("gen_ai.request.model", f"model-{number % 7}"),
                           ("gen_ai.token.type", "input"),
                           ("gen_ai.provider.name", "openai")):  # fmt: skip
            point.attributes.add(key=key).value.string_value = value
    return message.SerializeToString()


if __name__ == "__main__":
    sys.exit(run(measure, "seconds=60"))
