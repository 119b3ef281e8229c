"""What is free now, from the newest hour that every source told, and how long people wait."""

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from watermaster.decide.capacity.free import (
    BY,
    HOUR_S,
    RULE,
    free_by_hour,
    gap_of,
    joined,
    waits,
)
from watermaster.decide.cost.measure import is_member, platform_names
from watermaster.decide.cost.targets import Scope
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.things import owners_by_key
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.pulls import pull_states
from watermaster.ledger.read import read
from watermaster.model.capacity import Ending, Free, FreeHour, FreeReport, Wait
from watermaster.model.errors import UsageError
from watermaster.model.estate import Estate, live_estate
from watermaster.model.resources import Resource
from watermaster.model.tables import Table, ibis
from watermaster.observe.hostlist import expand

WEEK: Final = dt.timedelta(days=7)
OLD: Final = dt.timedelta(days=2)  # nothing newer than this: the answer is of then
WAITED: Final = dt.timedelta(days=30)  # how far back time to GPU looks
ENDINGS: Final = 5  # of a pool, the soonest
Row = Mapping[str, Any]
Place = tuple[str, str]  # platform, node


@dataclass(frozen=True, slots=True)
class FreeAsked:
    """What is asked: by pool, by team (who lends), at a moment (None: now)."""

    by: Sequence[str] = BY
    at: dt.datetime | None = None


def capacity_free(project: Project, asked: FreeAsked | None = None) -> FreeReport:
    """Accelerators that nothing holds, by pool and lender; silence is a gap, never free."""
    question = asked or FreeAsked()
    if unknown := [name for name in question.by if name not in BY]:
        raise UsageError("--by", f"no dimension {', '.join(unknown)}", f"take {','.join(BY)}")
    head = read_head(project.ledger.records)
    now = project.ledger.clock()
    at = question.at or _told_last(project, head, now)
    ledger = _Ledger(project, at)
    if at != now and question.at is None and ledger.told:
        at = max(ledger.told.values())  # the newest hour of that day
        ledger = _Ledger(project, at)
    rows = [*_pools(ledger), *_undeclared(ledger)]
    free = joined(rows, question.by)
    gaps = sorted({one.gap for one in rows if one.gap})
    return FreeReport(
        rule=RULE, snapshot=ledger.head.name, at=ledger.at, why=_why(rows),
        old_days=(now - at).days if question.at is None and at != now else None,
        by=tuple(question.by), free=free, waits=_waits(ledger, question.by), gaps=gaps,
        sources=ledger.told,
    )  # fmt: skip


def _told_last(project: Project, head: Head, now: dt.datetime) -> dt.datetime:
    """Now; where no source told of supply for days, the end of the last day that one did."""
    table = load(project.ledger.catalog, "gpu_supply")
    days = {key[1] for _, key, _ in files_at(table, head.snapshots["gpu_supply"])}
    if not days:
        return now
    end = dt.datetime.fromisoformat(max(days)).replace(tzinfo=dt.UTC) + dt.timedelta(days=1)
    return end if now - end > OLD else now


class _Ledger:
    """What the ledger says of the week before a moment, read once."""

    def __init__(self, project: Project, at: dt.datetime) -> None:
        self.project, self.at = project, at
        self.head: Head = read_head(project.ledger.records)
        self.estate: Estate = live_estate(known_estate(project))
        self.names = platform_names(self.estate)
        self.supply, self.use = self.days("gpu_supply", WEEK), self.days("gpu_hours", WEEK)
        self.places = self._places()
        self.subjects = self._subjects()
        self.told = self._told()
        gaps = source_gaps(project, self.estate)
        self.silent = {gap.source: gap.what for gap in gaps if gap.since < at}
        self.sources = self._sources()
        self.hours = self._hours()

    def days(self, name: str, back: dt.timedelta) -> Table:
        """A fact table, of the days from so long ago to the moment."""
        first, last = f"{self.at - back:%Y-%m-%d}", f"{self.at:%Y-%m-%d}"
        table = load(self.project.ledger.catalog, name)
        held = {key for _, key, _ in files_at(table, self.head.snapshots[name])}
        wanted = sorted(key for key in held if first <= key[1] <= last)
        return read(self.project.ledger, self.head, name, wanted)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        """All rows of a small table."""
        found: list[dict[str, Any]] = self.project.ledger.engine.to_pyarrow(table).to_pylist()
        return found

    def _places(self) -> dict[Place, Resource | None]:
        """Every node seen with the declared pool it lies in: the first by name."""
        seen = self.supply.select("platform", "node", "partition").distinct()
        places: dict[Place, Resource | None] = {}
        for row in sorted(self.rows(seen), key=str):
            key = row["platform"], row["node"]
            places[key] = places.get(key) or self.pool_of(*key, row["partition"])
        return places

    def pool_of(self, platform: str, node: str, partition: str | None) -> Resource | None:
        """The first declared pool by name that a node lies in, also where its supply is untold."""
        spot = platform, node, partition
        pools = (version.resource for version in self.estate.of("Pool"))
        mine = (p for p in pools if is_member(Scope(0, p, None, 0, 0, 0, 0), self.names, *spot))
        return next(mine, None)

    def _subjects(self) -> list[dict[str, Any]]:
        """The newest row of everything that has an end or holds nodes: jobs and reservations."""
        kinds = ("slurm-job", "reservation")
        told = self.days("subjects", dt.timedelta(days=1))
        return self.rows(told.filter(told.subject_kind.isin(kinds)))

    def _told(self) -> dict[str, dt.datetime]:
        """Each source to the end of its newest hour that was over, and seen whole."""
        seen = pull_states(self.project.ledger.records)
        hours = self.supply.select("source", "hour").union(self.use.select("source", "hour"))
        ends = hours.group_by("source").agg(last=hours.hour.max())
        found = {}
        for row in self.rows(ends):
            state = seen.get(row["source"])
            until = min([self.at, *([state.seen_until] if state and state.seen_until else [])])
            whole = until.replace(minute=0, second=0, microsecond=0)
            found[row["source"]] = min(_utc(row["last"]) + dt.timedelta(seconds=HOUR_S), whole)
        return found

    def _sources(self) -> dict[str, tuple[set[str], set[str]]]:
        """Each platform's sources of supply, and of use, in the week."""
        found: dict[str, tuple[set[str], set[str]]] = {}
        for place, table in enumerate((self.supply, self.use)):
            for row in self.rows(table.select("platform", "source").distinct()):
                found.setdefault(row["platform"], (set(), set()))[place].add(row["source"])
        return found

    def _hours(self) -> dict[tuple[str | None, str], list[dict[str, Any]]]:
        """Hours of each pool (None: of none) and platform, the oldest first."""
        held = self._held()
        places = [
            (*key, pool.metadata.name if pool else None, int(key in held))
            for key, pool in self.places.items()
        ]
        kinds = {"platform": "string", "node": "string", "pool": "string", "is_held": "int8"}
        until = [(source, int(end.timestamp())) for source, end in self.told.items()]
        table = free_by_hour(
            self.supply, self.use, ibis.memtable(places, schema=ibis.schema(kinds)),
            ibis.memtable(until, schema=ibis.schema({"source": "string", "until_s": "int64"})),
        )  # fmt: skip
        found: dict[tuple[str | None, str], list[dict[str, Any]]] = {}
        for row in sorted(self.rows(table), key=lambda row: str(row["hour"])):
            found.setdefault((row["pool"], row["platform"]), []).append(row)
        return found

    def _held(self) -> set[Place]:
        """Nodes that a reservation holds at the moment."""
        held = set()
        for row in self.subjects:
            about = json.loads(row["attributes"] or "{}")
            start, end = _moment(about.get("start")), _moment(about.get("end"))
            if row["subject_kind"] != "reservation" or not start or not end:
                continue
            if start <= self.at < end:
                held |= {(row["platform"], node) for node in expand(about.get("nodes") or "")}
        return held


def _pools(ledger: _Ledger) -> Iterable[Free]:
    names = platform_names(ledger.estate)
    endings = _endings(ledger)
    for pool in (version.resource for version in ledger.estate.of("Pool")):
        name, spec = pool.metadata.name, pool.spec
        platforms = names.get(spec.platform, {spec.platform})
        hours = [row for one in sorted(platforms) for row in ledger.hours.get((name, one), ())]
        row = Free(
            pool=name, team=pool.metadata.owner, platform=spec.platform,
            accelerator=spec.accelerator, as_of=None, supplied=None, reserved=None, free=None,
        )  # fmt: skip
        yield _filled(ledger, row, platforms, (hours, endings.get(name, [])))


def _undeclared(ledger: _Ledger) -> Iterable[Free]:
    """What is seen in no declared pool, platform by platform."""
    for (pool, platform), hours in ledger.hours.items():
        if pool is None:
            row = Free(
                pool=None, team=None, platform=platform, accelerator=hours[-1]["model"],
                as_of=None, supplied=None, reserved=None, free=None,
            )  # fmt: skip
            yield _filled(ledger, row, {platform}, (hours, []))


def _filled(
    ledger: _Ledger, row: Free, platforms: Collection[str],
    told: tuple[Sequence[Row], Sequence[Ending]],
) -> Free:  # fmt: skip
    """A pool's row with its newest hour, or with the gap that forbids one."""
    hours, endings = told
    if not hours:
        return replace(row, gap=f"nothing told the supply of {row.pool} in 7 days")
    newest = hours[-1]
    as_of = _utc(newest["hour"]) + dt.timedelta(seconds=HOUR_S)
    week = [FreeHour(hour=_utc(h["hour"]), supplied=h["supplied"], free=h["free"] + h["held"])
            for h in hours]  # fmt: skip
    gap = _gap(ledger, row, platforms, as_of)
    row = replace(row, as_of=as_of, week=week, gap=gap)
    if gap:
        return replace(row, was_free=newest["free"])
    return replace(
        row, supplied=newest["supplied"], free=newest["free"], held=newest["held"],
        reserved=newest["supplied"] - newest["free"] - newest["held"],
        on_one_node=newest["on_one_node"], endings=endings[:ENDINGS],
    )  # fmt: skip


def _gap(ledger: _Ledger, row: Free, platforms: Collection[str], as_of: dt.datetime) -> str | None:
    where = row.pool or row.platform
    supply: set[str] = set().union(*(ledger.sources.get(p, (set(), set()))[0] for p in platforms))
    use: set[str] = set().union(*(ledger.sources.get(p, (set(), set()))[1] for p in platforms))
    if not use:
        return f"nothing told what is reserved on {where} in 7 days"
    if found := gap_of(supply | use, ledger.told, ledger.silent, ledger.at):
        return found
    late = [one for one in sorted(use) if ledger.told[one] < as_of]
    if late:
        return f"{late[0]} has not told yet what is reserved on {where}"
    if (ledger.at - as_of).total_seconds() > 3 * HOUR_S:
        return f"no supply of {where} since {as_of:%Y-%m-%d %H:%M} UTC"
    return None


def _endings(ledger: _Ledger) -> dict[str, list[Ending]]:
    """When what runs in each pool reaches its time limit, the soonest first."""
    running = [row for row in ledger.subjects if row["state"] == "running" and row["gpus"]]
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(running, key=lambda row: str(row["day"])):
        newest[row["platform"], row["subject_uid"]] = row
    owners = owners_by_key(newest.values(), ledger.estate) if newest else {}
    found: dict[str, list[Ending]] = {}
    for (platform, uid), row in newest.items():
        about = json.loads(row["attributes"] or "{}")
        end = _moment(about.get("ends_by"))
        nodes = expand(about.get("nodes") or "")
        pool = ledger.places.get((platform, nodes[0])) if nodes else None
        if end is None or end <= ledger.at or pool is None:
            continue
        owner = owners.get((platform, row["subject_kind"], uid))
        ending = Ending(
            at=end, gpus=row["gpus"], name=row["name"] or uid, team=owner.team if owner else None
        )
        found.setdefault(pool.metadata.name, []).append(ending)
    return {name: sorted(held, key=lambda one: (one.at, one.name)) for name, held in found.items()}


def _waits(ledger: _Ledger, by: Sequence[str]) -> list[Wait]:
    """Time to GPU over the last days, of every job that asked for one."""
    since = ledger.at - WAITED
    runs = ledger.days("runs", WAITED)
    runs = runs.filter((runs.submitted_at >= since) & (runs.submitted_at <= ledger.at))
    known = runs.select("platform", "subject_kind", "subject_uid", "nodes", "partition").distinct()
    jobs = {(r["platform"], r["subject_kind"], r["subject_uid"]): r for r in ledger.rows(known)}
    if not jobs:
        return []
    told = ledger.days("subjects", WAITED)
    subjects = told.filter(told.subject_kind.isin(sorted({kind for _, kind, _ in jobs})))
    newest = {(r["platform"], r["subject_kind"], r["subject_uid"]): r
              for r in sorted(ledger.rows(subjects), key=lambda r: str(r["day"]))}  # fmt: skip
    owners = owners_by_key(newest.values(), ledger.estate) if newest else {}
    rows = []
    for key, row in jobs.items():
        owner, nodes = owners.get(key), expand(row["nodes"] or "")
        place = (key[0], nodes[0]) if nodes else None
        pool = place and (ledger.places.get(place) or ledger.pool_of(*place, row["partition"]))
        rows.append((key[0], key[2], owner.team if owner else None,
                     pool.metadata.name if pool else None))  # fmt: skip
    kinds = dict.fromkeys(("platform", "subject_uid", "team", "pool"), "string")
    found = ledger.rows(waits(runs, ibis.memtable(rows, schema=ibis.schema(kinds)), by))
    made = [
        Wait(
            pool=row.get("pool"), team=row.get("team"), n=row["n"], waiting=row["waiting"],
            p50_s=_seconds(row["p50_s"]), p95_s=_seconds(row["p95_s"]),
        )
        for row in found
    ]  # fmt: skip
    return sorted(made, key=lambda one: (-(one.p95_s or 0), one.pool or "~", one.team or "~"))


def _why(rows: Sequence[Free]) -> str:
    known = [one for one in rows if one.free is not None]
    if not known:
        return (
            "No pool tells what is free now." if rows else "No accelerators are seen or declared."
        )
    free = sum(one.free or 0 for one in known)
    supplied = sum(one.supplied or 0 for one in known)
    silent = len(rows) - len(known)
    note = f"; {silent} of {len(rows)} pools tell nothing about now" if silent else ""
    return f"{free} of {supplied} accelerators are free in {len(known)} pools{note}."


def _moment(text: str | None) -> dt.datetime | None:
    return _utc(dt.datetime.fromisoformat(text)) if text else None


def _utc(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)


def _seconds(value: float | None) -> int | None:
    return None if value is None else round(value)
