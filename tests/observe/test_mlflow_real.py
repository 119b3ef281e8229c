"""A team's week in a real MLflow server, read back whole, page by page, and kept as answers."""

import datetime as dt
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.answers import Answers, answering
from tests.observe.rows import as_lines, seen_by, source
from watermaster.observe import mlflow as reader
from watermaster.units.periods import Period

pytestmark = pytest.mark.deep  # a server of 20 CPU seconds; its kept answers are played always
GOLDEN = Path(__file__).parents[1] / "golden" / "mlflow"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
WINDOW = Period(dt.datetime(2026, 11, 21, tzinfo=dt.UTC), dt.datetime(2026, 11, 24, tzinfo=dt.UTC))
CORPUS = {"dataset": {"name": "corpus", "digest": "c0ffee", "source_type": "s3",
                      "source": '{"uri": "s3://rag-corpus/v3/"}'},
          "tags": [{"key": "mlflow.data.context", "value": "training"}]}  # fmt: skip
SQUAD = {"dataset": {"name": "squad", "digest": "5add", "source_type": "hugging_face",
                     "source": '{"path": "squad"}'}, "tags": []}  # fmt: skip


def at(day, hour):
    return int(dt.datetime(2026, 11, day, hour, tzinfo=dt.UTC).timestamp() * 1000)


def pairs(told):
    return [{"key": key, "value": value} for key, value in told.items()]


class Team:
    """Who works with the server, over its own API."""

    def __init__(self, address):
        self.address = f"{address}/api/2.0/mlflow/"

    def do(self, path, **body):
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(), head)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()}") from None

    def run(self, experiment, name, start, end=None, **told):
        tags = {"mlflow.user": told.get("user", "anna"), "mlflow.source.name": "train.py"}
        info = self.do("runs/create", experiment_id=experiment, run_name=name, start_time=start,
                       tags=pairs(tags | told.get("tags", {})))["run"]["info"]  # fmt: skip
        idn = info["run_id"]
        metrics = [{"key": key, "value": 0.5, "timestamp": stamp, "step": 1}
                   for key, stamp in told.get("metrics", {}).items()]  # fmt: skip
        self.do("runs/log-batch", run_id=idn, params=pairs(told.get("params", {})), metrics=metrics)
        if told.get("inputs"):
            self.do("runs/log-inputs", run_id=idn, datasets=told["inputs"])
        if end is not None:
            self.do("runs/update", run_id=idn, status=told.get("status", "FINISHED"), end_time=end)
        return idn


@pytest.fixture(scope="module")
def worked(mlflow):
    """Two experiments, one deleted; runs that ended, failed, go on, hang, and lie; two models."""
    team = Team(mlflow)
    reader_id = team.do("experiments/create", name="reader", tags=pairs({"team": "rag"}))
    lab = team.do("experiments/create", name="lab")["experiment_id"]
    main = reader_id["experiment_id"]
    tuned = team.run(main, "tune", at(21, 20), at(22, 4), params={"base_model": "llama-3-8b"},
                     inputs=[CORPUS, SQUAD], tags={"SLURM_JOB_ID": "17"},
                     metrics={"loss": at(22, 3), "system/gpu_0_power_usage_watts": at(22, 3),
                              "system/gpu_1_power_usage_watts": at(22, 3)})  # fmt: skip
    team.run(main, "child", at(22, 1), at(22, 2), status="FAILED", user="bo",
             tags={"mlflow.parentRunId": tuned})  # fmt: skip
    team.run(main, "goes-on", at(23, 9), metrics={"loss": at(23, 11)})
    team.run(main, "hangs", at(1, 9), metrics={"loss": at(2, 9)})
    team.run(main, "long-ago", at(1, 9), at(2, 9))
    team.run(lab, "skewed", at(22, 9), at(22, 7), user="bo")
    team.do("experiments/delete", experiment_id=lab)
    for name in ("reader", "scorer"):
        team.do("registered-models/create", name=name, tags=pairs({"team": name}))
    team.do("model-versions/create", name="reader", source="s3://models/reader/1", run_id=tuned,
            tags=pairs({"digest": "sha256:" + "a" * 64}))  # fmt: skip
    held = team.do("logged-models", experiment_id=main, name="weights", source_run_id=tuned)
    idn = held["model"]["info"]["model_id"]
    team.do("model-versions/create", name="scorer", source=f"models:/{idn}", model_id=idn)
    team.do("registered-models/alias", name="reader", alias="live", version="1")
    return tuned


def pulled(address, monkeypatch):
    monkeypatch.setattr(time, "time", NOW.timestamp)
    return seen_by(source("mlflow", address), WINDOW)


def test_every_page_is_read(mlflow, worked, monkeypatch):
    whole = pulled(mlflow, monkeypatch)
    monkeypatch.setattr(reader, "A_PAGE", 1)
    monkeypatch.setattr(reader, "EXPERIMENTS_AT_ONCE", 1)
    assert as_lines(pulled(mlflow, monkeypatch)) == as_lines(whole)


def test_what_was_done_is_found(mlflow, worked, monkeypatch):
    rows = pulled(mlflow, monkeypatch)
    runs = {row["name"]: row for row in rows["runs"]}
    assert set(runs) == {"tune", "child", "goes-on", "hangs", "skewed"}
    assert runs["tune"]["subject_uid"] == worked
    versions = {
        r["model"]: r["artefact"] for r in rows["subjects"] if "version" in r["subject_kind"]
    }
    assert versions["reader"] == "sha256:" + "a" * 64
    assert versions["scorer"].startswith("s3://artefacts/mlflow/")


def test_its_answers_are_those_that_are_kept(mlflow, worked, monkeypatch, tmp_path):
    """WM_KEEP_ANSWERS=1 writes them anew; ids and times of making differ, nothing else."""
    with answering(Answers(behind=mlflow)) as answers:
        rows = pulled(answers.address, monkeypatch)
    place = GOLDEN if os.environ.get("WM_KEEP_ANSWERS") else tmp_path
    answers.keep(place / "answers.json")
    (place / "rows.jsonl").write_text(as_lines(rows).replace(answers.address, "http://mlflow"))
    kept = (GOLDEN / "rows.jsonl").read_text().splitlines()
    assert sorted(map(shape, kept)) == sorted(map(shape, as_lines(rows).splitlines()))


def shape(line):
    """What of a row is the same in every server."""
    row = json.loads(line)
    told = (row.get(name) or "" for name in ("table", "day", "subject_kind", "name", "state"))
    return *told, sorted(row)
