"""What moved between two months, and where the money flows."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from watermaster.decide.cost.by import Cost
from watermaster.decide.cost.flow import STEPS, flow, links
from watermaster.decide.cost.moved import moved
from watermaster.decide.cost.overview import month_before
from watermaster.flows.closed import allocations_of
from watermaster.flows.open import Project
from watermaster.flows.scope import Asked, Scoped, scoped, within
from watermaster.model.errors import UsageError
from watermaster.model.overview import FlowReport, MovedReport, Thing, Wanted

NONE = "-"  # as a filter's value: has none


def cost_moved(project: Project, asked: Asked, cost: Cost = Cost.EFFECTIVE) -> MovedReport:
    """The change of each cost since the month before."""
    if asked.every_month:
        raise UsageError("wm cost moved", "compares two months", "name one with --month")
    return moved_in(project, scoped(project, asked), cost)


def moved_in(project: Project, found: Scoped, cost: Cost = Cost.EFFECTIVE) -> MovedReport:
    """The change of each cost of a scope since the month before."""
    month = found.scope.month or found.scope.months[0]
    before = month_before(month)
    held = [name for name in (before, month) if name in found.scope.months]
    both = within(allocations_of(project, found.head, held), found.scope)
    decision = moved(both, before, month, cost)
    rows = [_thing(row) for row in project.ledger.engine.to_pyarrow(decision.rows).to_pylist()]
    return MovedReport(
        rule=decision.rule,
        snapshot=found.head.name,
        why=decision.why,
        currency=found.scope.currency,
        before_month=before,
        month=month,
        before=sum((row.before or Decimal(0) for row in rows), Decimal(0)),
        now=sum((row.now or Decimal(0) for row in rows), Decimal(0)),
        rows=rows,
    )


def cost_flow(project: Project, asked: Asked, cost: Cost = Cost.EFFECTIVE) -> FlowReport:
    """Cost from provider through platform and unit to what it went into."""
    found = scoped(project, asked)
    decision = flow(found.rows, cost)
    rows = project.ledger.engine.to_pyarrow(decision.rows).to_pylist()
    found_links = links(rows)
    return FlowReport(
        rule=decision.rule,
        snapshot=found.head.name,
        why=decision.why,
        currency=found.scope.currency,
        steps=STEPS,
        total=sum((link.cost for link in found_links if link.step == 0), Decimal(0)),
        links=found_links,
    )


def name_of(row: Mapping[str, Any]) -> tuple[str, str | None]:
    """What a row of the rule's is called, and its kind where it is no workload."""
    return (row["workload"], None) if row["workload"] else (_name(row), row["kind"])


def _thing(row: Mapping[str, Any]) -> Thing:
    name, kind = name_of(row)
    return Thing(
        name=name,
        kind=kind,
        before=row["before"],
        now=row["now"],
        change=row["change"],
        wanted=_wanted(row),
    )


def _name(row: Mapping[str, Any]) -> str:
    """What a cost without a workload is called.

    >>> _name({"kind": "idle", "pool": "h100", "team": None, "service": None})
    'idle on h100'
    """
    of = row["pool"] or row["team"] or row.get("service_of", row["service"])
    kind = str(row["kind"])
    if of is None:
        return kind
    return f"{kind} on {of}" if row["pool"] else f"{kind}: {of}"


def _wanted(row: Mapping[str, Any]) -> Wanted:
    if row["workload"]:
        return {"workload": (row["workload"],)}
    wanted: dict[str, tuple[str, ...]] = {"kind": (row["kind"],), "workload": (NONE,)}
    by_kind = {"idle": "pool", "unmeasured": "pool", "unallocated": "service"}
    name = by_kind.get(row["kind"], "team")
    return wanted | {name: (row[name] or NONE,)}
