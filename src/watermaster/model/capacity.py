"""What is free now, when more will be, and how long people wait: one record for all who ask."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Accelerators that come free when something that runs reaches its time limit."""

    at: dt.datetime
    gpus: int
    name: str
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeHour:
    """A pool in one hour; hours that no source told are not there."""

    hour: dt.datetime
    supplied: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """Whole accelerators of a pool, or of a lender, that nothing holds.

    Where a source is silent or late, `free` is None and `gap` says why; what it told last stays
    in `was_free`, with the end of that hour in `as_of`.
    """

    pool: str | None  # None: seen, and in no declared pool
    team: str | None  # who owns it, and so lends it
    platform: str | None
    accelerator: str | None
    as_of: dt.datetime | None
    supplied: int | None
    reserved: int | None
    free: int | None
    held: int = 0  # not reserved by work, held by a reservation
    on_one_node: int | None = None  # the most that one node has free
    was_free: int | None = None
    gap: str | None = None
    endings: Sequence[Ending] = ()
    week: Sequence[FreeHour] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Time to GPU: submission to the first running second."""

    pool: str | None
    team: str | None  # who waited
    n: int  # jobs that started
    p50_s: int | None
    p95_s: int | None
    waiting: int  # submitted in the period, and not started


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeReport:
    """What could start now or when, and who lends it."""

    rule: str
    snapshot: str
    why: str
    at: dt.datetime
    old_days: int | None = (
        None  # nothing newer was told for so long; None: it is of the moment asked
    )
    by: tuple[str, ...]
    free: list[Free] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    sources: Mapping[str, dt.datetime] = field(default_factory=dict)  # to the end of its newest
