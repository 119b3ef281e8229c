"""What is kept and serves nobody: orphans, declared work that is gone, experiments that go on.

Nothing here follows from silence: what was not counted is not taken as unused.
"""

import datetime as dt
import statistics
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from watermaster.decide.estate.finding import evidence_of, found
from watermaster.decide.estate.presence import age_of, present
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import DELIVERING_DAYS, Seen, Thing, WorkloadUse

ORPHAN_DAYS: Final = 30
QUIET_DAYS: Final = 14
LEAST_COST: Final = Decimal(100)  # a month: less is not worth asking after
COUNTED: Final = 0.9  # of the days must have been counted
RUNS_AWAY: Final = 2  # times the median of its days
ABOVE: Final = Decimal("1.5")  # times what it costs on the dear ones of its other days
LEAST_RUN_DAYS: Final = 5  # shorter ones are jobs somebody waits for
LEAST_RUN_COST: Final = Decimal(500)
LOOSE: Final = frozenset({"available", "unattached", "released", "lost"})
REST: Final = frozenset({"volume", "snapshot", "checkpoint"})
SERVING: Final = frozenset({"endpoint", "notebook", "inference-service", "ray-service"})
TRYING: Final = frozenset({"experiment", "idea"})


def orphans(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Volumes nothing is attached to; endpoints, notebooks, snapshots that nobody used."""
    over = {v.resource.metadata.name for v in estate.of("Workload") if _is_over(v, seen)}
    there = {one.uid for one in seen.things}
    shown = {(one.source, one.kind) for one in seen.things}
    for one in present(seen):
        if one.kind in REST:
            quiet = one.last_used or one.created_at
            if seen.silent and one.parent_uid and one.parent_uid not in there:
                continue  # its volume may be where nobody looks
            loose = _is_loose(one, there, shown, over)
            if loose and quiet is not None and seen.now - quiet >= dt.timedelta(days=ORPHAN_DAYS):
                yield _orphan(seen, one, f"{loose}, last used {quiet:%Y-%m-%d}")
        elif is_orphan(one, seen):
            since = one.last_used
            days = (seen.now - since).days if since else (age_of(seen, one)).days
            held = f"{one.gpus} {one.accelerator or 'GPUs'}, " if one.gpus else ""
            yield _orphan(seen, one, f"{held}no request for {days} days" if since
                          else f"{held}no request in {seen.month}")  # fmt: skip


def is_orphan(one: Thing, seen: Seen) -> bool:
    """Whether it serves, and was asked by nobody for a month although somebody counts."""
    if one.kind not in SERVING or one.requests:
        return False
    if one.last_used is not None:
        return seen.now - one.last_used >= dt.timedelta(days=ORPHAN_DAYS)
    return one.requests == 0 and age_of(seen, one) >= dt.timedelta(days=ORPHAN_DAYS)


def _is_loose(
    one: Thing, there: set[str], shown: set[tuple[str, str]], over: set[str]
) -> str | None:
    """Why nothing holds a thing at rest; None where something does."""
    if one.kind == "volume":
        return one.state if one.state in LOOSE else None
    if one.workload in over:
        return f"kept for {one.workload}, which is over"
    if one.workload:
        return None
    if one.kind == "snapshot" and one.parent_uid and (one.source, "volume") in shown:
        return None if one.parent_uid in there else "its volume is gone"
    return None if one.team and one.kind == "snapshot" else "kept for no workload"


def _is_over(version: Any, seen: Seen) -> bool:
    spec = version.resource.spec
    return spec.stage == "retired" or (
        spec.end_date is not None and spec.end_date < seen.now.date()
    )


def _orphan(seen: Seen, one: Thing, why: str) -> Finding:
    kind = "endpoint" if one.kind in {"inference-service", "ray-service"} else one.kind
    return found(
        seen, f"orphaned-{kind}", one.place, one.cost, why=why,
        next_step=f"snapshot what is worth keeping and delete it, or say whose it is: {one.uid}",
        team=one.team, evidence=evidence_of([one]), source=one.source,
        since=one.last_used or one.created_at,
    )  # fmt: skip


def declared_not_running(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """A Workload in production of which no source that speaks saw anything for two weeks."""
    if seen.silent:
        return  # it may run where nobody looks
    limit = seen.now - dt.timedelta(days=QUIET_DAYS)
    spoke = [until for until in seen.told_until.values() if until >= limit]
    uses = {one.workload: one for one in seen.workloads}
    for version in estate.of("Workload"):
        one, spec = version.resource.metadata, version.resource.spec
        use = uses.get(one.name)
        alive = use and (use.cost or (use.last_seen and use.last_seen >= limit))
        if spec.stage in {"production", "pilot"} and spec.selectors and not alive and spoke:
            last = use.last_seen if use else None
            yield found(
                seen, "declared-not-running", f"workload/{one.name}", None,
                why=f"declared in {spec.stage}, last seen {last:%Y-%m-%d}" if last
                else f"declared in {spec.stage}, never seen and not billed in {seen.month}",
                next_step=f"retire it, or mend its selectors: wm describe workload {one.name}",
                team=one.owner,
            )  # fmt: skip


def zombie_experiments(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Experiments past their end date, and retired work, that still cost."""
    uses = {one.workload: one for one in seen.workloads}
    for version in estate.of("Workload"):
        one, spec = version.resource.metadata, version.resource.spec
        use = uses.get(one.name)
        if use is None or not use.cost or spec.stage not in {*TRYING, "retired"}:
            continue
        if _is_over(version, seen):
            what = "is retired" if spec.stage == "retired" else f"ended on {spec.end_date}"
            yield found(
                seen, "zombie-experiment", f"workload/{one.name}", use.cost,
                why=f"it {what} and still cost this in {seen.month}",
                next_step=f"scale {one.name} to 0, which can be undone, or give it a new end date",
                team=one.owner,
            )  # fmt: skip


def runaway_experiments(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Experiments that for days cost a multiple of what they cost on their other days."""
    uses = {one.workload: one for one in seen.workloads}
    for version in estate.of("Workload"):
        one, spec = version.resource.metadata, version.resource.spec
        use = uses.get(one.name)
        if use is None or spec.stage not in TRYING:
            continue
        usual, days = _ran_away(use)
        extra = sum((use.daily[day] - usual for day in days), Decimal(0))
        if len(days) >= LEAST_RUN_DAYS and extra >= LEAST_RUN_COST:
            yield found(
                seen, "runaway-experiment", f"workload/{one.name}", extra,
                why=f"from {days[0]} to {days[-1]} it cost {extra / len(days):,.0f} a day more "
                f"than the {usual:,.0f} of its other days",
                next_step=f"ask {one.owner or 'its owner'} whether it is meant; "
                "else scale it to 0, which can be undone",
                team=one.owner, since=dt.datetime.combine(days[0], dt.time(), dt.UTC),
            )  # fmt: skip


def _ran_away(use: WorkloadUse) -> tuple[Decimal, list[dt.date]]:
    """The usual cost of a day, and the days far above it that follow each other."""
    if len(use.daily) < 2 * LEAST_RUN_DAYS:
        return Decimal(0), []
    usual = statistics.median_low(use.daily.values())
    longest: list[dt.date] = []
    run: list[dt.date] = []
    for day, cost in use.daily.items():
        if cost <= RUNS_AWAY * usual:
            run = []
            continue
        follows = run and day - run[-1] == dt.timedelta(days=1)
        run = [*run, day] if follows else [day]
        longest = max(longest, run, key=len)
    others = sorted(cost for day, cost in use.daily.items() if day not in longest)
    if not longest or not others:
        return usual, []
    dear = ABOVE * others[len(others) * 9 // 10]
    is_above = all(use.daily[day] > dear for day in longest)
    return statistics.median_low(others), longest if is_above else []


def consuming_without_delivering(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Work that costs, states no Outcome, and was neither asked nor read in 60 counted days."""
    if seen.silent:
        return  # it may be read where nobody looks
    limit = seen.now - dt.timedelta(days=DELIVERING_DAYS)
    read = {
        one.workload for one in seen.things if one.last_used is not None and one.last_used >= limit
    }
    outcomes = [version.resource.spec for version in estate.of("Outcome")]
    named = {one.workload for one in outcomes}, {one.model for one in outcomes if one.model}
    owners = {
        v.resource.metadata.name: v.resource.metadata.owner
        for v in estate.of("Workload")
        if v.resource.metadata.name not in named[0] and v.resource.spec.model not in named[1]
    }
    for use in seen.workloads:
        counted = use.asked_days >= COUNTED * DELIVERING_DAYS
        if use.workload not in owners or use.cost < LEAST_COST or not counted or use.asked:
            continue
        if use.workload not in read:
            yield found(
                seen, "consuming-without-delivering", f"workload/{use.workload}", use.cost,
                why=f"no request and no reader in the last {DELIVERING_DAYS} days, counted on "
                f"{use.asked_days} of them, and it states no outcome",
                next_step=f"ask {owners[use.workload] or 'its owner'} what it is for; else stop it",
                team=owners[use.workload],
            )  # fmt: skip
