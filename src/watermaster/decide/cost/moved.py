"""What moved: the change of each cost from one month to the next."""

from typing import Final

from watermaster.decide.cost.by import SUM, Cost
from watermaster.model.decision import Decision
from watermaster.model.tables import Column, Table, ibis

RULE: Final = "cost-moved/1"
OWNED: Final = ("direct", "measured", "shared")
SPACE: Final = ("idle", "unmeasured")


def moved(allocations: Table, before: str, now: str, cost: Cost) -> Decision:
    """The cost of two billing months for each thing that has cost, the largest change first.

    A thing is a workload; else what its team has without one; else what lies idle or unmeasured
    on a pool; else what nobody owns of a service.
    returns: workload, kind, team, pool, service (null where they do not tell the thing apart),
    currency, before, now and change decimal(38, 15), null where that month has none.
    """
    two = allocations.filter(allocations.billing_month.isin([before, now]))
    amount, month = two[cost.column], two.billing_month
    summed = two.group_by(**thing_columns(two), currency=two.billing_currency).agg(
        before=amount.sum(where=month == before).cast(SUM),
        now=amount.sum(where=month == now).cast(SUM),
    )
    zero = ibis.literal(0, type=SUM)
    change = (summed.now.coalesce(zero) - summed.before.coalesce(zero)).cast(SUM)
    rows = summed.mutate(change=change)
    order = [ibis.desc(rows.change.abs()), *(ibis.asc(name) for name in _NAMES)]
    why = f"The {cost.value} cost of {now} minus that of {before}, the largest change first."
    return Decision(rule=RULE, rows=rows.order_by(order), why=why)


_NAMES: Final = ("workload", "kind", "team", "pool", "service", "currency")


def thing_columns(rows: Table) -> dict[str, Column]:
    """What tells the things of a cost apart: see `moved`."""
    has_none = rows.workload.isnull()
    return {
        "workload": rows.workload,
        "kind": _where(has_none, rows.kind),
        "team": _where(has_none & rows.kind.isin(OWNED), rows.team),
        "pool": _where(has_none & rows.kind.isin(SPACE), rows.pool),
        "service": _where(has_none & (rows.kind == "unallocated"), rows.service),
    }


def _where(condition: Column, column: Column) -> Column:
    return ibis.ifelse(condition, column, ibis.null("string"))
