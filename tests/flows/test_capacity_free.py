"""What is free from a ledger: silence is never free, ends are told, questions are checked."""

import datetime as dt
import json

import pytest

from tests.flows.small import Clock, declare, moment, project_at, resource, store, supplied, used
from watermaster.flows.capacity_free import FreeAsked, capacity_free
from watermaster.ledger.pulls import remember_pull
from watermaster.model.errors import UsageError
from watermaster.model.synced import Pulled

DAY = "2026-10-30"
HOUR_S = 3600


@pytest.fixture
def project(tmp_path):
    """Two pools: big of 16 GPUs on two nodes with 11 reserved at 10:00, small of 4, all in use."""
    opened = project_at(tmp_path / "home", Clock(f"{DAY}T12:10:00"))
    declare(
        opened,
        resource("Team", "infra", {"unit": "IT"}),
        resource("Team", "vision", {"unit": "Care", "selectors": [{"namespace": "vision"}]}),
        resource("Platform", "fra", {"type": "slurm"}),
        resource("Pool", "big", {"platform": "fra", "accelerator": "H100", "count": 16,
                                 "nodes": ["n*"]}, "infra"),
        resource("Pool", "small", {"platform": "fra", "accelerator": "L4", "count": 4,
                                   "nodes": ["s*"]}, "vision"),
        resource("Pool", "dark", {"platform": "osl", "accelerator": "L4", "count": 4}, "vision"),
        resource("Source", "dcgm", {"type": "prometheus", "location": "http://127.0.0.1:9"}),
    )  # fmt: skip
    nodes = [("n1", 8), ("n2", 8), ("s1", 4), ("x1", 2)]
    store(opened, "gpu_supply", [
        supplied(DAY, node, hour, gpus * HOUR_S, partition=None, model="H100")
        for node, gpus in nodes for hour in (10, 11)
    ])  # fmt: skip
    store(opened, "gpu_hours", [
        used(DAY, node, hour, "a/b", gpus * HOUR_S)
        for node, gpus in (("n1", 8), ("n2", 3), ("s1", 4)) for hour in (10, 11)
    ])  # fmt: skip
    return opened


def by_pool(report):
    return {one.pool: one for one in report.free}


def test_free_is_told_by_pool_with_its_lender_and_what_is_in_no_pool(project):
    report = capacity_free(project)
    rows = by_pool(report)
    big = rows["big"]
    assert (big.free, big.supplied, big.reserved, big.on_one_node, big.team) == (5, 16, 11, 5,
                                                                               "infra")  # fmt: skip
    assert big.as_of == moment(f"{DAY}T12:00:00")
    assert (rows["small"].free, rows[None].free, rows[None].platform) == (0, 2, "fra")
    assert (rows["dark"].free, rows["dark"].gap) == (
        None, "nothing told the supply of dark in 7 days"
    )  # fmt: skip
    assert report.why.startswith("7 of 22 accelerators are free in 3 pools; 1 of 4")
    assert [one.free for one in big.week] == [5, 5]


def test_old_data_is_a_gap_and_never_free(project):
    project.ledger.clock.set(f"{DAY}T15:30:00")
    big = by_pool(capacity_free(project))["big"]
    assert (big.free, big.supplied, big.was_free) == (None, None, 5)
    assert big.gap == "no data from dcgm since 2026-10-30 12:00 UTC"
    then = capacity_free(project, FreeAsked(at=moment(f"{DAY}T12:10:00")))
    assert by_pool(then)["big"].free == 5


def test_a_source_whose_pull_failed_is_a_gap(project):
    at = moment(f"{DAY}T11:30:00")
    remember_pull(project.ledger.records, Pulled(
        source="dcgm", started_at=at, ended_at=at, seen_until=None, rows=0, fault="timed out"
    ))  # fmt: skip
    report = capacity_free(project)
    assert {one.free for one in report.free} == {None}
    assert any("no data from dcgm since" in gap for gap in report.gaps)


def test_a_pool_whose_use_nobody_tells_is_not_all_free(project):
    day = "2026-10-29"
    store(project, "gpu_supply", [
        supplied(day, "o1", 10, 4 * HOUR_S, platform="osl", source="count", model="L4",
                 partition=None)
    ])  # fmt: skip
    dark = by_pool(capacity_free(project, FreeAsked(at=moment(f"{day}T11:30:00"))))["dark"]
    assert (dark.free, dark.was_free) == (None, 4)
    assert dark.gap == "nothing told what is reserved on dark in 7 days"


def test_ends_of_jobs_and_reservations_are_told(project):
    def subject(kind, uid, about, **more):
        return {
            "source": "queue", "day": DAY, "platform": "fra", "subject_kind": kind,
            "subject_uid": uid, "name": uid, "namespace": "vision", "account": None,
            "creator": None, "labels": "{}", "gpus": 3, "state": "running",
            "attributes": json.dumps(about),
        } | more  # fmt: skip

    store(project, "subjects", [
        subject("slurm-job", "j1", {"ends_by": f"{DAY}T18:00:00+00:00", "nodes": "n[2-3]"}),
        subject("slurm-job", "j2", {"ends_by": f"{DAY}T14:00:00+00:00", "nodes": "n1"}, gpus=8),
        subject("slurm-job", "old", {"ends_by": f"{DAY}T09:00:00+00:00", "nodes": "n1"}),
        subject("reservation", "r", {"start": f"{DAY}T08:00:00+00:00",
                                     "end": f"{DAY}T20:00:00+00:00", "nodes": "n2"}),
    ])  # fmt: skip
    big = by_pool(capacity_free(project))["big"]
    assert [(one.name, one.gpus, one.at.hour, one.team) for one in big.endings] == [
        ("j2", 8, 14, "vision"), ("j1", 3, 18, "vision")
    ]  # fmt: skip
    assert (big.free, big.held) == (0, 5)


def test_time_to_gpu_is_by_pool_and_the_team_that_waited(project):
    start = dt.datetime.fromisoformat(f"{DAY}T08:00:00")
    rows = [
        {"source": "acct", "day": DAY, "platform": "fra", "subject_kind": "slurm-job",
         "subject_uid": str(n), "gpus": 2, "nodes": node, "submitted_at": start,
         "started_at": start + dt.timedelta(minutes=n), "ended_at": None}
        for n, node in ((10, "n1"), (20, "n2"), (40, "s1"))
    ]  # fmt: skip
    store(project, "runs", rows)
    told = {one.pool: one for one in capacity_free(project, FreeAsked(by=("pool",))).waits}
    assert (told["big"].n, told["big"].p50_s, told["small"].p95_s) == (2, 900, 2400)
    project.ledger.clock.set("2026-11-15T09:00:00")  # supply of those nodes is not told any more
    late = {one.pool: one.n for one in capacity_free(project, FreeAsked(by=("pool",))).waits}
    assert late == {"big": 2, "small": 1}


def test_another_dimension_is_refused_with_those_there_are(project):
    with pytest.raises(UsageError, match="take pool,team"):
        capacity_free(project, FreeAsked(by=("colour",)))


def test_an_empty_ledger_says_so(tmp_path):
    empty = capacity_free(project_at(tmp_path / "new", Clock(f"{DAY}T12:00:00")))
    assert (empty.free, empty.why) == ([], "No accelerators are seen or declared.")


def test_data_that_is_days_old_is_answered_as_of_then_and_said_so(project):
    now = capacity_free(project)
    project.ledger.clock.set("2026-11-15T09:00:00")
    told = capacity_free(project)
    assert told.at == moment(f"{DAY}T12:00:00")
    assert told.old_days == 15
    assert by_pool(told)["big"].free == by_pool(now)["big"].free == 5
    assert now.old_days is None
    asked = capacity_free(project, FreeAsked(at=project.ledger.clock()))
    assert asked.old_days is None
