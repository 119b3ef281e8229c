"""What a watch of a source tells, as it happens."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What happened since the last one: rows of `subjects` that are new or changed, and what went.

    `is_stale`: something happened that was not told, so that the source must be pulled anew.
    """

    at: dt.datetime
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    gone: list[Mapping[str, Any]] = field(default_factory=list)  # platform, kind and uid of each
    fault: str | None = None  # why parts of it cannot be heard at present
    is_stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """How the watch of one source fares."""

    source: str
    heard_at: dt.datetime  # the last time without a fault
    fault: str | None
    fault_at: dt.datetime | None  # since when it has one
