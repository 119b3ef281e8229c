"""An experiment over its budget is told while it goes on, and only where its cost is known."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.decide.estate.test_births import used
from tests.decide.estate.test_findings import ESTATE, POD, seen
from watermaster.decide.estate.trials import experiments_over_budget
from watermaster.model.outcomes import Trial

TRIAL = Trial(workload="sweep", owner="rag", stage="experiment", outcome=None, alpha=0.2,
              budget=Decimal(100), spent_in_all=Decimal(150), spent=Decimal(30))  # fmt: skip
RUNS = used(30)


def told(use=(RUNS,), **spec):
    trial = replace(TRIAL, **spec)
    return list(experiments_over_budget(seen(workloads=[*use], trials=(trial,)), ESTATE))


@pytest.mark.parametrize(
    ("spec", "cost"),
    [
        ({}, 30),  # of the month, which is all above the budget
        ({"spent_in_all": Decimal(110)}, 10),  # only the last of the month is
        ({"spent_in_all": Decimal(100)}, None),
        ({"spent_in_all": None}, None),  # in another currency, or never charged
        ({"budget": None}, None),
        ({"budget": Decimal(0)}, 30),
        ({"spent": None}, 0),  # runs, and nobody billed the month yet
    ],
)
def test_what_is_above_the_budget_is_told(spec, cost):
    found = told(**spec)
    assert [one.cost for one in found] == ([] if cost is None else [Decimal(cost)])
    assert all("its budget of" in one.why and one.team == "rag" for one in found)


@pytest.mark.parametrize(
    ("use", "count"), [([used(0, runs=1)], 1), ([used(0, runs=0)], 0), ([], 0)]
)
def test_what_no_longer_goes_on_is_history(use, count):
    assert len(told(use)) == count


def test_jobs_that_wait_are_counted_in_the_next_step():
    jobs = [replace(POD, kind="slurm-job", uid=f"lab:{n}:1", workload="sweep", state=state)
            for n, state in enumerate(("pending", "pending", "running"))]  # fmt: skip
    look = seen(*jobs, workloads=[RUNS], trials=(TRIAL,))
    (one,) = experiments_over_budget(look, ESTATE)
    assert "2 of its jobs wait and can be held" in one.next_step
    assert told()[0].next_step == "give sweep a budget it can keep, or end it"
