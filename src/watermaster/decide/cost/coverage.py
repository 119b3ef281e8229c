"""How much of the cost carries the tags that the policies ask for: as delivered, and as meant."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from watermaster.decide.cost.by import SUM, Cost, dimension
from watermaster.model.decision import Decision
from watermaster.model.resources import TagRule
from watermaster.model.tables import Column, Table, ibis
from watermaster.model.tagging import TagFrom

RULE: Final = "tag-coverage/2"  # since 2: charges of own pools carry the labels of their Pool
ZERO: Final = ibis.literal(0).cast(SUM)


def tag_coverage(allocations: Table, rule: TagRule, by: Sequence[str], cost: Cost) -> Decision:
    """One cost, and the part of it whose tag has an allowed value, by dimensions and currency.

    Credits and refunds count on neither side: they would let a share pass 1 or fall below 0.
    allocations: as decide/cost/tagged gives them, so that each value is told apart by its source.
    returns: one column per dimension, currency, tag, cost, covered (as delivered), wrong (delivered
    with a value that is not allowed), repaired, virtual, inherited (allowed by that): all
    decimal(38, 15); what is left has none, or one that is not allowed.
    """
    amount = allocations[cost.column].cast(SUM)
    raw = dimension(allocations, f"raw-tag:{rule.key}").nullif("")
    meant = dimension(allocations, f"tag:{rule.key}").nullif("")
    source = dimension(allocations, f"tag-from:{rule.key}")
    fits = _allowed(meant, rule)
    keys = {name: dimension(allocations, name) for name in by}
    rows = allocations.filter(amount > 0)
    added = {
        name.value: _sum(fits & (source == name.value) & ~_allowed(raw, rule), amount)
        for name in (TagFrom.REPAIRED, TagFrom.VIRTUAL, TagFrom.INHERITED)
    }
    parts = rows.group_by(**keys, currency=rows.billing_currency).agg(
        cost=amount.sum().cast(SUM),
        covered=_sum(_allowed(raw, rule), amount),
        wrong=_sum(raw.notnull() & ~_allowed(raw, rule), amount),
        lost=_sum(_allowed(raw, rule) & ~fits, amount),
        **added,
    )
    ordered = parts.mutate(tag=ibis.literal(rule.key)).order_by([*by, "currency"])
    why = (
        f"The {cost.value} cost whose tag {rule.key} has an allowed value, of all cost above 0: "
        "covered as delivered, after with what is repaired, virtual and inherited."
    )
    return Decision(rule=RULE, rows=ordered, why=why)


def _allowed(value: Column, rule: TagRule) -> Column:
    known = value.notnull()
    return known & value.isin(rule.values).fill_null(False) if rule.values else known


def _sum(test: Column, amount: Column) -> Column:
    return ibis.ifelse(test, amount, ZERO).sum().cast(SUM)


def with_trend(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> list[dict[str, Any]]:
    """Each row with `coverage` as delivered, `after` as meant, and the change of both.

    `change` and `change_after` are on the month before, where `by` has the month; where that has no
    cost they are None: unknown, not 0.
    """
    rest = [name for name in ("tag", *by, "currency") if name != "month"]
    told = [_shares(row) for row in rows]
    held = {(*(row[name] for name in rest), row.get("month")): row for row in told}
    for row in told:
        earlier = held.get((*(row[name] for name in rest), _month_before(row.get("month"))))
        known = earlier if "month" in by else None
        row["change"] = row["coverage"] - known["coverage"] if known else None
        row["change_after"] = row["after"] - known["after"] if known else None
    return told


def _shares(row: Mapping[str, Any]) -> dict[str, Any]:
    """A VirtualTag that always wins may also replace an allowed value by another: `lost`."""
    row = dict(row)
    meant = sum((row[one.value] for one in TagFrom if one is not TagFrom.RAW), row["covered"])
    after = (meant - row.pop("lost")) / row["cost"]
    return row | {"coverage": row["covered"] / row["cost"], "after": after}


def _month_before(month: str | None) -> str:
    if month is None:
        return ""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02}"
