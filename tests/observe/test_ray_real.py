"""Jobs and an application on a real Ray of two nodes, read back, and kept as answers."""

import datetime as dt
import json
import os
import urllib.request
from pathlib import Path

import pytest

from tests.answers import Answers, answering
from tests.components import until
from tests.observe.rows import as_lines, seen_by, source
from watermaster.units.periods import Period

pytestmark = pytest.mark.deep  # a minute of CPU; its kept answers are played always
GOLDEN = Path(__file__).parents[1] / "golden" / "ray"
DASHBOARD = "http://127.0.0.1:8265"
TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Period(TODAY, TODAY + dt.timedelta(days=2))
WORK = """
import sys, time, ray
ray.init(log_to_driver=False)
@ray.remote(num_gpus=1)
class Holder:
    def ping(self): return 1
how = {"lifetime": "detached"} if sys.argv[1] == "leaves" else {}
held = [Holder.options(name=f"{sys.argv[1]}-{n}", namespace="x", **how).remote() for n in range(2)]
ray.get([one.ping.remote() for one in held])
time.sleep(float(sys.argv[2]))
"""
SERVED = """
from ray import serve
@serve.deployment(num_replicas=2, ray_actor_options={"num_gpus": 1, "num_cpus": 0.1})
class Reader:
    def __call__(self, request): return "ok"
app = Reader.bind()
"""


@pytest.fixture(scope="module")
def worked(ray):
    """A job that goes on, one that fails, one that leaves GPUs held, and an application."""
    (ray.folder / "work.py").write_text(WORK)
    (ray.folder / "served.py").write_text(SERVED)

    def ask(method, path, body=None):
        text = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(DASHBOARD + path, text, method=method)
        request.add_header("Content-Type", "application/json")

        def there():
            with urllib.request.urlopen(request, timeout=60) as answer:
                told = answer.read()
                return json.loads(told) if told else None

        return ray.do(there)

    for name, start, user in (
        ("goes-on", f"python {ray.folder}/work.py goes-on 600", "anna"),
        ("fails", "python -c 'import sys; sys.exit(3)'", "bo"),
        ("leaves", f"python {ray.folder}/work.py leaves 0", "bo"),
    ):
        told = {"user": user, "team": "rag" if user == "anna" else "lab"}
        told = {"entrypoint": start, "submission_id": name, "metadata": told}
        ask("POST", "/api/jobs/", told | {"runtime_env": {"env_vars": {"KEY": "s3cret"}}})
    served = {"name": "reader", "route_prefix": "/read", "import_path": "served:app",
              "runtime_env": {"env_vars": {"PYTHONPATH": str(ray.folder)}}}  # fmt: skip
    ask("PUT", "/api/serve/applications/", {"applications": [served]})

    def is_so():
        states = {one["submission_id"]: one["status"] for one in ask("GET", "/api/jobs/")}
        held = ask("GET", "/api/v0/actors?limit=1000&detail=1")["data"]["result"]["result"]
        alive = [one for one in held if one["class_name"] == "Holder" and one["state"] == "ALIVE"]
        apps = ask("GET", "/api/serve/applications/")["applications"]
        return (
            states == {"goes-on": "RUNNING", "fails": "FAILED", "leaves": "SUCCEEDED"}
            and len(alive) == 4
            and apps.get("reader", {}).get("status") == "RUNNING"
        )

    until(is_so, 120, "the work")


@pytest.fixture(scope="module")
def answers(ray, worked):
    with answering(Answers(behind=DASHBOARD, inside=ray.do)) as served:
        yield served


@pytest.fixture(scope="module")
def rows(answers):
    return seen_by(source("ray", answers.address, platform="ray-lab"), WINDOW)


def things(rows):
    return {(row["subject_kind"], row["name"]): row for row in rows["subjects"]}


def about(row):
    return json.loads(row["attributes"])


def test_the_cluster_and_its_nodes_tell_their_accelerators(rows):
    held = things(rows)
    cluster = held["ray-cluster", "ray-lab"]
    assert (cluster["gpus"], cluster["accelerator"], cluster["state"]) == (12, "A100,H100", "alive")
    assert about(cluster)["gpus_held"] == 6
    nodes = {name: (held["node", name]["gpus"], held["node", name]["accelerator"])
             for name in ("head", "worker")}  # fmt: skip
    assert nodes == {"head": (4, "H100"), "worker": (8, "A100")}


def test_jobs_tell_who_started_them_how_they_ended_and_what_they_hold(rows):
    held = things(rows)
    going, failed, left = (held["ray-job", name] for name in ("goes-on", "fails", "leaves"))
    assert (going["state"], going["gpus"], going["creator"]) == ("running", 2, "anna")
    assert json.loads(going["labels"]) == {"team": "rag", "user": "anna"}
    assert about(going)["program"].startswith("python ")
    assert (failed["state"], about(failed)["exit_code"]) == ("failed", 3)
    assert about(left)["gpus_held_after_end"] == 2
    runs = {row["name"]: (row["state"], row["exit_code"], row["user"]) for row in rows["runs"]}
    assert runs == {
        "goes-on": ("RUNNING", None, "anna"), "fails": ("FAILED", "3", "bo"),
        "leaves": ("SUCCEEDED", "0", "bo"),
    }  # fmt: skip


def test_an_application_tells_its_replicas_and_where_they_run(rows):
    service = things(rows)["ray-service", "reader"]
    assert (service["state"], service["gpus"]) == ("running", 2)
    (deployment,) = about(service)["deployments"]
    assert (deployment["name"], deployment["replicas"]) == ("Reader", 2)
    assert service["accelerator"]


def test_secrets_of_a_job_are_not_taken_in(rows):
    assert "s3cret" not in as_lines(rows)


def test_its_answers_are_those_that_are_kept(answers, rows, ray, monkeypatch, tmp_path):
    """WM_KEEP_ANSWERS=1 writes them anew; ids and times differ, nothing else."""
    place = GOLDEN if os.environ.get("WM_KEEP_ANSWERS") else tmp_path
    answers.keep(place / "answers.json")
    (place / "rows.jsonl").write_text(as_lines(rows).replace(answers.address, "http://ray"))
    for name in ("answers.json", "rows.jsonl"):
        text = (place / name).read_text().replace(str(ray.folder), "/work")
        (place / name).write_text(text)
    kept = (GOLDEN / "rows.jsonl").read_text().splitlines()
    assert sorted(map(shape, kept)) == sorted(map(shape, as_lines(rows).splitlines()))


def shape(line):
    """What of a row is the same in every cluster."""
    row = json.loads(line)
    told = (row.get(name) or "" for name in ("table", "subject_kind", "name", "state"))
    return *told, sorted(row)
