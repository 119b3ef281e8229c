"""What mended things cost, used and were asked, day by day: from bills, GPU hours and requests."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from watermaster.decide.review.savings import BEFORE_DAYS, Daily
from watermaster.flows.open import Project
from watermaster.flows.things_use import own_rows
from watermaster.ledger.head import Head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.model.estate import Estate
from watermaster.model.tables import Column, Table, ibis
from watermaster.model.things import billed_as

Key = tuple[str, str, str]  # platform, kind, uid
Day = dt.date
Row = Mapping[str, Any]
CHARGE: Final = ["source", "charge_file", "charge_row"]
ONE_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """What a mended finding is about, in the ledger's words."""

    finding: str
    on: Day
    things: frozenset[Key] = frozenset()
    resources: frozenset[str] = frozenset()
    workloads: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Spent:
    """One subject: cost by day and by what is paid for, what told of it, and how much of it."""

    effective: dict[tuple[Day, str], float] = field(default_factory=dict)
    billed: dict[Day, float] = field(default_factory=dict)
    volumes: dict[str, dict[Day, float]] = field(default_factory=dict)
    currencies: dict[str, float] = field(default_factory=dict)
    tellers: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Series:
    """One subject as rules look at it; cash: only what is on invoices."""

    allocated: Daily
    cash: Daily
    currency: str


def series_of(
    project: Project, head: Head, estate: Estate, mine: Iterable[Mine]
) -> dict[str, Series]:
    """By finding; one that nothing was billed or measured of is not there."""
    every = list(mine)
    if not every:
        return {}
    first = min(one.on for one in every) - dt.timedelta(days=BEFORE_DAYS)
    asks = _Asks(project, head, first, project.ledger.clock().date())
    every = [replace(one, resources=one.resources | asks.resources_of(one)) for one in every]
    told = _Told(asks, estate, every)
    return {one.finding: found for one in every if (found := told.series(one)) is not None}


class _Asks:
    """Tables of the days asked about, and their rows."""

    def __init__(self, project: Project, head: Head, first: Day, end: Day) -> None:
        self.project, self.head, self.first, self.end = project, head, first, end
        self._billed: dict[Key, set[str]] | None = None

    def table(self, name: str, letters: int = 10) -> Table:
        """letters: of the slice's day or month to compare."""
        table = load(self.project.ledger.catalog, name)
        held = {key for _, key, _ in files_at(table, self.head.snapshots[name])}
        first, end = self.first.isoformat()[:letters], self.end.isoformat()[:letters]
        chosen = sorted(key for key in held if first <= key[1][:letters] <= end)
        return read(self.project.ledger, self.head, name, chosen)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.project.ledger.engine.to_pyarrow(table).to_pylist()
        return found

    def resources_of(self, one: Mine) -> frozenset[str]:
        """The ids by which its things are billed."""
        if self._billed is None:
            seen = self.table("subjects")
            named = seen.filter(seen.resource_id.notnull())
            wide = named.select("platform", "subject_kind", "subject_uid", "resource_id").distinct()
            self._billed = {}
            for row in self.rows(wide):
                self._billed.setdefault(_key(row), set()).add(row["resource_id"])
        found = {idn for key in one.things for idn in self._billed.get(key, ())}
        return frozenset(found | {billed_as(idn) for idn in found})


class _Told:
    """All rows of all subjects, read once."""

    def __init__(self, asks: _Asks, estate: Estate, mine: list[Mine]) -> None:
        self.asks = asks
        self.declared = {
            name: version.resource.metadata.name
            for version in estate.of("Platform")
            for name in (version.resource.metadata.name, *version.resource.spec.seen_as)
        }
        given = asks.table("allocations", 7)
        usage = given.filter(ibis.coalesce(given.charge_category, "Usage") == "Usage")
        keys = sorted({uid for one in mine for _, _, uid in one.things})
        self.bills = asks.rows(_bill_rows(usage, asks.table("charges", 7), mine))
        hours = asks.table("gpu_hours")
        held = hours.filter(hours.subject_uid.isin([*keys, ""]))
        self.hours = asks.rows(
            held.group_by("platform", "subject_kind", "subject_uid", "day").agg(
                reserved_s=held.reserved_s.sum()
            )
        )
        self.asked = asks.rows(_asked_rows(asks.table("requests"), [*keys, ""]))
        skus = sorted({row["sku"] for row in self.bills if row["pool"] is None})
        self.prices = self._prices(usage, hours) | _sku_prices(asks, skus)
        self.days = _told_days(asks, usage, hours)

    def _prices(self, usage: Table, hours: Table) -> dict[str, dict[Day, float]]:
        """What a reserved GPU-second of each platform cost on each day."""
        worked = usage.kind.isin(("measured", "direct")) | usage.rule.endswith(":unowned-use")
        pooled = usage.filter(usage.pool.notnull() & worked)
        paid = pooled.group_by("platform", day=pooled.charge_start.date()).agg(
            cost=pooled.effective_cost.sum()
        )
        reserved: dict[tuple[str, Day], float] = {}
        for row in self.asks.rows(
            hours.group_by("platform", "day").agg(reserved_s=hours.reserved_s.sum())
        ):
            place = self._place(row["platform"]), Day.fromisoformat(row["day"])
            reserved[place] = reserved.get(place, 0.0) + float(row["reserved_s"] or 0)
        found: dict[str, dict[Day, float]] = {}
        for row in self.asks.rows(paid):
            place = row["platform"], row["day"]
            if row["cost"] and reserved.get(place):
                prices = found.setdefault(f"pool:{row['platform']}", {})
                prices[row["day"]] = float(row["cost"]) / reserved[place]
        return found

    def _place(self, platform: str) -> str:
        return self.declared.get(platform, platform)

    def series(self, one: Mine) -> Series | None:
        spent = _Spent()
        for row in self.bills:
            of = row["of"] in one.workloads if row["of"] else False
            if of or (row["resource_id"] in one.resources):
                _spend(spent, row)
        for row in self.hours:
            if _key(row) in one.things:
                self._hold(spent, row)
        for row in self.asked:
            if _key(row) in one.things:
                day = Day.fromisoformat(row["day"])
                for name in ("requests", "tokens"):
                    if row[name] is not None:
                        told = spent.volumes.setdefault(name, {})
                        told[day] = told.get(day, 0.0) + float(row[name])
        return self._series(one, spent) if spent.effective else None

    def _hold(self, spent: _Spent, row: Row) -> None:
        """Held on a pool: it costs its share of it, and no invoice tells of it."""
        name = f"pool:{self._place(row['platform'])}"
        day = Day.fromisoformat(row["day"])
        price = self.prices.get(name, {}).get(day)
        if price is not None:
            spent.tellers.add(f"hours:{row['platform']}")
            place = day, name
            cost = float(row["reserved_s"] or 0) * price
            spent.effective[place] = spent.effective.get(place, 0.0) + cost

    def _series(self, one: Mine, spent: _Spent) -> Series | None:
        first = min(day for day, _ in spent.effective)
        known = set.intersection(*(self.days.get(name, set()) for name in spent.tellers))
        last = max(known, default=first)
        days = [first + dt.timedelta(n) for n in range((last - first).days + 1)]
        by_day: dict[Day, float] = {}
        for (day, _), cost in spent.effective.items():
            by_day[day] = by_day.get(day, 0.0) + cost
        price = self._index(one, spent, days)
        volumes = {
            name: np.array([told.get(day, np.nan) for day in days])
            for name, told in spent.volumes.items()
        }

        def daily(costs: Mapping[Day, float]) -> Daily:
            cost = [costs.get(day, 0.0) if day in known else np.nan for day in days]
            return Daily(first=first, cost=np.array(cost), price=price, volumes=volumes)

        currency = max(spent.currencies, key=lambda name: spent.currencies[name], default="USD")
        return Series(daily(by_day), daily(spent.billed), currency)

    def _index(self, one: Mine, spent: _Spent, days: list[Day]) -> np.ndarray:
        """Prices of all that was paid for before the fix, weighed by it; nan: none is known."""
        shares: dict[str, float] = {}
        for (day, name), cost in spent.effective.items():
            if day < one.on:
                shares[name] = shares.get(name, 0.0) + cost
        found = np.zeros(len(days))
        total = 0.0
        for name, share in shares.items():
            prices = self.prices.get(name, {})
            before = [price for day, price in prices.items() if days[0] <= day < one.on]
            if before and share > 0:
                level = sum(before) / len(before)
                found += share * _steady([prices.get(day) for day in days]) / level
                total += share
        return found / total if total else np.full(len(days), np.nan)


def _steady(prices: list[float | None]) -> np.ndarray:
    """A day without a price has that of the day before, or of the first that has one."""
    known = [price for price in prices if price is not None]
    last, found = known[0] if known else np.nan, []
    for price in prices:
        last = last if price is None else price
        found.append(last)
    return np.array(found)


def _spend(spent: _Spent, row: Row) -> None:
    """A charge of several days is spread evenly over them."""
    spent.tellers.add(f"bill:{row['source']}")
    currency, cost = row["billing_currency"], float(row["effective"] or 0)
    spent.currencies[currency] = spent.currencies.get(currency, 0.0) + abs(cost)
    count = max((row["until"] - row["day"]).days, 1)
    name = f"pool:{row['platform']}" if row["pool"] else row["sku"]
    for number in range(count):
        day = row["day"] + dt.timedelta(number)
        spent.effective[day, name] = spent.effective.get((day, name), 0.0) + cost / count
        if not row["pool"]:
            spent.billed[day] = spent.billed.get(day, 0.0) + float(row["billed"] or 0) / count


def _bill_rows(usage: Table, charges: Table, mine: list[Mine]) -> Table:
    """What was billed of all subjects: by resource, workload, what was paid for, and day."""
    resources = sorted({idn for one in mine for idn in one.resources})
    workloads = sorted({name for one in mine for name in one.workloads})
    rows = usage.left_join(own_rows(usage), "resource_id")
    rows = rows.mutate(
        of=rows.workload.fill_null((rows.kind == "unallocated").ifelse(rows.own_workload, None)),
    )
    rows = rows.filter(rows.resource_id.isin([*resources, ""]) | rows.of.isin([*workloads, ""]))
    rows = rows.select(*CHARGE, "resource_id", "of", "platform", "pool", "billing_currency",
                       "effective_cost", "billed_cost", day=rows.charge_start.date())  # fmt: skip
    told = charges.select(*CHARGE, sku=_sku(charges), ends=charges.charge_period_end)
    held = rows.left_join(told, CHARGE)
    until = (held.ends - ibis.interval(seconds=1)).date()
    held = held.mutate(until=ibis.coalesce(until, held.day))
    by = ("source", "resource_id", "of", "platform", "pool", "sku", "billing_currency", "day")
    found = held.group_by(*by, last=held.until).agg(
        effective=held.effective_cost.sum(), billed=held.billed_cost.sum()
    )
    return found.mutate(until=found.last + ibis.interval(days=1))


def _sku(charges: Table) -> Column:
    described = (
        ibis.coalesce(charges.service_name, "")
        + "/"
        + ibis.coalesce(charges.charge_description, "")
    )
    return "sku:" + ibis.coalesce(charges.sku_price_id, charges.sku_id, described)


def _sku_prices(asks: _Asks, skus: list[str]) -> dict[str, dict[Day, float]]:
    """What a unit of each thing on sale cost on each day, over all that bought it.

    Prices after a thing is gone are those that others pay.
    """
    if not skus:
        return {}
    charges = asks.table("charges", 7)
    rows = charges.mutate(sku=_sku(charges), day=charges.charge_period_start.date())
    rows = rows.filter(rows.sku.isin(skus) & (rows.pricing_quantity > 0))
    summed = rows.group_by("sku", "day").agg(
        cost=rows.effective_cost.sum(), quantity=rows.pricing_quantity.sum()
    )
    found: dict[str, dict[Day, float]] = {}
    for row in asks.rows(summed):
        if row["cost"] and row["cost"] > 0:
            prices = found.setdefault(row["sku"], {})
            prices[row["day"]] = float(row["cost"]) / float(row["quantity"])
    return found


def _asked_rows(requests: Table, uids: list[str]) -> Table:
    mine = requests.filter(requests.subject_uid.isin(uids))
    return mine.group_by("platform", "subject_kind", "subject_uid", "day").agg(
        requests=mine.requests.sum(), tokens=(mine.tokens_in + mine.tokens_out).sum()
    )


def _told_days(asks: _Asks, usage: Table, hours: Table) -> dict[str, set[Day]]:
    """The days each source of bills and each platform told of; only on these nothing means 0."""
    found: dict[str, set[Day]] = {}
    for row in asks.rows(usage.select("source", day=usage.charge_start.date()).distinct()):
        found.setdefault(f"bill:{row['source']}", set()).add(row["day"])
    for row in asks.rows(hours.select("platform", "day").distinct()):
        found.setdefault(f"hours:{row['platform']}", set()).add(Day.fromisoformat(row["day"]))
    return found


def _key(row: Row) -> Key:
    return row["platform"] or "", row["subject_kind"], row["subject_uid"]
