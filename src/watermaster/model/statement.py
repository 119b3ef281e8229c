"""What a month cost whom: the statement, and the journal that books it."""

from dataclasses import dataclass, field
from decimal import Decimal

KINDS = ("direct", "measured", "shared", "idle", "unmeasured", "unallocated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One owner's cost on one account and service; `adjusts_month` names what it corrects."""

    unit: str | None
    team: str | None
    workload: str | None
    kind: str
    account: str | None
    service: str | None
    currency: str | None
    effective: Decimal  # showback
    billed: Decimal  # chargeback
    adjusts_month: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """One sum of both costs."""

    what: str  # a kind, statement, bills, adjustments, or total
    currency: str | None
    effective: Decimal
    billed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A month's cost by owner. The kinds of the whole month sum to its bills: see `check`."""

    rule: str
    snapshot: str
    why: str
    month: str
    close_id: str | None  # None while the month is open
    closed_at: str | None
    team: str | None  # asked for; None: all
    unit: str | None
    lines: list[Line]
    totals: list[Amounts]  # of the lines shown: each kind, adjustments, total
    check: list[Amounts]  # of the whole month: statement, bills, and their difference
    gaps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One side of a booking, on BilledCost; a negative amount is booked on the other side."""

    number: int  # debit and credit of one booking share it
    date: str  # last day of the month
    account: str  # cost:<service> or payable:<provider>/<account>
    cost_center: str | None
    unit: str | None
    team: str | None
    kind: str
    debit: Decimal
    credit: Decimal
    currency: str | None
    text: str
    adjusts_month: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Double entry of a month: debits equal credits, in each currency."""

    rule: str
    snapshot: str
    why: str
    month: str
    close_id: str | None
    entries: list[Entry]
    totals: list[dict[str, object]]  # currency, debit, credit
    gaps: list[str] = field(default_factory=list)
