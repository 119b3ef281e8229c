"""What would mend a finding follows from its rule and the things it is about, and from no more."""

import datetime as dt
from dataclasses import replace

import pytest

from watermaster.decide.review.remedy import remedies
from watermaster.model.findings import Finding
from watermaster.model.things import Thing

DAY = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
POD = Thing(
    source="k8s", platform="eks", kind="pod", uid="chat/a-0", parent_uid="deployment/chat/a",
    first_seen=DAY, last_seen=DAY, workload="chat-a",
)  # fmt: skip
TWIN = replace(POD, uid="chat/b-0", parent_uid="deployment/chat/b", workload="chat-b")
JOB = replace(POD, kind="slurm-job", uid="lab:7:1", parent_uid=None, state="running")


def finding(rule, **asks):
    return Finding(rule=rule, subject="workload/x", why="w", next_step="n", month="2026-10",
                   cost=None, currency=None, asks=asks)  # fmt: skip


def asked(rule, *things, **asks):
    return [(one.verb, one.uid, dict(one.asked)) for one in remedies(finding(rule, **asks), things)]


@pytest.mark.parametrize(
    ("rule", "thing", "verb"),
    [
        ("inactive-gpu", POD, "scale"),
        ("zombie-experiment", JOB, "cancel"),
        ("zombie-experiment", replace(JOB, state="pending"), "hold"),
        ("idle-reservation", replace(JOB, kind="reservation", uid="course"), "release-reservation"),
        ("orphaned-volume", replace(POD, kind="volume", parent_uid=None), "snapshot-delete"),
    ],
)
def test_each_rule_asks_for_its_verb(rule, thing, verb):
    assert [told for told, _, _ in asked(rule, thing)] == [verb]


def test_of_two_alike_endpoints_the_cheaper_is_merged_into_the_other():
    wanted = {"merge": "chat-b", "into": "chat-a"}
    assert asked("duplicate-endpoint", POD, TWIN, **wanted) == [
        ("merge", "deployment/chat/b", {"into": "deployment/chat/a"})
    ]


@pytest.mark.parametrize(
    "other",
    [
        replace(POD, platform="aks"),
        replace(POD, parent_uid="statefulset/chat/a"),
        replace(POD, state="deleted"),
    ],
)
def test_where_no_service_can_lead_to_the_other_it_is_stopped_and_never_both(other):
    wanted = {"merge": "chat-b", "into": "chat-a"}
    assert asked("duplicate-endpoint", other, TWIN, **wanted) == [
        ("scale", "deployment/chat/b", {"replicas": 0})
    ]


def test_over_budget_only_what_waits_is_held_and_what_runs_is_left_alone():
    waiting = replace(JOB, state="pending", uid="lab:8:1")
    assert asked("experiment-over-budget", POD, JOB, waiting) == [("hold", "lab:8:1", {})]


@pytest.mark.parametrize("rule", ["data-out-of-place", "model-sprawl", "promote-experiment"])
def test_what_a_person_must_think_about_asks_for_nothing(rule):
    assert asked(rule, POD, JOB) == []


@pytest.mark.parametrize("rule", ["inactive-gpu", "duplicate-endpoint"])
def test_what_is_gone_needs_no_mending(rule):
    gone = replace(TWIN, state="deleted")
    assert asked(rule, gone, merge="chat-b", into="chat-a") == []


def test_an_experiment_that_ends_keeps_its_artefact_before_its_gpus_go():
    place = "s3://models/letters/7"
    told = asked("sunset-experiment", POD, keep=place)
    assert [(verb, uid) for verb, uid, _ in told] == [
        ("replicate", place), ("scale", "deployment/chat/a"),
    ]  # fmt: skip
    assert asked("sunset-experiment", keep=place) == []  # nothing is released
