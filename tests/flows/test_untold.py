"""What a server told of a day stays there when it can tell it no more."""

import datetime as dt

import pytest

from tests.flows.small import Clock, project_at, rows_of
from tests.observe.rows import tables
from watermaster.flows import telemetry
from watermaster.flows.findings import find
from watermaster.flows.inventory import inventory
from watermaster.flows.telemetry import ingest_telemetry
from watermaster.model.errors import NotFoundError
from watermaster.model.resources import SourceSpec
from watermaster.observe.batches import rejection, seen_rows
from watermaster.units.periods import Period

DAYS = ("2026-11-01", "2026-11-02")


@pytest.fixture
def project(tmp_path):
    return project_at(tmp_path / "home", Clock("2026-11-03T00:00:00"))


@pytest.fixture
def pull(project, monkeypatch):
    """Take in what a server says, given as day to things, with its gaps."""

    def pulled(said, gaps=(), location="sacct:"):
        rows = [
            {"day": day, "platform": "fra", "subject_kind": thing.split("/")[0],
             "subject_uid": thing.split("/")[1], "state": state,
             "first_seen": dt.datetime.fromisoformat(f"{day}T08:00:00+00:00")}  # no last_seen
            for day, things in said.items() for thing, state in things.items()
        ]  # fmt: skip
        unread = [rejection(("", location), 0, kind, None, "is down") for kind in gaps]
        found = [*seen_rows("subjects", rows), *seen_rows("rejected", unread)]
        assert tables(found) is not None
        monkeypatch.setattr(telemetry, "_connector", lambda spec: lambda *_: found)
        window = Period(
            dt.datetime(2026, 11, 1, tzinfo=dt.UTC), dt.datetime(2026, 11, 3, tzinfo=dt.UTC)
        )
        ingest_telemetry(project, "s", SourceSpec(type="slurm", location=location), window)
        held = rows_of(project, "subjects")
        return {
            day: {
                f"{r['subject_kind']}/{r['subject_uid']}": r["state"]
                for r in held
                if r["day"] == day
            }
            for day in DAYS
        }

    return pulled


def test_what_stood_yesterday_stays_and_what_ran_is_told_anew(pull):
    pull({"2026-11-01": {"node/a": "idle", "node/b": "down", "slurm-job/1": "pending"}})
    found = pull({
        "2026-11-01": {"slurm-job/2": "completed"}, "2026-11-02": {"node/a": "idle"},
    })  # fmt: skip
    assert found == {
        "2026-11-01": {"node/a": "idle", "node/b": "down", "slurm-job/2": "completed"},
        "2026-11-02": {"node/a": "idle"},
    }


def test_a_part_that_did_not_answer_empties_nothing(pull):
    pull({"2026-11-02": {"slurm-job/1": "running", "slurm-job/2": "pending", "node/a": "idle"}})
    found = pull({"2026-11-02": {"slurm-job/2": "running", "node/b": "idle"}}, gaps=["slurm-job"])
    assert found["2026-11-02"] == {
        "slurm-job/1": "running", "slurm-job/2": "running", "node/b": "idle",
    }  # fmt: skip


def test_files_say_the_whole_of_their_days(pull):
    pull({"2026-11-01": {"node/a": "idle", "slurm-job/1": "completed"}})
    found = pull({"2026-11-01": {"slurm-job/2": "completed"}}, location="jobs.txt")
    assert found["2026-11-01"] == {"slurm-job/2": "completed"}


def test_a_gap_that_has_closed_is_no_longer_listed(pull, project):
    pull({"2026-11-02": {"node/a": "idle"}}, gaps=["slurm-job", "qos"])
    assert {row["column"] for row in rows_of(project, "rejected")} == {"slurm-job", "qos"}
    pull({"2026-11-02": {"node/a": "idle"}}, gaps=["qos"])
    assert {row["column"] for row in rows_of(project, "rejected")} == {"qos"}
    for _ in range(2):
        pull({"2026-11-02": {"node/a": "idle"}})
        assert rows_of(project, "rejected") == []


def test_an_estate_is_shown_of_a_month_that_no_bill_has_come_for(pull, project):
    with pytest.raises(NotFoundError, match="nothing allocated or seen"):
        inventory(project)
    pull({"2026-11-01": {"node/a": "idle"}, "2026-11-02": {"node/a": "idle", "slurm-job/1": "x"}})
    assert (inventory(project).month, inventory(project).things) == ("2026-11", 2)
    assert find(project).month == "2026-11"
    with pytest.raises(NotFoundError, match="holds nothing; take 2026-11"):
        inventory(project, "2026-10")
