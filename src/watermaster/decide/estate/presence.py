"""Which things may be concluded from: those of sources that speak, and those still there."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from watermaster.model.things import DELETED, MEASURED_RATIO, Seen, Thing

SERVICES: Final = frozenset({
    "endpoint", "inference-service", "ray-service", "api-deployment", "deployment",
})  # fmt: skip


def telling(seen: Seen) -> Iterator[Thing]:
    """Things of sources without a gap, and not deleted."""
    return (one for one in seen.things if one.source not in seen.silent and one.state != DELETED)


def present(seen: Seen) -> Iterator[Thing]:
    """Things that their source's newest data still shows."""
    for one in telling(seen):
        until = seen.told_until.get(one.source)
        if until is None or one.last_seen.date() >= until.date():
            yield one


def is_measured(one: Thing) -> bool:
    """Whether nearly all it reserved has a utilisation."""
    return one.reserved_s > 0 and one.measured_s >= MEASURED_RATIO * one.reserved_s


def is_held(one: Thing, gpu_days: int) -> bool:
    """Whether it held its GPUs for so many days."""
    return one.reserved_s >= gpu_days * 24 * 3600 * (one.gpus or 1)


def age_of(seen: Seen, one: Thing) -> dt.timedelta:
    """How old a thing is, as its platform says or else since it was first seen."""
    return seen.now - (one.created_at or one.first_seen)
