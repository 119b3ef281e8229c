"""Why cost moved from one month to the next: price, volume, mix, what is new, what is gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Cause(StrEnum):
    """What a change of cost is due to; each part of a change is due to one of them."""

    PRICE = "price"  # the same cost more or less a unit
    VOLUME = "volume"  # more or fewer units, at the old mean price
    MIX = "mix"  # as many units, of dearer or cheaper kinds
    NEW = "new"  # had no cost the month before
    GONE = "gone"  # has no cost any more
    OTHER = "other"  # carries no quantity: taxes, fees, credits, adjustments


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One cause of one subject, or one price of one service."""

    cause: Cause
    subject: str  # a workload, what its team or a pool has without one; of a price: the SKU
    kind: str | None  # of cost without a workload; None: a workload, or a price
    amount: Decimal  # its part of the change
    before: Decimal | None  # the price, or the units; None where there are none
    now: Decimal | None
    unit: str | None
    words: str  # "volume +38%: 412 more Hours"
    subjects: int = 1  # that a price reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The change of cost, taken apart; `steps` and `reasons` add up to it to the last digit."""

    rule: str
    snapshot: str
    why: str
    currency: str
    before_month: str
    month: str
    before: Decimal
    now: Decimal
    steps: Mapping[Cause, Decimal]
    reasons: list[Reason]  # the largest first
