"""What is held and not used: GPUs, endpoints, volumes, experiments, declared work that is gone.

Nothing here follows from silence: a source with a gap is left out, and what was not measured or
not counted is not taken as unused.
"""

import datetime as dt
import math
from collections.abc import Iterator
from typing import Final

from watermaster.decide.estate.finding import evidence_of, found
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import DELETED, Seen, Thing

INACTIVE: Final = 0.05  # highest hourly utilisation, DEFINITIONS: inactive GPU
MEASURED: Final = 0.9  # of the reserved time must have a utilisation
LEAST_GPU_S: Final = 8 * 3600
ORPHAN_DAYS: Final = 30
QUIET_DAYS: Final = 14
ZOMBIE_DAYS: Final = 30
FULL: Final = 0.8  # how busy a GPU may be in the busiest hour
OVERSIZED: Final = 0.35  # the busiest hour used less than this share of what it holds
AT_REST: Final = {
    "volume": ("orphaned-volume", ("available", "unattached", "released", "lost")),
    "snapshot": ("orphaned-snapshot", ()),
    "checkpoint": ("orphaned-checkpoint", ()),
}
SERVING: Final = {"endpoint": "orphaned-endpoint", "notebook": "orphaned-notebook"}


def inactive_gpus(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Reserved for eight GPU hours or more, measured, and never over 5% in any hour."""
    del estate
    for one in _telling(seen):
        if not _is_measured(one) or one.reserved_s < LEAST_GPU_S or one.requests:
            continue
        if one.busiest is not None and one.busiest < INACTIVE:
            yield found(
                seen, "inactive-gpu", one.place, one.cost,
                why=f"{one.reserved_s // 3600:,} GPU hours reserved, its busiest hour at "
                f"{one.busiest:.0%}: reserved, not used",
                next_step=f"ask {one.team or 'its owner'} to release it",
                team=one.team, evidence=evidence_of([one]), source=one.source,
                since=one.first_seen,
            )  # fmt: skip


def oversized_requests(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Several GPUs held for days, and the busiest hour would fit a fraction of them."""
    del estate
    for one in _telling(seen):
        gpus = one.gpus or 0
        if gpus < 2 or not _is_measured(one) or one.reserved_s < 7 * 24 * 3600 * gpus:
            continue
        if one.busiest is not None and INACTIVE <= one.busiest < OVERSIZED:
            need = max(1, math.ceil(gpus * one.busiest / FULL - 1e-9))
            mean = one.used_s / one.measured_s if one.measured_s else 0.0
            burst = one.busiest / mean if mean else 0.0
            if need < gpus:
                yield found(
                    seen, "oversized-request", one.place, one.cost,
                    why=f"holds {gpus} GPUs; its busiest hour used {one.busiest:.0%} of them "
                    f"(burst ratio {burst:.1f}): {need} would do at 80%",
                    next_step=f"request {need} of the {gpus} GPUs",
                    team=one.team, evidence=evidence_of([one]), source=one.source,
                )  # fmt: skip


def orphans(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Volumes nothing is attached to; endpoints, notebooks, snapshots that nobody used."""
    del estate
    limit = seen.now - dt.timedelta(days=ORPHAN_DAYS)
    for one in _present(seen):
        if one.kind in AT_REST:
            rule, states = AT_REST[one.kind]
            loose = one.state in states if states else one.workload is None
            quiet = one.last_used or one.created_at
            if loose and quiet is not None and quiet < limit:
                yield _orphan(seen, rule, one, f"{one.state or 'kept'}, last used {quiet:%Y-%m-%d}")
        elif one.kind in SERVING and one.last_used is not None and one.last_used < limit:
            yield _orphan(seen, SERVING[one.kind], one, f"last request {one.last_used:%Y-%m-%d}")
        elif one.kind in SERVING and one.requests == 0 and _age_days(seen, one) >= ORPHAN_DAYS:
            yield _orphan(seen, SERVING[one.kind], one, f"no request in {seen.month}")


def _orphan(seen: Seen, rule: str, one: Thing, why: str) -> Finding:
    return found(
        seen, rule, one.place, one.cost, why=why,
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
    """Experiments past their end date, or without one for long, that still cost."""
    uses = {one.workload: one for one in seen.workloads}
    for version in estate.of("Workload"):
        one, spec = version.resource.metadata, version.resource.spec
        use = uses.get(one.name)
        if use is None or not use.cost or spec.stage not in {"experiment", "idea", "retired"}:
            continue
        ended = spec.end_date is not None and spec.end_date < seen.now.date()
        if spec.stage == "retired" or ended:
            what = "is retired" if spec.stage == "retired" else f"ended on {spec.end_date}"
            yield found(
                seen, "zombie-experiment", f"workload/{one.name}", use.cost,
                why=f"it {what} and still cost this in {seen.month}",
                next_step=f"stop what runs of {one.name}, or give it a new end date",
                team=one.owner,
            )  # fmt: skip


def _telling(seen: Seen) -> Iterator[Thing]:
    return (one for one in seen.things if one.source not in seen.silent and one.state != DELETED)


def _present(seen: Seen) -> Iterator[Thing]:
    """Things that their source's newest data still shows."""
    for one in _telling(seen):
        until = seen.told_until.get(one.source)
        if until is None or one.last_seen.date() >= until.date():
            yield one


def _is_measured(one: Thing) -> bool:
    return one.reserved_s > 0 and one.measured_s >= MEASURED * one.reserved_s


def _age_days(seen: Seen, one: Thing) -> int:
    return (seen.now - (one.created_at or one.first_seen)).days
