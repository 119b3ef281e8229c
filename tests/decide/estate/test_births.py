"""What an experiment must say before it starts, and the warning before it ends."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decide.estate.test_findings import BORN, ESTATE, day, rules, seen, workload
from watermaster.decide.estate.findings import findings
from watermaster.model.estate import Estate
from watermaster.model.things import WorkloadUse

LACKING = [("experiment-without-budget", "workload/sweep")]
ENDING = [("experiment-ends-soon", "workload/sweep")]


def used(cost, runs=1, name="sweep"):
    return WorkloadUse(workload=name, cost=Decimal(cost), last_seen=day(31), runs=runs,
                       requests=None)  # fmt: skip


def told(spec, owner="rag", use=()):
    more = (workload("sweep", owner, **spec), workload("other", "fraud", **BORN))
    alive = [used(9, name=name) for name in ("reader", "reader-b", "other")]
    return findings(seen(workloads=[*alive, *use]), Estate((*ESTATE.versions, *more)))


def without(*keys, **more):
    return {key: value for key, value in BORN.items() if key not in keys} | more


@pytest.mark.parametrize(
    ("spec", "owner", "lacks"),
    [
        (BORN, "rag", None),
        (without("budget"), "rag", "budget"),
        (without("endDate"), "rag", "end date"),
        (without("budget", "endDate"), None, "team, budget and end date"),
        (without("budget", "stage", purpose="experiment"), "rag", "budget"),
        (without("budget", stage="retired", purpose="experiment"), "rag", None),
        (without("budget", stage="production"), "rag", None),
        (without("budget", stage="idea"), "rag", None),
        (without("budget", endDate="2026-09-01"), "rag", None),  # over: a zombie if it costs
    ],
)
def test_an_experiment_needs_team_budget_and_end_date_before_its_first_gpu_hour(spec, owner, lacks):
    found = [one for one in told(spec, owner) if one.subject == "workload/sweep"]
    found = [one for one in found if one.rule not in {"gone-team", "declared-not-running"}]
    assert [one.why for one in found] == (
        [f"an experiment without {lacks}, before its first GPU hour"] if lacks else []
    )
    assert {(one.rule, one.cost) for one in found} <= {("experiment-without-budget", None)}


def test_what_already_ran_without_a_budget_is_told_with_its_cost():
    (one,) = told(without("budget"), use=[used(70)])
    assert (one.rule, one.cost, one.team) == ("experiment-without-budget", Decimal(70), "rag")
    assert one.why == "an experiment without budget, which already ran in 2026-10"
    assert one.next_step == "declare budget of sweep and wm apply, or stop it until then"


@pytest.mark.parametrize(
    ("spec", "use", "is_found"),
    [
        ({"endDate": "2026-11-10"}, [used(70)], True),
        ({"endDate": "2026-10-31"}, [used(70)], True),  # its last day
        ({"endDate": "2026-11-14"}, [used(0)], True),  # runs, and nobody billed it yet
        ({"endDate": "2026-11-15"}, [used(70)], False),  # in 15 days
        ({"endDate": "2026-11-10"}, [used(0, runs=0)], False),  # stands still
        ({"endDate": "2026-11-10"}, [], False),
        ({"endDate": "2026-11-10", "stage": "production"}, [used(70)], False),
    ],
)
def test_an_experiment_is_warned_two_weeks_before_its_end(spec, use, is_found):
    found = [(one.rule, one.subject) for one in told(BORN | spec, use=use)]
    assert [one for one in found if one in ENDING] == (ENDING if is_found else [])


def test_an_experiment_past_its_end_is_scaled_to_zero_and_no_longer_warned():
    (one,) = told(BORN | {"endDate": "2026-10-30"}, use=[used(70)])
    assert one.rule == "zombie-experiment"
    assert "scale sweep to 0, which can be undone" in one.next_step


@given(st.sets(st.sampled_from(["budget", "endDate", "owner"])))
def test_what_is_declared_later_is_no_longer_asked_for(left_out):
    spec = without(*left_out)
    found = told(spec, None if "owner" in left_out else "rag")
    words = {"owner": "team", "endDate": "end date", "budget": "budget"}
    (steps,) = [one.next_step for one in found if one.rule == LACKING[0][0]] or [""]
    assert {one for one, word in words.items() if word in steps} == left_out


def test_work_that_tries_nothing_needs_no_budget():
    assert rules() == []
