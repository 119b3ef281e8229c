"""How much of the cost carries the tags that the policies ask for, as they were delivered."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from watermaster.decide.cost.by import SUM, Cost, dimension
from watermaster.model.decision import Decision
from watermaster.model.resources import TagRule
from watermaster.model.tables import Table, ibis

RULE: Final = "tag-coverage/1"
ZERO: Final = ibis.literal(0).cast(SUM)


def tag_coverage(allocations: Table, rule: TagRule, by: Sequence[str], cost: Cost) -> Decision:
    """One cost, and the part of it whose raw tag has an allowed value, by dimensions and currency.

    Credits and refunds count on neither side: they would let a share pass 1 or fall below 0.
    returns: one column per dimension, currency, tag, cost, covered, wrong decimal(38, 15): `wrong`
    has a value that is not allowed, what is left has none.
    """
    value = dimension(allocations, f"tag:{rule.key}").nullif("")
    amount = allocations[cost.column].cast(SUM)
    known = value.notnull()
    allowed = known & value.isin(rule.values) if rule.values else known
    keys = {name: dimension(allocations, name) for name in by}
    rows = allocations.filter(amount > 0)
    parts = rows.group_by(**keys, currency=rows.billing_currency).agg(
        cost=amount.sum().cast(SUM),
        covered=ibis.ifelse(allowed, amount, ZERO).sum().cast(SUM),
        wrong=ibis.ifelse(known & ~allowed, amount, ZERO).sum().cast(SUM),
    )
    ordered = parts.mutate(tag=ibis.literal(rule.key)).order_by([*by, "currency"])
    why = (
        f"The {cost.value} cost whose delivered tag {rule.key} has an allowed value, "
        "of all cost above 0; nothing is repaired or inherited."
    )
    return Decision(rule=RULE, rows=ordered, why=why)


def with_trend(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> list[dict[str, Any]]:
    """Each row with `coverage` and, where `by` has the month, its `change` on the month before.

    The month before that has no cost leaves `change` None: unknown, not 0.
    """
    rest = [name for name in ("tag", *by, "currency") if name != "month"]
    told = [{**row, "coverage": row["covered"] / row["cost"]} for row in rows]
    shares = {(*(row[name] for name in rest), row.get("month")): row["coverage"] for row in told}
    for row in told:
        earlier = shares.get((*(row[name] for name in rest), _month_before(row.get("month"))))
        has_earlier = "month" in by and earlier is not None
        row["change"] = row["coverage"] - earlier if has_earlier else None
    return told


def _month_before(month: str | None) -> str:
    if month is None:
        return ""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02}"
