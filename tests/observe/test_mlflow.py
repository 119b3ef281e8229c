"""What a real MLflow answered (test_mlflow_real.py keeps it), played again, whole and broken."""

import base64
import datetime as dt
import json
import threading
import time
from pathlib import Path

import pytest

from tests.answers import Answers, answering
from tests.observe.rows import as_lines, seen_by, source
from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.events import Notice
from watermaster.observe import web
from watermaster.units.periods import Period

GOLDEN = Path(__file__).parents[1] / "golden" / "mlflow"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
WINDOW = Period(dt.datetime(2026, 11, 21, tzinfo=dt.UTC), dt.datetime(2026, 11, 24, tzinfo=dt.UTC))


@pytest.fixture
def server(monkeypatch):
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setattr(web, "WAIT_S", 0)
    monkeypatch.setattr(time, "time", NOW.timestamp)
    with answering(Answers.of(GOLDEN / "answers.json")) as answers:
        yield answers


def pulled(server, told=None, window=WINDOW, **options):
    return seen_by(source("mlflow", server.address, options=options), window, told)


def kinds(rows):
    return {row["subject_kind"] for row in rows.get("subjects", [])}


def test_what_a_real_mlflow_answered_golden(server):
    found = as_lines(pulled(server)).replace(server.address, "http://mlflow")
    assert found == (GOLDEN / "rows.jsonl").read_text()


def test_a_run_is_seen_on_the_days_it_ran_and_one_that_hangs_only_where_it_stands(server):
    rows = pulled(server)
    days = {}
    for row in rows["subjects"]:
        if row["subject_kind"] == "run":
            days.setdefault(row["name"], []).append((row["day"], row["last_seen"]))
    assert [day for day, _ in days["tune"]] == ["2026-11-21", "2026-11-22"]
    assert days["goes-on"] == days["hangs"] == [("2026-11-23", NOW)]
    hangs = next(row for row in rows["subjects"] if row["name"] == "hangs")
    assert hangs["last_used"] == dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


def test_a_run_names_the_data_it_reads_and_writes_and_the_model(server):
    tune = next(row for row in pulled(server)["subjects"] if row["name"] == "tune")
    uses = json.loads(tune["uses"])
    assert {"s3://rag-corpus/v3", "hf://datasets/squad"} < set(uses)
    assert tune["artefact"] in uses
    assert (tune["model"], tune["gpus"], tune["creator"]) == ("llama-3-8b", 2, "anna")
    named = next(r for r in pulled(server, modelKeys="SLURM_JOB_ID")["subjects"] if r["gpus"])
    assert named["model"] == "17"


def test_a_clock_that_was_wrong_is_told_and_gives_no_duration(server):
    rows = pulled(server)
    (fault,) = rows["rejected"]
    assert (fault["row"], fault["column"]) == (1, "end_time")
    assert "before it starts" in fault["reason"]
    skewed = next(row for row in rows["runs"] if row["name"] == "skewed")
    assert skewed["started_at"] is None
    assert skewed["ended_at"] is not None


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (403, "does not let us in (403: no)"),
        (500, "answers 500: no"),
        (302, "answers 302"),
        ("half", "its answer breaks off"),
        (b"<html>sign in</html>", "answers no JSON but"),
        (b"[]", "does not answer like an MLflow"),
        (b'{"model_versions": [], "next_page_token": "x"}', "gives the same page again"),
    ],
)
def test_models_that_cannot_be_read_are_a_gap_and_the_runs_are_kept(server, fault, words):
    server.faults["model-versions/search"] = fault
    told = []
    rows = pulled(server, told)
    assert kinds(rows) == {"experiment", "run"}
    gap = next(row for row in rows["rejected"] if row["row"] == 0)
    assert gap["column"] == "model-version"
    assert words in gap["reason"]
    assert any(isinstance(event, Notice) for event in told)


def test_runs_that_cannot_be_read_are_a_gap_and_the_models_are_kept(server):
    server.faults["runs/search"] = 503
    rows = pulled(server)
    assert kinds(rows) == {"experiment", "model-version"}
    assert [row["column"] for row in rows["rejected"]] == ["run"]
    assert "runs" not in rows


def test_a_slow_part_is_a_gap_and_does_not_hold_up_the_rest(server):
    server.faults["registered-models"] = threading.Event()
    rows = pulled(server, timeoutSeconds="0.2")
    assert kinds(rows) == {"experiment", "run"}
    assert "timed out" in next(row["reason"] for row in rows["rejected"] if row["row"] == 0)


@pytest.mark.parametrize("fault", [401, 404, b"<html>", b'{"experiments": 7}'])
def test_a_server_that_tells_nothing_is_an_error_and_never_nothing_there(server, fault):
    server.faults["experiments/search"] = fault
    with pytest.raises(BadInputError):
        pulled(server)


def test_a_server_that_is_down_is_an_error_with_its_address(monkeypatch):
    monkeypatch.setattr(web, "WAIT_S", 0)
    with pytest.raises(BadInputError, match=r"http://127\.0\.0\.1:9/.*cannot be reached"):
        seen_by(source("mlflow", "http://127.0.0.1:9"), WINDOW)


def test_pages_that_overlap_tell_a_run_once(server):
    whole = pulled(server)
    runs = [key for key in server.held if "runs/search" in key and "end_time" in key]
    for key in runs:
        server.held[key][1]["runs"] *= 2
    again = pulled(server)
    assert as_lines(again) == as_lines(whole)


def test_a_time_that_is_over_tells_its_runs_and_nothing_of_what_stands_now(server):
    before = Period(WINDOW.start, dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
    for key, value in list(server.held.items()):
        server.held[key.replace("1795478400000", str(int(before.end.timestamp() * 1000)))] = value
    rows = pulled(server, window=before)
    assert kinds(rows) == {"run"}
    assert {row["name"] for row in rows["runs"]} == {"tune", "child", "skewed"}


def test_who_asks_is_told_by_the_environment_or_a_file_and_never_followed_elsewhere(
    server, monkeypatch, tmp_path
):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ops")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    pulled(server)
    basic = base64.b64encode(b"ops:secret").decode()
    assert {head["Authorization"] for _, head in server.asked} == {f"Basic {basic}"}
    (tmp_path / "token").write_text("t0ken\n")
    server.asked.clear()
    server.faults["experiments/search"] = 302
    with pytest.raises(BadInputError, match="answers 302") as caught:
        pulled(server, tokenFile=str(tmp_path / "token"))
    assert [(path, head["Authorization"]) for path, head in server.asked] == [
        ("/api/2.0/mlflow/experiments/search", "Bearer t0ken")
    ]
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "options", "words"),
    [
        ("mlflow.example", {}, "no web address"),
        ("https://ops:secret@mlflow.example", {}, "holds credentials"),
        ("http://m", {"tokenEnv": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ("http://m", {"tokenFile": "/nowhere"}, "No such file"),
        ("http://m", {"timeoutSeconds": "soon"}, "soon is no number"),
    ],
)
def test_a_source_that_cannot_be_right_says_what_to_write(location, options, words):
    with pytest.raises(BadResourceError, match=words) as caught:
        seen_by(source("mlflow", location, options=options), WINDOW)
    assert "secret" not in str(caught.value) or "holds" not in words
