"""What is there in a month: native things with their owner, use and cost, as rules look at it."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from watermaster.decide.cost.match import AMBIGUOUS
from watermaster.decide.cost.subjects import SEEN, owners_of
from watermaster.decide.cost.targets import Owner, Targets, number_targets
from watermaster.decide.estate.behaviour import behaviour_of
from watermaster.flows.open import Project
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.things_use import KEY, by_workload, own_rows, requests_of, use_of
from watermaster.flows.trials import trials_of
from watermaster.ledger.head import Head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.ledger.records import SLICES
from watermaster.model.estate import Estate
from watermaster.model.tables import Table, ibis
from watermaster.model.things import (
    DELIVERING_DAYS,
    Seen,
    Thing,
    Unclaimed,
    WorkloadUse,
    billed_as,
)
from watermaster.units.periods import Period, parse_month

LABEL_DAYS: Final = 7
COUNTED: Final = 0.9  # of the days so far must have been counted, to say that nobody asked
_MOMENTS: Final = ("first_seen", "last_seen", "created_at", "last_used")
_PLAIN: Final = (
    "source", "name", "namespace", "account", "creator", "parent_uid", "resource_id", "state",
    "gpus", "accelerator", "bytes", "artefact", "model",
)  # fmt: skip
Row = Mapping[str, Any]
Key = tuple[Any, ...]


def things_seen(project: Project, head: Head, month: str, estate: Estate) -> Seen:
    """All that rules of the estate look at, of one billing month."""
    asks = _Asks(project, head, parse_month(month))
    given = asks.allocations(month)
    costs = _costs(asks, given, estate)
    now = min(project.ledger.clock(), parse_month(month).end)
    requests = asks.days("requests")
    use = {_key(row): row for row in asks.rows(use_of(asks.days("gpu_hours"), requests))}
    told = {_key(row): row for row in asks.rows(requests_of(requests))}
    days = COUNTED * (now - parse_month(month).start).days
    asked = {key: row["requests"] or _none_asked(row, days) for key, row in told.items()}
    long = Period(now - dt.timedelta(days=DELIVERING_DAYS), now)
    history = {_key(row): row for row in asks.rows(requests_of(asks.days("requests", long)))}
    own = own_rows(given)
    billed = {billed_as(row["resource_id"]): row for row in asks.rows(own)}
    rows = asks.rows(_newest(asks.days("subjects")))
    owners = owners_by_key(rows, estate)
    things = [
        _billed(_priced(thing_of(row, use.get(_key(row), {}), owners.get(_key(row), NOBODYS)),
                        costs, asked), billed)
        for row in rows
    ]  # fmt: skip
    until = _told_until(project, month)
    currencies = asks.rows(given.group_by("billing_currency").agg(rows=given.count()))
    most = max(currencies, key=lambda row: row["rows"], default=None)
    seen = Seen(
        month=month,
        now=now,
        currency=most["billing_currency"] if most else None,
        things=things,
        unclaimed=[_unclaimed(row) for row in asks.rows(_nobodys(given))],
        workloads=list(_workloads(asks.rows(by_workload(given, own)), things, history, until)),
        account_teams=_account_teams(asks.rows(_by_account(given))),
        told_until=until,
        silent=frozenset(gap.source for gap in source_gaps(project, estate)),
    )
    return replace(seen, trials=trials_of(project, head, estate, seen, owners_by_key))


class _Asks:
    """Tables of one head and month, and their rows."""

    def __init__(self, project: Project, head: Head, period: Period) -> None:
        self.project, self.head, self.period = project, head, period

    def days(self, name: str, period: Period | None = None) -> Table:
        """A table of telemetry, only the days of a period (None: of the month)."""
        asked = period or self.period
        first, end = f"{asked.start:%Y-%m-%d}", f"{asked.end:%Y-%m-%d}"
        return self._read(name, lambda key: first <= key[1] < end)

    def allocations(self, month: str) -> Table:
        """The allocations of the billing month."""
        return self._read("allocations", lambda key: key[1] == month)

    def _read(self, name: str, wanted: Any) -> Table:
        table = load(self.project.ledger.catalog, name)
        held = {key for _, key, _ in files_at(table, self.head.snapshots[name])}
        chosen = sorted(key for key in held if wanted(key))
        return read(self.project.ledger, self.head, name, chosen)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """All rows of a small table."""
        found: list[dict[str, Any]] = self.project.ledger.engine.to_pyarrow(table).to_pylist()
        return found


def _none_asked(row: Row, days: float) -> int | None:
    """No request of those counted; unknown where fewer days were counted than would tell it."""
    return 0 if row["counted_days"] >= days else None


def _key(row: Row) -> Key:
    return tuple(row[name] for name in KEY)


def _newest(subjects: Table) -> Table:
    """The newest row of each thing, seen since its first, labelled as on most of its last days.

    A label that is missing on one of them was not taken off: it was missed.
    """
    ranked = subjects.mutate(
        place=ibis.row_number().over(
            ibis.window(group_by=KEY, order_by=[ibis.desc("day"), ibis.asc("source")])
        ),
        began=subjects.first_seen.min().over(ibis.window(group_by=KEY)),
    )
    late = ranked.filter(ranked.place < LABEL_DAYS)
    usual = late.group_by(*KEY).agg(usual=late.labels.mode())
    newest = ranked.filter(ranked.place == 0).left_join(usual, KEY)
    return newest.mutate(labels=newest.usual).select(*ranked.columns)


_NUMBERED: Final[list[tuple[Estate, Targets]]] = []  # the last estate that was asked


def _targets_of(estate: Estate) -> Targets:
    """Numbering 10,000 workloads takes a second, and a page asks about the same estate again."""
    if not _NUMBERED or _NUMBERED[0][0] is not estate:
        _NUMBERED[:] = [(estate, number_targets(estate))]
    return _NUMBERED[0][1]


def owners_by_key(rows: Iterable[Row], estate: Estate) -> dict[Key, Owner | None]:
    """Whose each thing is as the selectors of today say; None: two equal selectors."""
    targets = _targets_of(estate)
    wanted = [{name: row[name] for name in ("day", *KEY, *SEEN)} for row in rows]
    numbers = owners_of(wanted, targets).to_pyarrow().to_pylist()
    return {
        _key(row): None if row["owner"] == AMBIGUOUS else targets.owners[row["owner"]]
        for row in numbers
    }


NOBODYS: Final = Owner(kind="unallocated", rule="no-rule")


def thing_of(row: Row, use: Row, owner: Owner | None) -> Thing:
    ours = owner or NOBODYS
    hourly = -(-(use.get("most_s") or 0) // 3600)
    moments = {name: _utc(row[name]) for name in _MOMENTS}
    told: dict[str, Any] = {name: row[name] for name in _PLAIN} | moments
    last = moments["last_seen"] or _utc(dt.datetime.fromisoformat(row["day"]))
    told |= {"first_seen": _utc(row["began"]) or last, "last_seen": last}  # files may tell a day
    told |= {"gpus": row["gpus"] or hourly or None}
    told["accelerator"] = row["accelerator"] or use.get("used_accelerator")
    return Thing(
        platform=row["platform"] or "", kind=row["subject_kind"], uid=row["subject_uid"], **told,
        labels=json.loads(row["labels"] or "{}"), uses=tuple(json.loads(row["uses"] or "[]")),
        workload=ours.workload, team=ours.team, is_ambiguous=owner is None,
        reserved_s=int(use.get("reserved_s") or 0), measured_s=int(use.get("measured_s") or 0),
        used_s=int(use.get("used_s") or 0), busiest=use.get("busiest"),
        held_hours=int(use.get("held_hours") or 0), span_hours=_span_hours(use),
        last_held=_utc(use.get("last_held")), tensor_ratio=_active(use, "tensor_s"),
        dram_ratio=_active(use, "dram_s"),
        p95=use.get("p95"), p99=use.get("p99"), memory_bytes=use.get("memory_bytes"),
        still_s=int(use.get("still_s") or 0), still_day_s=int(use.get("still_day_s") or 0),
        still_hours=int(use.get("still_hours") or 0),
    )  # fmt: skip


def _active(use: Row, name: str) -> float | None:
    return float(use[name] / use[f"{name}_of"]) if use and use[f"{name}_of"] else None


def _span_hours(use: Row) -> int:
    if not use:
        return 0
    first, last = use["first_held"], use["last_held"]
    away = (last.date() - first.date()).days + 1 - use["held_days"]
    return int((last - first).total_seconds()) // 3600 + 1 - 24 * away


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.replace(tzinfo=dt.UTC)


Costs = tuple[dict[str, Decimal], dict[str, Decimal]]  # by resource id; by platform, a GPU-second


def _costs(asks: _Asks, given: Table, estate: Estate) -> Costs:
    """What a billed resource cost, and what a reserved GPU-second of each platform did."""
    billed = given.filter(given.resource_id.notnull() & given.pool.isnull())
    by_resource = billed.group_by("resource_id").agg(cost=billed.effective_cost.sum())
    worked = given.kind.isin(("measured", "direct")) | given.rule.endswith(":unowned-use")
    pooled = given.filter(given.pool.notnull() & worked)
    by_platform = pooled.group_by("platform").agg(cost=pooled.effective_cost.sum())
    hours = asks.days("gpu_hours")
    reserved = hours.group_by("platform").agg(reserved_s=hours.reserved_s.sum())
    declared = {
        seen: version.resource.metadata.name
        for version in estate.of("Platform")
        for seen in (version.resource.metadata.name, *version.resource.spec.seen_as)
    }
    totals: dict[str, int] = {}
    for row in asks.rows(reserved):
        name = declared.get(row["platform"], row["platform"])
        totals[name] = totals.get(name, 0) + int(row["reserved_s"] or 0)
    paid = {row["platform"]: row["cost"] or Decimal(0) for row in asks.rows(by_platform)}
    prices = {name: cost / totals[name] for name, cost in paid.items() if totals.get(name)}
    seen_prices = {seen: prices[name] for seen, name in declared.items() if name in prices}
    resources: dict[str, Decimal] = {}
    for row in asks.rows(by_resource):
        key = billed_as(row["resource_id"])
        resources[key] = resources.get(key, Decimal(0)) + (row["cost"] or Decimal(0))
    return resources, prices | seen_prices


def _priced(one: Thing, costs: Costs, asked: Mapping[Key, int | None]) -> Thing:
    resources, prices = costs
    cost = resources.get(billed_as(one.resource_id)) if one.resource_id else None
    if one.reserved_s and one.platform in prices:
        cost = (cost or Decimal(0)) + prices[one.platform] * one.reserved_s
    requests = asked.get((one.platform, one.kind, one.uid))
    return replace(one, cost=cost, requests=requests)


def _billed(one: Thing, owners: Mapping[str, Row]) -> Thing:
    """What no selector takes is of whom its bill is, if most of its rows say so."""
    own = owners.get(billed_as(one.resource_id or ""))
    if own is None or one.workload or one.team or one.is_ambiguous:
        return one
    return replace(one, workload=own["own_workload"], team=own["own_team"])


def _nobodys(given: Table) -> Table:
    """Resources of which nobody has most rows: others only miss a tag now and then."""
    mine = given.filter(given.pool.isnull() & given.resource_id.notnull())
    is_loose = mine.kind == "unallocated"
    by_resource = mine.group_by("resource_id").agg(
        service=mine.service.max(), account=mine.account.max(), region=mine.region.max(),
        first=mine.charge_start.min(), last=mine.charge_start.max(),
        cost=is_loose.ifelse(mine.effective_cost, 0).sum(),
        loose=is_loose.ifelse(1, 0).sum(), rows=mine.count(),
    )  # fmt: skip
    most = by_resource.loose * 2 > by_resource.rows
    return by_resource.filter(most & (by_resource.cost > 0)).drop("loose", "rows")


def _unclaimed(row: Row) -> Unclaimed:
    """A charge that starts at midnight is taken as a day's, any other as an hour's."""
    lasts = dt.timedelta(days=1) if row["last"].hour == 0 else dt.timedelta(hours=1)
    first, last = _utc(row["first"]), _utc(row["last"] + lasts)
    return Unclaimed(**dict(row) | {"first": first, "last": last, "cost": row["cost"] or 0})


def _workloads(
    costs: Iterable[Row],
    things: Sequence[Thing],
    history: Mapping[Key, Row],
    until: Mapping[str, dt.datetime],
) -> Iterator[WorkloadUse]:
    paid: dict[str, dict[dt.date, Decimal]] = {}
    for row in costs:
        paid.setdefault(row["workload"], {})[row["day"]] = row["cost"] or Decimal(0)
    ran: dict[str, list[Thing]] = {}
    parents = {one.uid: one for one in things}
    for one in things:
        if one.workload and one.is_work:
            ran.setdefault(one.workload, []).append(one)
    for name in sorted(paid.keys() | ran.keys()):
        held = ran.get(name, [])
        counted = [one.requests for one in held if one.requests is not None]
        told = [history[key] for one in held if (key := _of(one)) in history]
        yield WorkloadUse(
            workload=name,
            cost=sum(paid.get(name, {}).values(), Decimal(0)),
            daily=dict(sorted(paid.get(name, {}).items())),
            last_seen=max((one.last_seen for one in held), default=None),
            runs=len(held),
            requests=sum(counted) if counted else None,
            behaviour=behaviour_of(held, parents, until),
            asked=sum(row["requests"] for row in told) if told else None,
            asked_days=max((row["counted_days"] for row in told), default=0),
        )


def _of(one: Thing) -> Key:
    return one.platform, one.kind, one.uid


def _by_account(given: Table) -> Table:
    mine = given.filter(given.team.notnull() & given.account.notnull())
    return mine.group_by("account", "team").agg(cost=mine.effective_cost.sum())


def _account_teams(rows: Iterable[Row]) -> dict[str, tuple[str, float]]:
    held: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        held.setdefault(row["account"], {})[row["team"]] = abs(row["cost"] or Decimal(0))
    found = {}
    for account, costs in held.items():
        total = sum(costs.values(), Decimal(0))
        most, team = max((cost, name) for name, cost in costs.items())
        if total:
            found[account] = team, float(most / total)
    return found


def _told_until(project: Project, month: str) -> dict[str, dt.datetime]:
    """The newest day of the month each source told of."""
    query = (
        sa.select(SLICES.c.source, sa.func.max(SLICES.c.period))
        .where(SLICES.c.table_name == "subjects", SLICES.c.period.startswith(month))
        .group_by(SLICES.c.source)
    )
    with project.ledger.records.connect() as connection:
        return {
            source: dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
            for source, day in connection.execute(query)
        }
