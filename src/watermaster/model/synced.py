"""What one round of pulling did, source by source."""

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """One source that was asked."""

    source: str
    started_at: dt.datetime
    ended_at: dt.datetime
    rows: int
    seen_until: dt.datetime | None  # None: it failed
    fault: str | None  # where, what and what to do, of a pull that failed or saw only a part


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """All sources of one round; `allocated`: months given to their owners anew."""

    revision: str
    pulled: list[Pulled] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)  # sources that are not due
    allocated: list[str] = field(default_factory=list)
