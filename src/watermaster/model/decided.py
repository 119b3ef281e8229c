"""What people decide on findings, and what they expect of it."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from watermaster.model.findings import Finding


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
    GONE = "gone"  # no longer found
