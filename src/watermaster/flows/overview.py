"""The first page: a month at a glance."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from watermaster.decide.cost import overview as rule
from watermaster.decide.cost.activity import ACTIVITIES
from watermaster.decide.cost.by import Cost
from watermaster.flows.closed import allocations_of
from watermaster.flows.cost import because, stale
from watermaster.flows.cost_moved import NONE, moved_in
from watermaster.flows.key_figures import key_figures, read_year
from watermaster.flows.open import Project
from watermaster.flows.scope import Asked, Scoped, scoped, within
from watermaster.flows.source_ages import source_states
from watermaster.ledger.head import Head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.model.overview import Overview, Thing, Unowned
from watermaster.model.tables import Table
from watermaster.units.periods import months_between, parse_month
from watermaster.units.text import day_name

COST: Final = Cost.EFFECTIVE
MOVERS: Final = 8
UNOWNED: Final = 8
MONTHS: Final = 12


def overview(
    project: Project, asked: Asked, head: Head | None = None, now: dt.datetime | None = None
) -> Overview:
    """What a month cost, what moved, what lay idle and what nobody owns.

    head, now: the ledger and the moment it is told of; None: as they are.
    """
    found = scoped(project, replace(asked, every_month=False), head)
    month = found.scope.month or found.scope.months[0]
    year = read_year(
        _rows_of(project, _year_of(project, found, month)),
        _gpu_months(project, found.head, month),
        _months(month),
    )
    total = year.cost[month]["total"] or Decimal(0)
    before = year.cost.get(rule.month_before(month), {}).get("total")
    moved = moved_in(project, found)
    days, by_day, (elsewhere, once) = _days(project, found, month)
    movers = _with_days(project, found, moved.rows[:MOVERS], days)
    lost = _unowned(project, found)
    currency = found.scope.currency
    so_far = _so_far(now or project.ledger.clock(), month, days, by_day)
    spent = year.cost[month]
    return Overview(
        rule=rule.RULE,
        snapshot=found.head.name,
        why=" ".join([f"Effective cost of the bills of {month}.", *stale(project, [month])]),
        scope=found.scope,
        title=rule.finding(month, total, before, currency, so_far),
        lede=[
            *rule.lede(total, None if so_far else before, movers, currency),
            *rule.lede_of_waste(spent["idle"], spent["unallocated"], currency),
        ],
        total=total,
        before=before,
        figures=key_figures(year, month, found.scope),
        days=days,
        by_day=by_day,
        once=once,
        elsewhere=elsewhere,
        by_hour=_by_hour(project, found.head, month),
        moved=movers,
        unowned=lost[:UNOWNED],
        unowned_total=spent["unallocated"] or Decimal(0),
        sources=source_states(project),
    )


def _months(month: str) -> list[str]:
    start = parse_month(month).start
    first = (start - dt.timedelta(days=335)).replace(day=1)
    return list(months_between(f"{first:%Y-%m}", month))[-MONTHS:]


def _year_of(project: Project, found: Scoped, month: str) -> Table:
    held = [name for name in _months(month) if name in found.scope.months]
    rows = within(allocations_of(project, found.head, held), found.scope)
    return rule.spend_by_month(rows, COST)


def _gpu_months(project: Project, head: Head, month: str) -> list[dict[str, Any]]:
    months = set(_months(month))
    supplied = rule.supply_by_month(days_of(project, head, "gpu_supply", months))
    reserved = rule.use_by_month(days_of(project, head, "gpu_hours", months))
    rows: dict[str, dict[str, Any]] = {}
    for row in [*_rows_of(project, supplied), *_rows_of(project, reserved)]:
        rows.setdefault(row["month"], {}).update(row)
    return list(rows.values())


def days_of(project: Project, head: Head, name: str, months: set[str]) -> Table:
    """A telemetry table in the days of some months."""
    table = load(project.ledger.catalog, name)
    every = {key for _, key, _ in files_at(table, head.snapshots[name])}
    wanted = sorted(key for key in every if key[1][:7] in months)
    return read(project.ledger, head, name, None if len(wanted) == len(every) else wanted)


def _days(
    project: Project, found: Scoped, month: str
) -> tuple[list[dt.date], dict[str, list[Decimal]], tuple[Decimal, Decimal]]:
    """Every day of the month with its cost by activity; the cost of other days, and of no use."""
    period = parse_month(month)
    days = [(period.start + dt.timedelta(days=i)).date() for i in range(period.seconds // 86_400)]
    place = {day.isoformat(): index for index, day in enumerate(days)}
    by_day: dict[str, list[Decimal]] = {}
    elsewhere, once = Decimal(0), Decimal(0)
    for row in _rows_of(project, rule.spend_by_day(found.rows, COST)):
        amount = row["cost"] or Decimal(0)
        if not row["is_use"]:
            once += amount
        elif row["day"] in place:
            values = by_day.setdefault(row["activity"], [Decimal(0)] * len(days))
            values[place[row["day"]]] += amount
        else:
            elsewhere += amount
    ordered: dict[str, list[Decimal]] = {
        name: by_day[name] for name in ACTIVITIES if name in by_day
    }
    return days, ordered, (elsewhere, once)


def _so_far(
    now: dt.datetime, month: str, days: Sequence[dt.date], by_day: Mapping[str, Sequence[Decimal]]
) -> str | None:
    """The last day with cost, of a month that is not over."""
    if now >= parse_month(month).end:
        return None
    seen = [day for i, day in enumerate(days) if any(values[i] for values in by_day.values())]
    return day_name(seen[-1]) if seen else None


def _by_hour(project: Project, head: Head, month: str) -> dict[str, list[Decimal | None]]:
    supply = days_of(project, head, "gpu_supply", {month})
    hours = days_of(project, head, "gpu_hours", {month})
    found: dict[str, list[Decimal | None]] = {}
    for row in _rows_of(project, rule.use_by_hour(hours, supply)):
        values = found.setdefault(row["platform"], [None] * 24)
        values[row["hour"]] = rule.ratio(row["reserved_s"] or 0, row["supplied_s"])
    return found


def _with_days(
    project: Project, found: Scoped, things: Sequence[Thing], days: Sequence[dt.date]
) -> list[Thing]:
    """Workloads with their cost of each day, and the used share of what was measured."""
    place = {day.isoformat(): index for index, day in enumerate(days)}
    names = [thing.name for thing in things if thing.kind is None]
    rows = found.rows.filter(found.rows.workload.isin(names)) if names else None
    by_name: dict[str, list[Decimal]] = {}
    used: dict[str, tuple[Decimal, Decimal]] = {}
    for row in [] if rows is None else _rows_of(project, rule.thing_by_day(rows, COST)):
        if row["day"] in place:
            values = by_name.setdefault(row["workload"], [Decimal(0)] * len(days))
            values[place[row["day"]]] += row["cost"] or Decimal(0)
        if row["measured"]:
            before = used.get(row["workload"], (Decimal(0), Decimal(0)))
            now = (Decimal(str(row["used"])), Decimal(str(row["measured"])))
            used[row["workload"]] = (before[0] + now[0], before[1] + now[1])
    return [
        replace(
            thing,
            by_day=by_name.get(thing.name, []),
            used_ratio=rule.ratio(*used.get(thing.name, (None, None))),
        )
        if thing.kind is None
        else thing
        for thing in things
    ]


def _unowned(project: Project, found: Scoped) -> list[Unowned]:
    return [
        Unowned(
            because=because("unallocated", row["rule"]),
            provider=row["provider"],
            service=row["service"],
            cost=row["cost"],
            wanted={
                "kind": ("unallocated",),
                "rule": (row["rule"],),
                "provider": (row["provider"] or NONE,),
                "service": (row["service"] or NONE,),
            },
        )
        for row in _rows_of(project, rule.unowned(found.rows, COST))
        if row["cost"]
    ]


def _rows_of(project: Project, rows: Table) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = project.ledger.engine.to_pyarrow(rows).to_pylist()
    return listed
