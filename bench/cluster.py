"""What a large cluster costs to pull: pods from a double of the API server, list to stored facts.

The double runs in a process of its own, each pull in a fresh one, so that the memory told is that
of the pull. A double is no API server: the seconds hold its own answering too.
"""

import argparse
import datetime as dt
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

from figures import Figure, measured, peak_rss_bytes, run
from tests.kubernetes_double import Double
from tests.kubernetes_double.kinds import RESOURCES
from watermaster.flows.open import create_project
from watermaster.flows.telemetry import ingest_telemetry
from watermaster.model.errors import WatermasterError
from watermaster.model.resources import SourceSpec, SourceType

FRESH = multiprocessing.get_context("spawn")
NODES = 500
SPACES = 50
Pulled = tuple[int, float, float, int]  # rows, wall and CPU seconds, peak bytes


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """One pull of a tenth of the pods and one of all: memory must not grow with them."""
    few, many = pulled(chosen.pods // 10), pulled(chosen.pods)
    count = f"{chosen.pods:,} pods"
    for pods, told in ((chosen.pods // 10, few), (chosen.pods, many)):
        yield Figure(bench="cluster", figure="pull_rss_gib", value=round(told[3] / 2**30, 2),
                     unit=f"GiB, {pods:,} pods, {told[0]:,} rows stored")  # fmt: skip
    yield Figure(bench="cluster", figure="pull_rss_growth", value=round(many[3] / few[3], 2),
                 unit="of a tenth's")  # fmt: skip
    yield Figure(bench="cluster", figure="pull_wall_s", value=round(many[1], 1),
                 unit=f"s, {count}")  # fmt: skip
    yield Figure(bench="cluster", figure="pull_cpu_s", value=round(many[2], 1),
                 unit=f"CPU s, {count}, without the double's")  # fmt: skip


def pulled(pods: int) -> Pulled:
    """A pull of a cluster of so many pods, in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        ended = FRESH.Event()
        server = FRESH.Process(target=serve, args=(pods, config, ended))
        server.start()
        try:
            while not config.exists():
                if not server.is_alive():
                    raise SystemExit("the double ended before it began")
                time.sleep(0.2)
            with FRESH.Pool(1) as pool:
                return pool.apply(pull, (config, Path(folder) / "home"))
        finally:
            ended.set()
            server.join()


def pull(config: Path, home: Path) -> Pulled:
    """Ingest what the double tells, as `wm ingest kubernetes` does."""
    project = create_project(home, tell=lambda _: None, clock=lambda: dt.datetime.now(dt.UTC))
    spec = SourceSpec(type=SourceType.KUBERNETES, location="kubernetes:large",
                      options={"kubeconfig": str(config)})  # fmt: skip
    with measured() as used:
        try:
            found = ingest_telemetry(project, "large", spec, None)
        except WatermasterError as error:  # it does not survive the way to another process
            raise RuntimeError(str(error)) from None
    if found.unread:
        raise SystemExit(f"not all was read: {found.unread}")
    return found.rows["subjects"], used.wall_s, used.cpu_s, peak_rss_bytes()


def serve(pods: int, config: Path, ended: Event) -> None:
    """The double with its pods, until it is ended; the kubeconfig is written when it is ready."""
    double = Double()
    kinds = {one.kind: one for one in RESOURCES}
    for number in range(SPACES):
        double.make("Namespace", f"team-{number:02}")
    for number in range(NODES):
        labels = {"nvidia.com/gpu.product": "H100"}
        double.make("Node", f"n-{number:03}", metadata={"labels": labels},
                    status={"capacity": {"nvidia.com/gpu": "8"}})  # fmt: skip
    held = double.objects.held[kinds["Pod"]]
    for number in range(pods):
        space, name = f"team-{number % SPACES:02}", f"serve-{number // 4}-5c9-{number:06}"
        held[space, name] = pod(number, space, name)
    double.kubeconfig(config.with_suffix(".half"), "large").rename(config)
    ended.wait()
    double.stop()


def pod(number: int, space: str, name: str) -> dict[str, object]:
    """A pod of about 6 KB of JSON, as a real one is with its managed fields."""
    fields: dict[str, object] = {
        f"f:spec-{n}": {"f:containers": {f'k:{{"name":"c{n}"}}': {}}} for n in range(40)
    }
    env = [{"name": f"SETTING_{n}", "value": f"value-{n}-{number}"} for n in range(20)]
    serves = {
        "name": "serve", "image": "vllm:1", "env": [*env, {"name": "IN", "value": "s3://in/x"}],
        "args": ["--model", f"m-{number % 40}"], "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }  # fmt: skip
    conditions = [{"type": f"Condition{n}", "status": "True"} for n in range(5)]
    owner = {"kind": "ReplicaSet", "name": f"serve-{number // 4}-5c9", "controller": True}
    return {
        "metadata": {
            "name": name, "namespace": space, "uid": f"u-{number}", "resourceVersion": "7",
            "creationTimestamp": "2026-11-01T00:00:00Z", "ownerReferences": [owner],
            "labels": {"app": f"serve-{number // 4}", "pod-template-hash": "5c9"},
            "annotations": {"note": "x" * 500}, "managedFields": [{"fieldsV1": fields}],
        },
        "spec": {"nodeName": f"n-{number % NODES:03}", "containers": [serves, {"name": "side"}],
                 "serviceAccountName": "server"},
        "status": {"phase": "Running", "conditions": conditions},
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(run(measure, "pods=100000"))
