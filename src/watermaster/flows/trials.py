"""What is known of every experiment: its value and cost week by week, and how long it is quiet."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from watermaster.decide.estate.births import is_experiment
from watermaster.decide.release.weeks import Known, net_of
from watermaster.flows.open import Project
from watermaster.flows.things_use import KEY
from watermaster.ledger.head import Head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.model.estate import Estate
from watermaster.model.outcomes import (
    LEAST_DECLARED,
    LEAST_WEEKS,
    QUIET_DAYS,
    Counted,
    OutcomeSpec,
    Trial,
)
from watermaster.model.resources import ResourceVersion
from watermaster.model.tables import Table, ibis
from watermaster.model.things import Seen, Thing

HISTORY_DAYS: Final = 364  # whole weeks
ALL_DAYS: Final = 3660  # what a budget in all is held against
COUNTED: Final = 0.9  # of the quiet days must have been counted
GATES: Final = "watermaster/gates"  # annotation of a Workload: passed or failed
ARTEFACTS: Final = ("model-version", "checkpoint", "endpoint", "inference-service")
Day = dt.date
Key = tuple[Any, ...]
Row = Mapping[str, Any]
Owners = Callable[[Iterable[Row], Estate], Mapping[Key, Any]]


@dataclass(slots=True)
class _Days:
    """Cost and volumes of one workload, day by day."""

    cost: dict[Day, Decimal] = field(default_factory=dict)
    requests: dict[Day, float] = field(default_factory=dict)
    tokens: dict[Day, float] = field(default_factory=dict)
    platforms: set[str] = field(default_factory=set)
    currencies: set[str] = field(default_factory=set)


def trials_of(
    project: Project, head: Head, estate: Estate, seen: Seen, owners: Owners
) -> tuple[Trial, ...]:
    """One of each experiment; owners: whose things are, as selectors say."""
    tried = [version for version in estate.of("Workload") if is_experiment(version)]
    if not tried:
        return ()
    told = outcomes_of(estate, tried)
    asks = _Asks(project, head, seen.now.date())
    known = _known(asks, frozenset(told), estate, owners)
    quiet = dict(_quiet(asks, seen))
    spent = {one.workload: one.cost for one in seen.workloads}
    kept = dict(_artefacts(seen.things))
    in_all = asks.spent_in_all({
        version.resource.metadata.name: version.resource.spec.budget.currency
        for version in tried if version.resource.spec.budget
    })  # fmt: skip
    return tuple(
        _valued(
            replace(_plain(version), spent=spent.get(name), quiet_days=quiet.get(name),
                    artefact=kept.get(name), spent_in_all=in_all.get(name)),
            told.get(name), known.get(name, _Days()), asks,
        )
        for version in tried if (name := version.resource.metadata.name)
    )  # fmt: skip


_READ: Final[list[tuple[Any, "_Asks", dict[str, _Days]]]] = []  # the last that was asked


def _known(
    asks: "_Asks", names: frozenset[str], estate: Estate, owners: Owners
) -> dict[str, _Days]:
    """A year of days; facts and estate stay as they are until the next revision."""
    if not names:
        return {}
    key = asks.project.home, asks.head.revision, asks.until, names
    if not _READ or _READ[0][0] != key:
        _READ[:] = [(key, asks, asks.known(names, estate, owners))]
    _, read_by, days = _READ[0]
    asks.cost_days, asks.requests_told = read_by.cost_days, read_by.requests_told
    return days


def outcomes_of(estate: Estate, tried: Iterable[ResourceVersion]) -> dict[str, ResourceVersion]:
    """Workload to the Outcome that names it, or else its model."""
    by_workload = {v.resource.spec.workload: v for v in estate.of("Outcome")}
    by_model = {v.resource.spec.model: v for v in estate.of("Outcome")}
    found = {}
    for version in tried:
        name, model = version.resource.metadata.name, version.resource.spec.model
        held = by_workload.get(name) or (by_model.get(model) if model else None)
        if held is not None:
            found[name] = held
    return found


def _plain(version: ResourceVersion) -> Trial:
    one, spec = version.resource.metadata, version.resource.spec
    gates = {"passed": True, "failed": False}.get(one.annotations.get(GATES, ""))
    return Trial(
        workload=one.name, owner=one.owner, stage=spec.stage, outcome=None, alpha=0.2,
        gates_pass=gates, budget=spec.budget.amount if spec.budget else None,
    )  # fmt: skip


def _valued(trial: Trial, outcome: ResourceVersion | None, days: _Days, asks: "_Asks") -> Trial:
    if outcome is None:
        return trial
    spec: OutcomeSpec = outcome.resource.spec
    named = replace(trial, outcome=outcome.resource.metadata.name, alpha=spec.alpha,
                    currency=spec.currency)  # fmt: skip
    if days.currencies - {spec.currency}:
        costs = ", ".join(sorted(days.currencies))
        return replace(named, note=f"its outcome is in {spec.currency} and its cost in {costs}")
    volume = days.tokens if spec.counted is Counted.TOKENS else days.requests
    told = asks.told_days(days.platforms)
    known = Known(cost=days.cost, cost_days=asks.cost_days, volume=volume, volume_days=told)
    weeks = net_of(spec, known)
    least = LEAST_DECLARED if spec.counted is Counted.DECLARED else LEAST_WEEKS
    return replace(
        named, least=least, net=tuple(float(one.net) for one in weeks),
        value=sum((one.value for one in weeks), Decimal(0)),
        cost=sum((one.cost for one in weeks), Decimal(0)),
        volume=sum(one.volume for one in weeks),
    )  # fmt: skip


def _quiet(asks: "_Asks", seen: Seen) -> Iterator[tuple[str, int]]:
    """Workloads with no request in the last 30 days, and nothing made or read for them.

    Only what somebody counts can be quiet, and only while every source speaks.
    """
    if seen.silent:
        return
    asked = asks.asked_lately()
    for name, things in _by_workload(seen.things).items():
        rows = [asked[key] for one in things if (key := _of(one)) in asked]
        days = max((row["days"] for row in rows), default=0)
        if days < COUNTED * QUIET_DAYS or any(row["requests"] for row in rows):
            continue
        moments = (m for one in things for m in (one.created_at or one.first_seen, one.last_used))
        yield name, (seen.now - max(m for m in moments if m is not None)).days


def _artefacts(things: Iterable[Thing]) -> Iterator[tuple[str, str]]:
    """The newest artefact of each workload: what to keep of it."""
    able = [one for one in things if one.workload and one.artefact and one.kind in ARTEFACTS]
    for one in sorted(able, key=lambda one: one.created_at or one.first_seen):
        yield str(one.workload), str(one.artefact)


def _by_workload(things: Iterable[Thing]) -> dict[str, list[Thing]]:
    found: dict[str, list[Thing]] = {}
    for one in things:
        if one.workload:
            found.setdefault(one.workload, []).append(one)
    return found


def _of(one: Thing) -> Key:
    return one.platform, one.kind, one.uid


class _Asks:
    """Tables of the year up to a day, and their rows."""

    def __init__(self, project: Project, head: Head, until: Day) -> None:
        self.project, self.head, self.until = project, head, until
        self.cost_days: frozenset[Day] = frozenset()
        self.requests_told: dict[str, set[Day]] = {}

    def table(self, name: str, days: int = HISTORY_DAYS, letters: int = 10) -> Table:
        """letters: of the slice's day or month to compare."""
        table = load(self.project.ledger.catalog, name)
        held = {key for _, key, _ in files_at(table, self.head.snapshots[name])}
        first = (self.until - dt.timedelta(days=days)).isoformat()[:letters]
        last = self.until.isoformat()[:letters]
        chosen = sorted(key for key in held if first <= key[1][:letters] <= last)
        return read(self.project.ledger, self.head, name, chosen)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.project.ledger.engine.to_pyarrow(table).to_pylist()
        return found

    def told_days(self, platforms: Iterable[str]) -> frozenset[Day]:
        """The days on which every one of them counted requests of anybody."""
        held = [self.requests_told.get(name, set()) for name in platforms]
        return frozenset(set.intersection(*held)) if held else frozenset()

    def asked_lately(self) -> dict[Key, Row]:
        """Requests of each thing in the quiet days, and on how many of them they were counted."""
        lately = self.table("requests", QUIET_DAYS)
        counted = lately.filter(lately.requests.notnull())
        summed = counted.group_by(*KEY).agg(
            requests=counted.requests.sum(), days=counted.day.nunique()
        )
        return {_key(row): row for row in self.rows(summed)}

    def spent_in_all(self, currencies: Mapping[str, str]) -> dict[str, Decimal]:
        """What each of these workloads cost in all months, where all of that is in its currency."""
        if not currencies:
            return {}
        given = self.table("allocations", ALL_DAYS, letters=7)
        mine = given.filter(given.workload.isin(sorted(currencies)))
        summed = mine.group_by("workload", "billing_currency").agg(cost=mine.effective_cost.sum())
        rows = self.rows(summed)
        other = {
            row["workload"]
            for row in rows
            if row["billing_currency"] != currencies[row["workload"]]
        }
        return {row["workload"]: row["cost"] for row in rows if row["workload"] not in other}

    def known(self, names: frozenset[str], estate: Estate, owners: Owners) -> dict[str, _Days]:
        """Cost and volumes of some workloads, day by day."""
        found: dict[str, _Days] = {name: _Days() for name in names}
        given = self.table("allocations", letters=7)
        day = given.charge_start.date()
        self.cost_days = frozenset(
            row["day"] for row in self.rows(given.select(day=day).distinct())
        )
        mine = given.filter(given.workload.isin(sorted(names)))
        by_day = mine.group_by("workload", "billing_currency", day=mine.charge_start.date()).agg(
            cost=mine.effective_cost.sum()
        )
        for row in self.rows(by_day):
            days = found[row["workload"]]
            days.cost[row["day"]] = days.cost.get(row["day"], Decimal(0)) + (row["cost"] or 0)
            days.currencies.add(row["billing_currency"])
        self._add_requests(found, estate, owners)
        return found

    def _add_requests(self, found: dict[str, _Days], estate: Estate, owners: Owners) -> None:
        asked = self.table("requests")
        by_day = asked.group_by(*KEY, "day").agg(
            requests=asked.requests.sum(), tokens=(asked.tokens_in + asked.tokens_out).sum()
        )
        rows = self.rows(by_day)
        for row in rows:
            self.requests_told.setdefault(row["platform"] or "", set()).add(
                Day.fromisoformat(row["day"])
            )
        subjects = self.table("subjects").semi_join(asked.select(*KEY).distinct(), KEY)
        place = ibis.row_number().over(
            ibis.window(group_by=KEY, order_by=[ibis.desc("day"), ibis.asc("source")])
        )
        newest = subjects.mutate(place=place).filter(ibis._.place == 0)
        whose = owners(self.rows(newest), estate)
        for row in rows:
            owner = whose.get(_raw(row))
            days = found.get(owner.workload or "") if owner else None
            if days is not None:
                days.platforms.add(row["platform"] or "")
                moment = Day.fromisoformat(row["day"])
                for name in ("requests", "tokens"):
                    if row[name] is not None:
                        told = getattr(days, name)
                        told[moment] = told.get(moment, 0.0) + float(row[name])


def _key(row: Row) -> Key:
    return row["platform"] or "", row["subject_kind"], row["subject_uid"]


def _raw(row: Row) -> Key:
    return tuple(row[name] for name in KEY)
