"""What a real Ray answered (test_ray_real.py keeps it), played again, whole and broken."""

import datetime as dt
import json
import threading
import time
from pathlib import Path

import pytest

from tests.answers import Answers, answering
from tests.observe.rows import as_lines, seen_by, source
from watermaster.model.errors import BadInputError
from watermaster.observe import web
from watermaster.observe.ray_rows import program
from watermaster.units.periods import Period

GOLDEN = Path(__file__).parents[1] / "golden" / "ray"
KEPT = [json.loads(line) for line in (GOLDEN / "rows.jsonl").read_text().splitlines()]
(SEEN,) = {row["last_seen"] for row in KEPT if row.get("subject_kind") == "ray-cluster"}
NOW = dt.datetime.fromisoformat(SEEN)
DAY = NOW.replace(hour=0, minute=0, second=0)
WINDOW = Period(DAY - dt.timedelta(days=2), DAY + dt.timedelta(days=1))
JOBS, NODES = "GET /api/jobs/", "GET /api/v0/nodes?detail=1&limit=10000"
SERVICES = "GET /api/serve/applications/"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setattr(web, "WAIT_S", 0)
    monkeypatch.setattr(time, "time", NOW.timestamp)
    with answering(Answers.of(GOLDEN / "answers.json")) as answers:
        yield answers


def pulled(server, window=WINDOW, **options):
    return seen_by(source("ray", server.address, platform="ray-lab", options=options), window)


def kinds(rows):
    return {row["subject_kind"] for row in rows.get("subjects", [])}


def gaps(rows):
    return {row["column"]: row["reason"] for row in rows.get("rejected", []) if row["row"] == 0}


def job(rows, name):
    return next(r for r in rows["subjects"] if r["subject_kind"] == "ray-job" and r["name"] == name)


def test_what_a_real_ray_answered_golden(server):
    found = as_lines(pulled(server)).replace(server.address, "http://ray")
    assert found == (GOLDEN / "rows.jsonl").read_text()


def test_a_job_is_seen_on_each_day_it_ran(server):
    for one in server.held[JOBS][1]:
        one["start_time"] -= 86_400_000
    rows = pulled(server)
    days = sorted((r["name"], r["day"]) for r in rows["subjects"] if r["subject_kind"] == "ray-job")
    yesterday, today = f"{DAY - dt.timedelta(days=1):%Y-%m-%d}", f"{DAY:%Y-%m-%d}"
    assert days == [(name, day) for name in ("fails", "goes-on", "leaves")
                    for day in (yesterday, today)]  # fmt: skip
    assert {row["day"] for row in rows["runs"]} == {today}


@pytest.mark.parametrize(
    ("path", "kind", "left"),
    [
        ("/api/jobs", "ray-job", {"ray-cluster", "node", "ray-service"}),
        ("/api/serve", "ray-service", {"ray-cluster", "node", "ray-job"}),
        ("/api/v0/nodes", "node", {"ray-job", "ray-service"}),
    ],
)
@pytest.mark.parametrize("fault", [403, 500, "half", b"<html>", b"7"])
def test_a_part_that_cannot_be_read_is_a_gap_and_the_rest_is_kept(server, path, kind, left, fault):
    server.faults[path] = fault
    rows = pulled(server)
    assert kinds(rows) == left
    assert set(gaps(rows)) == {kind}


def test_without_the_actors_nobody_knows_what_a_job_holds(server):
    server.faults["/api/v0/actors"] = 500
    rows = pulled(server)
    assert job(rows, "goes-on")["gpus"] is None
    assert "gpus_held_after_end" not in job(rows, "leaves")["attributes"]
    assert set(gaps(rows)) == {"actor"}
    assert job(pulled(server), "goes-on")["state"] == "running"


def test_a_list_that_is_cut_short_or_read_in_part_is_a_gap(server):
    told = server.held[NODES][1]["data"]["result"]
    told["total"] = 10_001
    assert "2 of 10001" in gaps(pulled(server))["node"]
    told |= {"total": 2, "partial_failure_warning": "1 of 2 raylets did not answer"}
    assert "raylets" in gaps(pulled(server))["node"]
    told |= {"partial_failure_warning": ""}
    assert gaps(pulled(server)) == {}


def test_a_slow_part_is_a_gap(server):
    server.faults["/api/serve"] = threading.Event()
    assert "timed out" in gaps(pulled(server, timeoutSeconds="0.2"))["ray-service"]


def test_a_cluster_without_serve_has_no_applications_and_no_gap(server):
    server.faults["/api/serve"] = 404
    rows = pulled(server)
    assert kinds(rows) == {"ray-cluster", "node", "ray-job"}
    assert gaps(rows) == {}


@pytest.mark.parametrize("fault", [401, 404, b"<html>", b"[]"])
def test_what_is_no_dashboard_is_an_error_and_never_nothing_there(server, fault):
    server.faults["/api/version"] = fault
    with pytest.raises(BadInputError):
        pulled(server)


def test_a_server_that_is_down_is_an_error_with_its_address(monkeypatch):
    monkeypatch.setattr(web, "WAIT_S", 0)
    with pytest.raises(BadInputError, match=r"http://127\.0\.0\.1:9/.*cannot be reached"):
        seen_by(source("ray", "http://127.0.0.1:9"), WINDOW)


def test_jobs_told_twice_or_by_a_wrong_clock_stand_once_and_are_told(server):
    jobs = server.held[JOBS][1]
    jobs += [dict(one) for one in jobs]
    jobs += [{"submission_id": "odd", "status": "RUNNING"}]
    ahead = next(one for one in jobs if one["submission_id"] == "goes-on")
    server.held[JOBS][1].append(ahead | {"submission_id": "ahead", "start_time": 4_000_000_000_000})
    rows = pulled(server)
    names = sorted(row["name"] for row in rows["subjects"] if row["subject_kind"] == "ray-job")
    assert names == ["ahead", "fails", "goes-on", "leaves"]
    assert job(rows, "ahead")["first_seen"] == job(rows, "ahead")["last_seen"] == NOW
    assert [row["row"] for row in rows["rejected"]] == [1, 2]
    assert "no start" in rows["rejected"][0]["reason"]
    assert "a clock is wrong" in rows["rejected"][1]["reason"]


def test_a_node_that_died_is_told_on_its_last_day(server):
    nodes = server.held[NODES][1]["data"]["result"]["result"]
    worker = next(one for one in nodes if one["node_name"] == "worker")
    worker |= {"state": "DEAD", "end_time_ms": int((NOW.timestamp() - 86_400) * 1000),
               "state_message": "Terminated by the cloud"}  # fmt: skip
    rows = pulled(server)
    (gone,) = (row for row in rows["subjects"] if row["name"] == "worker")
    assert (gone["state"], gone["day"]) == ("dead", f"{DAY - dt.timedelta(days=1):%Y-%m-%d}")
    cluster = next(row for row in rows["subjects"] if row["subject_kind"] == "ray-cluster")
    assert (cluster["gpus"], cluster["accelerator"]) == (4, "H100")


def test_a_language_model_tells_its_name_and_where_its_weights_lie(server):
    app = server.held[SERVICES][1]["applications"]["reader"]
    loading = {"model_id": "reader-7b", "model_source": "s3://models/reader"}
    app["deployed_app_config"]["args"] = {"llm_configs": [{"model_loading_config": loading}]}
    served = next(r for r in pulled(server)["subjects"] if r["subject_kind"] == "ray-service")
    assert (served["model"], served["artefact"]) == ("reader-7b", "s3://models/reader")


def test_what_may_be_a_secret_is_not_taken_in(server):
    rows = as_lines(pulled(server))
    assert "s3cret" in json.dumps(server.held)
    assert "s3cret" not in rows


@pytest.mark.parametrize(
    ("entrypoint", "told"),
    [
        ("python -m train.run --key s3cret", "python train.run"),
        ("TOKEN=s3cret bash start.sh s3cret", "bash start.sh"),
        ("echo s3cret | python x.py", "echo"),
        ("", ""),
    ],
)
def test_a_program_is_named_without_what_it_is_given(entrypoint, told):
    assert program(entrypoint) == told


def test_a_time_that_is_over_tells_its_jobs_and_nothing_of_what_stands_now(server):
    for one in server.held[JOBS][1]:
        one["start_time"] -= 2 * 86_400_000
        one["end_time"] = one["end_time"] and one["end_time"] - 2 * 86_400_000
    over = Period(WINDOW.start, DAY - dt.timedelta(days=1))
    rows = pulled(server, window=over)
    assert kinds(rows) == {"ray-job"}
    assert {row["name"] for row in rows["runs"]} == {"fails", "leaves"}


def test_the_token_is_taken_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t0ken")
    pulled(server)
    assert {head["Authorization"] for _, head in server.asked} == {"Bearer t0ken"}
