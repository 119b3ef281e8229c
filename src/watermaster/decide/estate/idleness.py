"""GPUs that are held and not used: inactive ones, too many of them, newer ones than needed.

Nothing here follows from silence: a source with a gap is left out, and what was not measured is
not taken as unused.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from watermaster.decide.estate.accelerators import NEWEST, smallest_that_does
from watermaster.decide.estate.finding import evidence_of, found
from watermaster.decide.estate.leftovers import is_orphan
from watermaster.decide.estate.presence import SERVICES, is_held, is_measured, telling
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import INACTIVE_RATIO, Seen, Thing

LEAST_GPU_S: Final = 8 * 3600
LEAST_STILL: Final = 0.5  # of what it reserved must have been inactive
SERVICE_H: Final = 24
FULL: Final = 0.8  # how busy a GPU may be in all but 5% of the hours
HELD_DAYS: Final = 7


class Work(StrEnum):
    """What a thing does, as far as it tells how long it may pause."""

    BATCH = "batch"
    INTERACTIVE = "interactive"
    SERVICE = "service"


_WORK_OF: Final = {"online-inference": Work.SERVICE, "experiment": Work.INTERACTIVE}


def inactive_gpus(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Reserved, measured, and for most of that time never over 5%.

    The windows are those of the finest facts there are: a whole hour for batch and interactive
    work (15 and 60 minutes are told apart by nobody), a whole day without a request for services.
    """
    purposes = _purposes(estate)
    for one in telling(seen):
        if not is_measured(one) or is_orphan(one, seen):
            continue
        work = work_of(one, purposes)
        still_s = _still_s(one, work)
        if still_s < LEAST_GPU_S or still_s < LEAST_STILL * one.reserved_s:
            continue
        share = Decimal(still_s) / one.reserved_s
        yield found(
            seen, "inactive-gpu", one.place, None if one.cost is None else one.cost * share,
            why=f"{still_s // 3600:,} of {one.reserved_s // 3600:,} GPU hours reserved were under "
            f"{INACTIVE_RATIO:.0%} {_WINDOW[work]}: reserved, not used",
            next_step=f"ask {one.team or 'its owner'} to release it",
            team=one.team, evidence=evidence_of([one]), source=one.source,
            since=one.first_seen,
        )  # fmt: skip


_WINDOW: Final = {
    Work.BATCH: "for whole hours",
    Work.INTERACTIVE: "for whole hours",
    Work.SERVICE: "for whole days, without a request",
}


def work_of(one: Thing, purposes: Mapping[str, str]) -> Work:
    """By its own kind, else by what its workload is declared for; else batch."""
    if one.kind in SERVICES:
        return Work.SERVICE
    if one.kind == "notebook":
        return Work.INTERACTIVE
    return _WORK_OF.get(purposes.get(one.workload or "", ""), Work.BATCH)


def _still_s(one: Thing, work: Work) -> int:
    if work is not Work.SERVICE:
        return 0 if one.requests else one.still_s
    return one.still_day_s if one.still_hours >= SERVICE_H else 0


def _purposes(estate: Estate) -> dict[str, str]:
    return {
        version.resource.metadata.name: str(version.resource.spec.purpose)
        for version in estate.of("Workload")
    }


def oversized_requests(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Several GPUs held for days, and half of them would do in 95% of the hours."""
    del estate
    for one in telling(seen):
        gpus, p95 = one.gpus or 0, one.p95
        if gpus < 2 or p95 is None or not is_measured(one) or not is_held(one, HELD_DAYS):
            continue
        need = max(1, math.ceil(gpus * p95 / FULL - 1e-9))
        if p95 < INACTIVE_RATIO or need > gpus // 2:
            continue
        mean = one.used_s / one.measured_s
        burst = (one.p99 or p95) / mean if mean else 0.0
        spared = Decimal(gpus - need) / gpus
        yield found(
            seen, "oversized-request", one.place, one.cost,
            why=f"holds {gpus} GPUs; in 95% of its hours it used {p95:.0%} of them or less "
            f"(busiest {one.busiest or p95:.0%}, burst ratio {burst:.1f}): {need} would do at "
            f"{FULL:.0%}, sparing {spared:.0%}",
            next_step=f"request {need} of the {gpus} GPUs",
            asks={"gpus": need, "spared": float(round(spared, 4))},
            team=one.team, evidence=evidence_of([one]), source=one.source,
        )  # fmt: skip


def newer_than_needed(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """GPUs of the newest class, held for days, for work that fits an older one of the same count.

    Utilisation x peak is the most that the work can have computed, so that the older one is
    enough even if every active cycle was a tensor operation.
    """
    del estate
    for one in telling(seen):
        p95, held = one.p95, one.memory_bytes
        if p95 is None or held is None or not is_measured(one) or not is_held(one, HELD_DAYS):
            continue
        newest = NEWEST.get((one.accelerator or "").upper())
        if newest is None or p95 < INACTIVE_RATIO:
            continue
        older = smallest_that_does(held, p95 * newest.tflops)
        if older:
            yield found(
                seen, "newer-accelerator", one.place, one.cost,
                why=f"holds {newest.name}; in 95% of its hours it used {p95:.0%} of them or less, "
                f"and at most {held / 2**30:.0f} GiB of each: {older.name} "
                f"({older.memory_bytes / 2**30:.0f} GiB, {older.tflops} TFLOP/s dense) would do",
                next_step=f"move it to {older.name}, and lend the {newest.name} to who needs it",
                team=one.team, evidence=evidence_of([one]), source=one.source,
            )  # fmt: skip
