"""What mending a finding really saved, beside what was expected of it."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Effect(StrEnum):
    """What a fix does to its subject."""

    REMOVES = "removes"  # it is off, deleted or given back: what it did is no longer asked of it
    LOWERS = "lowers"  # it goes on and needs less for the same volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with the ranges that hold the truth 80 and 95 times in 100."""

    amount: Decimal
    low: Decimal  # 80%
    high: Decimal
    low95: Decimal
    high95: Decimal


NOTHING = Interval(
    amount=Decimal(0), low=Decimal(0), high=Decimal(0), low95=Decimal(0), high95=Decimal(0)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """The saving of one subject: counterfactual - actual, over the days that were counted.

    before + volume + price - saving.amount = actual, exactly.
    """

    saving: Interval
    by_month: dict[str, Interval]  # YYYY-MM; nothing from the day it was undone
    before: Decimal  # what so many days cost before
    volume: Decimal  # what the change of volume, and of the days of the week, added
    price: Decimal  # what the change of price added
    actual: Decimal
    unit: str  # of the unit cost: requests, tokens, reserved_s, bytes or day
    before_days: int
    after_days: int  # counted, and not undone yet
    is_price_known: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingLine:
    """One finding that was mended: what was expected of it a month, and what came."""

    finding: str
    rule: str
    subject: str
    team: str | None
    done_on: dt.date
    by: str  # fix ID, or `hand`
    undone_on: dt.date | None
    currency: str
    expected_cash: Decimal | None  # over the same days as the realised
    expected_allocated: Decimal | None
    cash: Realised | None  # None: cannot be told, and why says so
    allocated: Realised | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingSum:
    """What the mended findings of one team or rule brought together, in one currency."""

    key: str
    count: int  # findings whose saving can be told
    unknown: int  # findings whose saving cannot
    currency: str
    expected_cash: Decimal
    expected_allocated: Decimal
    cash: Interval
    allocated: Interval
    promises_too_much: bool  # even the best of its 80% range is under what was expected


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingsReport:
    """Realised savings, the largest first, and by team and rule beside what was expected."""

    rule: str
    snapshot: str
    why: str
    through: dt.date | None  # the newest day of cost that was counted
    lines: list[SavingLine] = field(default_factory=list)
    by_team: list[SavingSum] = field(default_factory=list)
    by_rule: list[SavingSum] = field(default_factory=list)
