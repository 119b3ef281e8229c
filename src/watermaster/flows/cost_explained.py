"""Why the cost of a month is not that of the month before: by price, volume, mix, new and gone."""

from decimal import Decimal
from typing import Any

from watermaster.decide.cost.by import Cost
from watermaster.decide.cost.overview import month_before
from watermaster.decide.review.moved import explain, quantities, steps_of
from watermaster.flows.closed import allocations_of, closes_at, files_of
from watermaster.flows.cost_moved import name_of
from watermaster.flows.open import Project
from watermaster.flows.scope import Asked, Scoped, scoped, within
from watermaster.ledger.read import read_files
from watermaster.model.errors import UsageError
from watermaster.model.moved import Explained


def cost_explained(project: Project, asked: Asked, cost: Cost = Cost.EFFECTIVE) -> Explained:
    """The change of a month's cost since the month before, taken apart."""
    if asked.every_month:
        raise UsageError("wm cost moved", "compares two months", "name one with --month")
    return explained_in(project, scoped(project, asked), cost)


def explained_in(project: Project, found: Scoped, cost: Cost = Cost.EFFECTIVE) -> Explained:
    """The change of a scope's cost since the month before, taken apart."""
    month = found.scope.month or found.scope.months[0]
    before = month_before(month)
    held = [name for name in (before, month) if name in found.scope.months]
    rows = within(allocations_of(project, found.head, held), found.scope)
    files = files_of(project, found.head, "charges", closes_at(project, found.head), held)
    charges = read_files(project.ledger, "charges", files)
    decision = quantities(rows, charges, (before, month), cost)
    told: list[dict[str, Any]] = project.ledger.engine.to_pyarrow(decision.rows).to_pylist()
    reasons = explain(told, name_of)
    totals = [
        sum((row[name] or Decimal(0) for row in told), Decimal(0))
        for name in ("cost_before", "cost_now")
    ]
    return Explained(
        rule=decision.rule, snapshot=found.head.name, why=decision.why,
        currency=found.scope.currency, before_month=before, month=month,
        before=totals[0], now=totals[1], steps=steps_of(reasons), reasons=reasons,
    )  # fmt: skip
