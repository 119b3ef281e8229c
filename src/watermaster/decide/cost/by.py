"""Costs by any dimensions, from allocations alone."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from watermaster.decide.cost.activity import activity
from watermaster.decide.cost.convert import amount_in
from watermaster.model.decision import Decision
from watermaster.model.estate import tag_column
from watermaster.model.tables import NO, Column, Table, ibis

RULE: Final = "cost-by/1"
SUM: Final = "decimal(38, 15)"


class Cost(StrEnum):
    """Which of the four FOCUS costs a figure shows."""

    EFFECTIVE = "effective"
    BILLED = "billed"
    LIST = "list"
    CONTRACTED = "contracted"

    @property
    def column(self) -> str:
        """The column that holds it."""
        return f"{self.value}_cost"


DIMENSIONS: Final[Mapping[str, str]] = {
    "provider": "provider",
    "account": "account",
    "service": "service",
    "region": "region",
    "platform": "platform",
    "pool": "pool",
    "accelerator": "accelerator",
    "workload": "workload",
    "model": "model",
    "dataset": "dataset",
    "team": "team",
    "unit": "unit",
    "cost_center": "cost_center",
    "project": "project",
    "environment": "environment",
    "purpose": "purpose",
    "activity": "activity",
    "stage": "stage",
    "kind": "kind",
    "rule": "rule",
    "source": "source",
    "category": "charge_category",
    "month": "billing_month",
    "charge_month": "charge_month",
    "adjusts": "adjusts_month",
    "day": "day",
}


TAGS: Final = ("tag:", "raw-tag:", "tag-from:")  # as meant, as delivered, where it is from


def dimension(allocations: Table, name: str) -> Column:
    """The column of a dimension; `tag:KEY` is the tag as meant, `day` the day of use."""
    if name == "day":
        return allocations.charge_start.cast("date").cast("string")
    if name == "activity":
        return activity(allocations)
    if name.startswith(TAGS):
        return _tag(allocations, name)
    return allocations[DIMENSIONS[name]]


def _tag(allocations: Table, name: str) -> Column:
    """decide/cost/tagged adds the columns of keys that are not simply as delivered."""
    kind, _, key = name.partition(":")
    column = tag_column(key)
    beside = column.replace(
        "tag_", {"raw-tag": "rawtag_", "tag-from": "tagfrom_"}.get(kind, "tag_"), 1
    )
    if beside in allocations.columns:
        return allocations[beside]
    held = allocations[column]
    if kind != "tag-from":
        return held
    return ibis.ifelse(held.nullif("").notnull(), ibis.literal("raw"), ibis.null("string"))


def cost_by(allocations: Table, by: Sequence[str], cost: Cost, into: str | None = None) -> Decision:
    """Sum one cost by dimensions and currency, the largest first; all in `into` where given.

    returns: one column per dimension (text), currency, cost decimal(38, 15).
    """
    keys = {name: dimension(allocations, name) for name in by}
    currency = allocations.billing_currency if into is None else ibis.literal(into)
    amount = allocations[cost.column] if into is None else amount_in(allocations, cost.column, into)
    summed = allocations.mutate(amount=amount).group_by(**keys, currency=currency)
    summed = summed.agg(cost=ibis._.amount.sum().cast(SUM))
    order = [ibis.desc("cost"), *(ibis.asc(name) for name in by), ibis.asc("currency")]
    why = f"The {cost.value} cost of every allocation, summed by {', '.join(by) or 'currency'}."
    return Decision(rule=RULE, rows=summed.order_by(order), why=why)


def filtered(allocations: Table, wanted: Mapping[str, Sequence[str]]) -> Table:
    """Allocations whose dimensions have one of the wanted values; `-` asks for none."""
    rows = allocations
    for name, values in wanted.items():
        column = dimension(rows, name)
        named = [value for value in values if value != "-"]
        held = column.isin(named) if named else NO
        rows = rows.filter(held | column.isnull() if "-" in values else held)
    return rows


def parts_of_charges(allocations: Table, cost: Cost, most: int) -> Table:
    """The largest single parts: charge (FILE:ROW), day, kind, owner, service, cost and more."""
    rows = allocations
    return (
        rows.select(
            "kind", "team", "service", "rule", "resource_id", "ratio",
            charge=rows.charge_file + ":" + rows.charge_row.cast("string"),
            day=dimension(rows, "day"),
            owner=ibis.coalesce(rows.workload, rows.team),
            cost=rows[cost.column],
            currency=rows.billing_currency,
        )
        .order_by(ibis.desc("cost"), "charge", "owner", "kind")
        .limit(most)
    )  # fmt: skip
