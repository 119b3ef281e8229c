"""Findings are kept by a stable id, told while they hold, and never follow from a gap."""

import datetime as dt
import json

import pytest

from tests.flows.small import Clock, charge, declare, project_at, resource, store, supplied, used
from watermaster.cli.main import run
from watermaster.flows.allocate import allocate_months
from watermaster.flows.findings import Chosen, find, list_findings, show_finding
from watermaster.model.errors import NotFoundError

MONTH = "2026-09"
DAYS = tuple(f"{MONTH}-{number:02d}" for number in (5, 6))
RESOURCES = ("i-1", "i-2", "i-3")


def subject(uid, day, **more):
    namespace, _, name = uid.partition("/")
    return {"source": "dcgm", "day": day, "platform": "fra", "subject_kind": "pod",
            "subject_uid": uid, "namespace": namespace, "name": name,
            "first_seen": _at(day), "last_seen": _at(day, 23),
            } | more  # fmt: skip


@pytest.fixture
def project(tmp_path):
    """A pool with a busy, an idle-held and an undeclared pod; two billed things are nobody's."""
    project = project_at(tmp_path / "home", Clock("2026-10-05T08:00:00"))
    store(project, "charges", [
        charge("aws", MONTH, 10 * n + place, "10", resource_id=idn,
               charge_period_start=_at(day), charge_period_end=_at(day, 24))
        for n, idn in enumerate(RESOURCES) for place, day in enumerate(DAYS)
    ])  # fmt: skip
    pods = {"rag/reader-0": 0.7, "rag/held-0": 0.0, "tmp/x": 0.5}
    store(project, "subjects", [
        subject(uid, day)
        for uid in pods for day in DAYS
    ])  # fmt: skip
    store(project, "gpu_hours", [
        used(day, "n-1", hour, uid, 3600, model="L40S", used_s=int(3600 * busy))
        for uid, busy in pods.items() for day in DAYS for hour in range(13)
    ])  # fmt: skip
    store(project, "gpu_supply", [
        supplied(day, "n-1", hour, 8 * 3600, model="L40S") for day in DAYS for hour in range(24)
    ])  # fmt: skip
    declare(
        project,
        resource("Team", "rag", {"unit": "Care", "selectors": [{"resourceId": "i-1"}]}),
        resource("Workload", "reader", {"purpose": "online-inference",
                                        "selectors": [{"namespace": "rag"}]}, "rag"),
    )  # fmt: skip
    allocate_months(project)
    return project


def _at(day, hour=0):
    return dt.datetime.fromisoformat(day) + dt.timedelta(hours=hour)


def test_each_thing_that_does_not_fit_is_found_with_its_cost(project):
    found = find(project)
    told = {(one.rule, one.subject) for one in found.found}
    assert told == {
        ("inactive-gpu", "pod/fra/rag/held-0"), ("undeclared-workload", "namespace/fra/tmp"),
        ("unowned-resource", "resource/i-2"), ("unowned-resource", "resource/i-3"),
    }  # fmt: skip
    costs = {one.subject: one.cost for one in found.found}
    assert costs["resource/i-2"] == 10  # two days at half of 10
    assert found.month == MONTH
    assert found.why == f"4 findings of 3 rules about {MONTH}."


def test_a_finding_keeps_its_id_and_is_closed_when_it_is_mended(project):
    before = {one.subject: one.id for one in find(project).found}
    declare(project, resource("Workload", "tmp", {
        "purpose": "experiment", "endDate": "2030-01-01", "budget": {"amount": 500},
        "selectors": [{"namespace": "tmp"}]}, "rag"))  # fmt: skip
    allocate_months(project)
    after = {one.subject: one.id for one in find(project).found}
    assert "namespace/fra/tmp" in before
    assert "namespace/fra/tmp" not in after
    assert {before[subject] for subject in after} == set(after.values())
    every = list_findings(project, Chosen(closed=True)).found
    assert {one.subject for one in every} == set(before)


def test_the_list_is_by_rule_and_team_and_one_is_shown_by_its_first_letters(project):
    find(project)
    rules = list_findings(project, Chosen(rules=["inactive-gpu"])).found
    assert [one.subject for one in rules] == ["pod/fra/rag/held-0"]
    mine = {one.subject for one in list_findings(project, Chosen(teams=["rag"])).found}
    assert mine == {"pod/fra/rag/held-0", "resource/i-2", "resource/i-3"}  # owned, or guessed so
    (one,) = rules
    assert show_finding(project, one.id[:7]) == one
    with pytest.raises(NotFoundError, match="no finding"):
        show_finding(project, "zz")


def test_the_command_says_that_there_are_findings_by_its_exit_code(project, capsys):
    home = ["--home", str(project.home)]
    assert run([*home, "finding", "list"]) == 0
    assert run([*home, "finding", "update"]) == 2
    capsys.readouterr()
    assert run([*home, "finding", "list", "-o", "json"]) == 2
    found = json.loads(capsys.readouterr().out)["found"]
    assert {"id", "rule", "subject", "cost", "why", "next_step"} <= set(found[0])
    assert run([*home, "finding", "show", found[0]["id"]]) == 0
    assert "next: " in capsys.readouterr().out
    assert run([*home, "finding", "show", "nothing"]) == 5


@pytest.mark.parametrize(("counted", "is_told"), [(2, False), (20, False), (30, True)])
def test_no_request_on_the_days_that_were_counted_is_not_no_request(project, counted, is_told):
    days = [f"{MONTH}-{number:02d}" for number in range(1, 31)]
    keys = [{"source": "prom", "day": day, "platform": "fra", "subject_kind": "endpoint",
             "subject_uid": "chat/tgi"} for day in days]  # fmt: skip
    store(project, "subjects", [
        key | {"name": "tgi", "created_at": _at("2026-01-01"), "first_seen": _at(key["day"]),
               "last_seen": _at(key["day"], 23)} for key in keys
    ])  # fmt: skip
    store(project, "requests", [
        key | {"hour": _at(key["day"], 4), "model": "m", "requests": 0} for key in keys[:counted]
    ])  # fmt: skip
    told = {one.rule for one in find(project, MONTH).found if one.subject.endswith("chat/tgi")}
    assert ("orphaned-endpoint" in told) == is_told, told
