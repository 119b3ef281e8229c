"""What people decide on findings, and what they expect of it."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

from watermaster.model.acts import Fix, FixState
from watermaster.model.findings import Finding, FindingsReport
from watermaster.model.tickets import Ticket


class Verb(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    SNOOZE = "snooze"
    ASK = "ask"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What a month would cost less. cash: what leaves invoices; allocated: what is charged less."""

    cash: Decimal  # expected, per month
    cash_low: Decimal
    cash_high: Decimal
    allocated: Decimal
    allocated_low: Decimal
    allocated_high: Decimal
    currency: str
    cash_from: dt.date | None  # from which day on invoices are lower; None: no cash is saved
    basis: str  # the sentence that says what it rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDecision:
    """Who decided what on a finding, with the finding and the saving as they were."""

    finding: Finding
    verb: Verb
    team: str | None
    due: dt.date | None  # accepted: done by; snoozed: silent until
    why: str
    at: dt.datetime
    actor: str
    saving: Saving | None


class Status(StrEnum):
    """Where a finding stands."""

    NEW = "new"
    ASKED = "asked"
    ACCEPTED = "accepted"
    OVERDUE = "overdue"  # accepted, and not mended by its day
    SNOOZED = "snoozed"
    DECLINED = "declined"
    FIXED = "fixed"
    GONE = "gone"  # no longer found


OPEN: Final = frozenset({Status.NEW, Status.ASKED, Status.ACCEPTED, Status.OVERDUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a finding stands, the newest decision on it and the state of its newest fix."""

    status: Status = Status.NEW
    last: FindingDecision | None = None
    fix: FixState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsTold(FindingsReport):
    """Findings with where each stands and what mending it would save, by their ids."""

    standing: dict[str, Standing] = field(default_factory=dict)
    savings: dict[str, Saving | None] = field(default_factory=dict)
    counted: frozenset[str] = frozenset()  # ids whose savings may be summed: nothing twice
    beside: int = 0  # found too, and of another status than was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingTold:
    """One finding whole: where it stands, what it is worth, all that was decided and done."""

    finding: Finding
    standing: Standing
    saving: Saving | None
    decisions: list[FindingDecision]  # the oldest first
    fixes: list[Fix]  # the newest first
    tickets: list[Ticket]  # the newest first
