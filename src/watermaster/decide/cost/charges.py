"""Parts of charges as people look through them: found, grouped, sorted, one page at a time."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from watermaster.decide.cost.by import SUM, Cost, dimension
from watermaster.model.tables import Column, Table, ibis

RULE: Final = "cost-charges/1"
ROWS_A_PAGE: Final = 50
SEARCHED: Final = ("workload", "team", "resource_id", "service", "account", "account_name")


class Group(StrEnum):
    """What one row of the list is."""

    CHARGE = "charge"
    WORKLOAD = "workload"
    UNIT = "unit"
    TEAM = "team"
    SERVICE = "service"
    DAY = "day"


SORTS: Final[Mapping[Group, tuple[str, ...]]] = {
    Group.CHARGE: (
        "day", "workload", "team", "unit", "platform", "service", "resource", "activity", "use",
        "cost",
    ),
    **{group: ("name", "parts", "use", "cost") for group in Group if group is not Group.CHARGE},
}  # fmt: skip


def found(allocations: Table, text: str) -> Table:
    """Parts of which a name holds the text, whatever its case."""
    wanted = text.strip().lower()
    if not wanted:
        return allocations
    first, *others = (allocations[name].lower().contains(wanted) for name in SEARCHED)
    any_of = first.fill_null(False)
    for other in others:
        any_of |= other.fill_null(False)
    return allocations.filter(any_of)


def listed(allocations: Table, group: Group, cost: Cost) -> Table:
    """One row per part of a charge, or per group.

    returns: for charges charge_file, charge_row, the columns of SORTS, kind, ratio, cost; for
    groups name (null: has none), parts, use (share of the measured cost that was used), cost.
    """
    rows, amount = allocations, allocations[cost.column]
    if group is Group.CHARGE:
        return rows.select(
            "charge_file", "charge_row", "kind", "rule", "ratio", "workload", "team", "unit",
            "platform", "service",
            day=dimension(rows, "day"),
            resource=rows.resource_id,
            activity=dimension(rows, "activity"),
            use=rows.utilisation.cast("float64"),
            cost=amount,
        )  # fmt: skip
    money, used = amount.cast("float64"), rows.utilisation.cast("float64")
    summed = rows.group_by(name=dimension(rows, group.value)).agg(
        parts=rows.count(),
        used=(money * used).sum(),
        measured=money.sum(where=used.notnull()),
        cost=amount.sum().cast(SUM),
    )
    return summed.select("name", "parts", "cost", use=summed.used / summed.measured.nullif(0))


def ordered(rows: Table, group: Group, sort: str) -> Table:
    """Rows by one column (`-cost`: the largest first), what is missing last, ties broken."""
    name = sort.removeprefix("-")
    way = ibis.desc if sort.startswith("-") else ibis.asc
    ties = ["charge_file", "charge_row", "kind", "workload", "team"]
    rest = ties if group is Group.CHARGE else ["name"]
    return rows.order_by(
        [way(rows[name], nulls_first=False), *(ibis.asc(tie) for tie in rest if tie != name)]
    )


def summary(allocations: Table, group: Group, cost: Cost) -> Table:
    """One row over the whole filter: rows, parts, total."""
    name: Column | None = None
    if group is not Group.CHARGE:
        name = dimension(allocations, group.value)
    parts = allocations.count()
    rows = parts if name is None else name.nunique() + name.isnull().max().cast("int64")
    return allocations.aggregate(
        rows=rows, parts=parts, total=allocations[cost.column].sum().cast(SUM)
    )
