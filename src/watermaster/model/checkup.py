"""What `wm doctor` and `wm status` return."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Health(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    NOTE = "note"  # nothing is wrong; `wm doctor --fix` can tidy it, or a person should know
    FAULT = "fault"  # figures may be wrong or missing until it is mended


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was checked."""

    check: str  # "orphans"
    health: Health
    what: str
    fix: str = ""  # what to do, where there is something to do
    size_bytes: int | None = None
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """The outcome of `wm doctor`; with --fix, the state after mending."""

    revision: str
    findings: list[Finding]
    mended: list[str] = field(default_factory=list)  # one sentence each
    freed_bytes: int = 0

    @property
    def is_healthy(self) -> bool:
        """Whether no finding is a fault."""
        return all(finding.health is not Health.FAULT for finding in self.findings)


class MonthState(StrEnum):
    """What a month's figures rest on."""

    CLOSED = "closed"  # never changes again
    CURRENT = "current"  # allocated, and nothing it rests on is newer
    STALE = "stale"  # bills, telemetry or the estate are newer than its allocation
    UNALLOCATED = "unallocated"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthStatus:
    """One billing month."""

    month: str
    state: MonthState
    sources: list[str]
    charges: int
    billed: dict[str, Decimal]  # by source: exact, each in its own currency
    allocated_at: str | None = None  # revision
    closed_at: str | None = None  # moment
    newer: list[str] = field(default_factory=list)  # what changed after the allocation


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One source: how old what it delivered is. A source never heard of has no dates."""

    source: str
    is_declared: bool
    tables: list[str]
    newest: str | None  # newest month or day held
    delivered_at: str | None  # when it last delivered
    exported_at: str | None  # newest export time held
    age_s: int | None  # since delivered_at
    rejected: int  # rows of what is held that could not be used


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The outcome of `wm status`."""

    revision: str
    changed_at: str | None  # moment of the newest change
    changed_by: str | None  # its actor and action
    writer: str | None  # who writes now
    months: list[MonthStatus]
    sources: list[SourceStatus]
