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
from watermaster.decide.cost.targets import Owner, number_targets
from watermaster.decide.estate.behaviour import behaviour_of
from watermaster.flows.open import Project
from watermaster.flows.source_gaps import source_gaps
from watermaster.ledger.head import Head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.ledger.records import SLICES
from watermaster.ledger.watched import heard_since
from watermaster.model.estate import Estate
from watermaster.model.shapes import SHAPES
from watermaster.model.tables import Table, ibis
from watermaster.model.things import DELETED, Seen, Thing, Unclaimed, WorkloadUse
from watermaster.units.periods import Period, parse_month

KEY: Final = ("platform", "subject_kind", "subject_uid")
_MOMENTS: Final = ("first_seen", "last_seen", "created_at", "last_used")
_PLAIN: Final = (
    "source", "name", "namespace", "account", "creator", "parent_uid", "resource_id", "state",
    "gpus", "accelerator", "bytes", "artefact", "model",
)  # fmt: skip
_UNTOLD: Final = dict.fromkeys(SHAPES["subjects"].types)
Row = Mapping[str, Any]
Key = tuple[Any, ...]


def things_seen(project: Project, head: Head, month: str, estate: Estate) -> Seen:
    """All that rules of the estate look at, of one billing month."""
    asks = _Asks(project, head, parse_month(month))
    given = asks.allocations(month)
    costs = _costs(asks, given, estate)
    use = {_key(row): row for row in asks.rows(_use(asks.days("gpu_hours")))}
    asked = {_key(row): row["requests"] for row in asks.rows(_requests(asks.days("requests")))}
    rows: list[Row] = [*asks.rows(_newest(asks.days("subjects")))]
    if parse_month(month).start <= project.ledger.clock() < parse_month(month).end:
        rows = with_heard(rows, heard_since(project.ledger.records))
    owners = _owners(rows, estate)
    things = [
        _priced(_thing(row, use.get(_key(row), {}), owners.get(_key(row), _NOBODY)), costs, asked)
        for row in rows
    ]
    until = _told_until(project, month)
    currencies = asks.rows(given.group_by("billing_currency").agg(rows=given.count()))
    most = max(currencies, key=lambda row: row["rows"], default=None)
    return Seen(
        month=month,
        now=min(project.ledger.clock(), parse_month(month).end),
        currency=most["billing_currency"] if most else None,
        things=things,
        unclaimed=[_unclaimed(row) for row in asks.rows(_nobodys(given))],
        workloads=list(_workloads(asks.rows(_by_workload(given)), things, until)),
        account_teams=_account_teams(asks.rows(_by_account(given))),
        told_until=until,
        silent=frozenset(gap.source for gap in source_gaps(project)),
    )


class _Asks:
    """Tables of one head and month, and their rows."""

    def __init__(self, project: Project, head: Head, period: Period) -> None:
        self.project, self.head, self.period = project, head, period

    def days(self, name: str) -> Table:
        """A table of telemetry, only the days of the month."""
        first, end = f"{self.period.start:%Y-%m-%d}", f"{self.period.end:%Y-%m-%d}"
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


def _key(row: Row) -> Key:
    return tuple(row[name] for name in KEY)


def _newest(subjects: Table) -> Table:
    """The newest row of each thing, seen since its first."""
    ranked = subjects.mutate(
        place=ibis.row_number().over(
            ibis.window(group_by=KEY, order_by=[ibis.desc("day"), ibis.asc("source")])
        ),
        began=subjects.first_seen.min().over(ibis.window(group_by=KEY)),
    )
    return ranked.filter(ranked.place == 0)


def with_heard(rows: Iterable[Row], heard: Iterable[tuple[str, bool, Row]]) -> list[Row]:
    """What was seen, with what watches told since laid over it."""
    things: dict[Key, Row] = {_key(row): row for row in rows}
    for _, is_gone, told in heard:
        was = things.get(_key(told))
        if is_gone:
            if was is not None:
                things[_key(told)] = {**was, "state": DELETED}
            continue
        began = was["began"] if was else told.get("created_at") or told["last_seen"]
        things[_key(told)] = {**(was or _UNTOLD), **told, "began": began}
    return list(things.values())


def _use(hours: Table) -> Table:
    """GPU-seconds reserved, measured and used, and the busiest hour of each thing."""
    known = hours.used_s.notnull().ifelse(hours.reserved_s, 0)
    by_hour = hours.group_by(*KEY, "hour").agg(
        reserved_s=hours.reserved_s.sum(), measured_s=known.sum(), used_s=hours.used_s.sum()
    )
    ratio = by_hour.used_s / by_hour.measured_s.nullif(0)
    return by_hour.group_by(*KEY).agg(
        reserved_s=by_hour.reserved_s.sum(), measured_s=by_hour.measured_s.sum(),
        used_s=by_hour.used_s.sum(), busiest=ratio.max(),
        most_s=by_hour.reserved_s.max(), held_hours=by_hour.count(),
        held_days=by_hour.hour.date().nunique(),
        first_held=by_hour.hour.min(), last_held=by_hour.hour.max(),
    )  # fmt: skip


def _requests(requests: Table) -> Table:
    return requests.group_by(*KEY).agg(requests=requests.requests.sum())


def _owners(rows: Iterable[Row], estate: Estate) -> dict[Key, Owner | None]:
    """Whose each thing is as the selectors of today say; None: two equal selectors."""
    targets = number_targets(estate)
    wanted = [{name: row[name] for name in ("day", *KEY, *SEEN)} for row in rows]
    numbers = owners_of(wanted, targets).to_pyarrow().to_pylist()
    return {
        _key(row): None if row["owner"] == AMBIGUOUS else targets.owners[row["owner"]]
        for row in numbers
    }


_NOBODY: Final = Owner(kind="unallocated", rule="no-rule")


def _thing(row: Row, use: Row, owner: Owner | None) -> Thing:
    ours = owner or _NOBODY
    hourly = -(-(use.get("most_s") or 0) // 3600)
    moments = {name: _utc(row[name]) for name in _MOMENTS}
    told: dict[str, Any] = {name: row[name] for name in _PLAIN} | moments
    told |= {"first_seen": _utc(row["began"]), "gpus": row["gpus"] or hourly or None}
    return Thing(
        platform=row["platform"] or "", kind=row["subject_kind"], uid=row["subject_uid"], **told,
        labels=json.loads(row["labels"] or "{}"), uses=tuple(json.loads(row["uses"] or "[]")),
        workload=ours.workload, team=ours.team, is_ambiguous=owner is None,
        reserved_s=int(use.get("reserved_s") or 0), measured_s=int(use.get("measured_s") or 0),
        used_s=int(use.get("used_s") or 0), busiest=use.get("busiest"),
        held_hours=int(use.get("held_hours") or 0), span_hours=_span_hours(use),
        last_held=_utc(use.get("last_held")),
    )  # fmt: skip


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
    resources = {row["resource_id"]: row["cost"] for row in asks.rows(by_resource)}
    return resources, prices | seen_prices


def _priced(one: Thing, costs: Costs, asked: Mapping[Key, int | None]) -> Thing:
    resources, prices = costs
    cost = resources.get(one.resource_id) if one.resource_id else None
    if one.reserved_s and one.platform in prices:
        cost = (cost or Decimal(0)) + prices[one.platform] * one.reserved_s
    requests = asked.get((one.platform, one.kind, one.uid))
    return replace(one, cost=cost, requests=requests)


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


def _by_workload(given: Table) -> Table:
    mine = given.filter(given.workload.notnull())
    return mine.group_by("workload").agg(cost=mine.effective_cost.sum())


def _workloads(
    costs: Iterable[Row], things: Sequence[Thing], until: Mapping[str, dt.datetime]
) -> Iterator[WorkloadUse]:
    paid = {row["workload"]: row["cost"] or Decimal(0) for row in costs}
    ran: dict[str, list[Thing]] = {}
    parents = {one.uid: one for one in things}
    for one in things:
        if one.workload and one.is_work:
            ran.setdefault(one.workload, []).append(one)
    for name in sorted(paid.keys() | ran.keys()):
        held = ran.get(name, [])
        counted = [one.requests for one in held if one.requests is not None]
        yield WorkloadUse(
            workload=name,
            cost=paid.get(name, Decimal(0)),
            last_seen=max((one.last_seen for one in held), default=None),
            runs=len(held),
            requests=sum(counted) if counted else None,
            behaviour=behaviour_of(held, parents, until),
        )


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
