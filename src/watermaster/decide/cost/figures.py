"""Figures shared costs can go by: cost so far, GPU-seconds, bytes; by month, team and workload."""

from collections.abc import Callable, Mapping
from typing import Final

import ibis

from watermaster.decide.cost.subjects import KEY
from watermaster.model.tables import Column, Table

CENTS: Final = 100
OWNED: Final = ("direct", "measured")


def cost_figures(allocations: Table) -> Table:
    """The effective cost each owner has directly and by measure, in cents.

    returns: month (YYYYMM), figure, kind (team or workload), name, amount int64.
    """
    own = allocations.filter(allocations.kind.isin(OWNED))
    month = _month(own.charge_start)
    return _by_name(own.mutate(month=month), {"cost": _cents})


def use_figures(gpu_hours: Table, owners: Table, names: Table) -> Table:
    """Reserved and used GPU-seconds of each owner.

    owners: KEY, owner; names: owner, workload, team.
    """
    rows = gpu_hours.inner_join(owners, KEY).inner_join(names, "owner")
    rows = rows.mutate(month=_month(rows.hour))
    return _by_name(
        rows,
        {
            "reserved_s": lambda t: t.reserved_s.sum().cast("int64"),
            "used_s": lambda t: t.used_s.sum().cast("int64"),
        },
    )


def byte_figures(transfers: Table, owners: Table, names: Table) -> Table:
    """Bytes each owner moved."""
    rows = transfers.inner_join(owners, KEY).inner_join(names, "owner")
    rows = rows.mutate(month=_month(rows.day.cast("timestamp")))
    return _by_name(rows, {"bytes": lambda t: t.bytes.sum().cast("int64")})


def _cents(rows: Table) -> Column:
    return (rows.effective_cost.sum().cast("float64") * CENTS).round().cast("int64")


def _by_name(rows: Table, figures: Mapping[str, Callable[[Table], Column]]) -> Table:
    found = []
    for kind in ("team", "workload"):
        named = rows.filter(rows[kind].notnull())
        for figure, amount in figures.items():
            found.append(
                named.group_by("month", name=named[kind])
                .agg(amount=amount(named))
                .select(
                    "month",
                    figure=ibis.literal(figure),
                    kind=ibis.literal(kind),
                    name=ibis._.name,
                    amount=ibis._.amount,
                )
            )
    return ibis.union(*found)


def _month(moment: Column) -> Column:
    return (moment.year() * 100 + moment.month()).cast("int64")
