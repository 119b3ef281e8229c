"""What is kept and serves nobody: each case, and what only looks like it."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.decide.estate.test_findings import (
    BORN,
    ESTATE,
    NOW,
    POD,
    day,
    resource,
    rules,
    seen,
    workload,
)
from watermaster.decide.estate.findings import findings
from watermaster.model.estate import Estate
from watermaster.model.things import Thing, WorkloadUse

OLD = day(1) - dt.timedelta(days=80)
ALIVE = [WorkloadUse(workload=name, cost=Decimal(9), last_seen=day(31), runs=1, requests=None)
         for name in ("reader", "reader-b")]  # fmt: skip


def kept(kind, uid, **more):
    told = {"created_at": OLD, "source": "aws", "platform": "aws", "first_seen": day(1),
            "last_seen": day(31), "cost": Decimal(4)}  # fmt: skip
    return Thing(kind=kind, uid=uid, **told | more)


@pytest.mark.parametrize(
    ("changes", "is_found"),
    [
        ({"parent_uid": "vol-1"}, False),  # its volume is there
        ({"parent_uid": "vol-9"}, True),
        ({"parent_uid": "vol-9", "created_at": day(20)}, False),
        ({"parent_uid": "vol-9", "workload": "reader", "team": "rag"}, False),  # a backup
        ({"workload": "score", "team": "fraud"}, True),  # whose work ended
        ({"team": "rag"}, False),  # a team keeps it
    ],
)
def test_a_snapshot_is_an_orphan_once_its_volume_or_its_work_is_gone(changes, is_found):
    volumes = [kept("volume", f"vol-{n}", state="in-use", team="rag") for n in (1, 2)]
    found = rules(*volumes, kept("snapshot", "snap-1", **changes))
    assert found == ([("orphaned-snapshot", "snapshot/aws/snap-1")] if is_found else [])


def test_a_volume_detached_three_days_ago_is_no_orphan():
    held = [
        kept("volume", f"vol-{days}", state="available", team="rag",
             last_used=NOW - dt.timedelta(days=days))
        for days in (3, 31)
    ]  # fmt: skip
    assert rules(*held) == [("orphaned-volume", "volume/aws/vol-31")]


def test_a_service_that_was_asked_in_the_month_is_no_orphan_whatever_its_inventory_says():
    held = kept("endpoint", "e-1", team="rag", last_used=OLD, requests=3)
    other = kept("inference-service", "e-2", team="rag", last_used=OLD, requests=0)
    assert rules(held, other) == [("orphaned-endpoint", "inference-service/aws/e-2")]


def spending(name, *daily, **more):
    days = {dt.date(2026, 10, n): Decimal(cost) for n, cost in enumerate(daily, 1)}
    return WorkloadUse(workload=name, cost=sum(days.values(), Decimal(0)), last_seen=day(31),
                       runs=1, requests=None, daily=days, **more)  # fmt: skip


@pytest.mark.parametrize(
    ("daily", "extra"),
    [
        ((100,) * 9 + (900,) * 5 + (100,) * 9, 4000),
        ((100,) * 9 + (900,) * 4 + (100,) * 9, None),  # a job somebody waits for
        ((100, 100, 900) * 5, None),  # peaks that do not follow each other
        ((900,) * 22, None),  # dear, and always so
        ((1,) * 9 + (20,) * 5 + (1,) * 9, None),  # a trifle
        ((100,) * 9 + (190,) * 5 + (100,) * 9, None),  # a little more
    ],
)
def test_an_experiment_runs_away_when_days_in_a_row_cost_a_multiple(daily, extra):
    estate = Estate((*ESTATE.versions, workload("sweep", "rag", **BORN)))
    use = [*ALIVE, spending("sweep", *daily)]
    told = findings(seen(workloads=use), estate)
    assert [(one.rule, one.cost) for one in told] == (
        [("runaway-experiment", extra)] if extra else []
    )
    assert rules(estate=Estate((*ESTATE.versions, workload("sweep", "rag"))), workloads=use) == []


QUIET = {"asked": 0, "asked_days": 60}


@pytest.mark.parametrize(
    ("change", "is_found"),
    [
        ({}, True),
        ({"asked": 4}, False),
        ({"asked": None, "asked_days": 0}, False),  # nobody counts
        ({"asked_days": 31}, False),  # not counted for long enough
        ({"cost": Decimal(40)}, False),  # a trifle
    ],
)
def test_work_that_costs_and_is_asked_by_nobody_for_60_days_delivers_nothing(change, is_found):
    silent = replace(spending("reader", *(100,) * 9), **QUIET | change)
    found = [("consuming-without-delivering", "workload/reader")]
    assert rules(workloads=[silent, ALIVE[1]]) == (found if is_found else [])


def test_work_whose_output_is_read_delivers():
    silent = replace(spending("reader", *(100,) * 9), **QUIET)
    output = kept("prefix", "s3://out", workload="reader", team="rag", last_used=day(9))
    assert rules(output, workloads=[silent, ALIVE[1]]) == []
    old = replace(output, last_used=OLD)
    assert ("consuming-without-delivering", "workload/reader") in rules(
        old, workloads=[silent, ALIVE[1]]
    )


def test_nothing_is_said_of_delivery_while_a_source_is_silent():
    silent = replace(spending("reader", *(100,) * 9), **QUIET)
    use = [silent, ALIVE[1]]
    assert rules(POD, workloads=use, silent=frozenset({"s3"})) == []


def test_two_teams_that_build_the_same_are_told_and_their_look_alikes_are_not():
    bases = [("letters-a", "llama"), ("letters-b", "llama"), ("letters-c", "bert")]
    builds = {  # workload: team, model, datasets
        "letter-tune": ("fraud", "letters-a", ["scans"]),
        "rag-letters-tune": ("rag", "letters-b", ["scans"]),
        "rag-letter-tune-2": ("rag", "letters-c", ["scans"]),  # another base model
        "letter-tuning": ("rag", "letters-b", ["news"]),  # other data
        "zebra": ("rag", "letters-b", ["scans"]),  # another name
        "fraud-letter-tune-b": ("fraud", "letters-a", ["scans"]),  # the same team
    }
    estate = Estate((
        *ESTATE.versions,
        *(resource("Model", name, {"purpose": "x", "baseModel": base}) for name, base in bases),
        *(workload(name, team, purpose="fine-tuning", model=model, datasets=data)
          for name, (team, model, data) in builds.items()),
    ))  # fmt: skip
    use = [*ALIVE, *(spending(name, 5, 6) for name in builds)]
    assert sorted(rules(estate=estate, workloads=use)) == [
        ("twin-builds", "workload/fraud-letter-tune-b+rag-letters-tune"),
        ("twin-builds", "workload/letter-tune+rag-letters-tune"),
    ]


def test_twins_are_told_where_a_word_of_the_name_is_the_team_of_one_of_them():
    builds = {"fraud-translator-tune": "fraud", "frauds-translator-tuning": "rag"}
    estate = Estate((
        *ESTATE.versions,
        *(workload(name, team, purpose="fine-tuning", model="reader-7b", datasets=["scans"])
          for name, team in builds.items()),
    ))  # fmt: skip
    use = [*ALIVE, *(spending(name, 5, 6) for name in builds)]
    assert rules(estate=estate, workloads=use) == [
        ("twin-builds", "workload/fraud-translator-tune+frauds-translator-tuning")
    ]
