"""Fixes planted in the simulated company: the ledger says of each what the series alone say."""

import csv
import datetime as dt

import pytest

from tests.flows.savings_work import mend
from tests.testing.test_planted_truth import NOW, ingest_all
from watermaster.decide.review.savings import Daily, Mended, realised
from watermaster.flows.open import create_project
from watermaster.flows.savings import savings
from watermaster.model.savings import Effect
from watermaster.testing.simulate.company import Size
from watermaster.testing.simulate.fixes import write_cases
from watermaster.testing.simulate.plan import Order
from watermaster.testing.simulate.render import simulate


def test_truth_is_written_before_the_inputs_and_stands_in_none_of_them(tmp_path):
    write_cases(5, 6, tmp_path)
    assert (tmp_path / "truth.json").stat().st_mtime_ns < (
        tmp_path / "inputs.csv"
    ).stat().st_mtime_ns
    assert (
        "saving" not in (tmp_path / "fixes.csv").read_text() + (tmp_path / "inputs.csv").read_text()
    )
    again = tmp_path / "again"
    write_cases(5, 6, again)
    assert (again / "inputs.csv").read_bytes() == (tmp_path / "inputs.csv").read_bytes()


@pytest.mark.deep
def test_bills_inventory_and_requests_give_the_saving_that_the_series_give(tmp_path):
    order = Order(11, 4, "2026-10", Size.SMALL, plants=1, fixes=12)
    made = simulate(order, tmp_path / "inputs")
    project = create_project(tmp_path / "home", clock=lambda: NOW)
    ingest_all(project, made)
    with (tmp_path / "inputs" / "fixes.csv").open() as file:
        for fix in csv.DictReader(file):
            lowers = fix["effect"] == "lowers"
            mend(
                project,
                "oversized-request" if lowers else "orphaned-endpoint",
                (fix["platform"], fix["kind"], fix["uid"]),
                verb="lower-request" if lowers else "scale",
                fixed=dt.date.fromisoformat(fix["fixed"]),
                undone=dt.date.fromisoformat(fix["undone"]) if fix["undone"] else None,
            )
    lines = {one.subject.rpartition("/")[2]: one for one in savings(project).lines}
    first = made.plan.when.period.start.date()
    for one in made.plan.beside.mended:
        case = one.case
        effect = Effect.REMOVES if case.kind == "removed" else Effect.LOWERS
        undone = None if case.undone is None else first + dt.timedelta(case.undone)
        alone = realised(
            Daily(first=first, cost=case.cost, price=case.price, volumes={"requests": case.volume}),
            Mended(on=first + dt.timedelta(case.fixed), effect=effect, undone=undone),
        )
        told = lines[one.uid].allocated
        assert float(told.saving.amount) == pytest.approx(float(alone.saving.amount), rel=1e-3)
        assert float(told.actual) == pytest.approx(float(alone.actual), rel=1e-4)
