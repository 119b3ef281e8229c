"""What `wm tag fix` returns: what each wrong key or value should be, and what it would change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Wrong(StrEnum):
    """What of a tag is misspelt."""

    KEY = "key"
    VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSet:
    """What the charges with one set of tags cost together."""

    tags: Mapping[str, str]
    currency: str
    cost: Decimal  # EffectiveCost, credits included
    charges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFix:
    """One wrong spelling."""

    name: str  # to accept it by: cost-center:CostCenter for a key, cost-center=cc104 for a value
    what: Wrong
    key: str  # as it should be
    found: str  # as delivered
    meant: str | None  # None: several are as likely, a person must say which
    candidates: tuple[str, ...]  # the likeliest first
    confidence: float  # 0..1: how often such a proposal is expected to be right
    reason: str
    costs: Mapping[str, Decimal]  # by currency: of the charges it touches
    charges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FixReport:
    """Every wrong spelling of a month or all, the dearest first."""

    rule: str
    snapshot: str
    why: str
    months: list[str]
    fixes: list[TagFix] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What was accepted: the TagRepairs that say so, and where they are kept."""

    revision: str
    accepted: list[str]
    resources: list[str]  # TagRepair/cost-center-1
    file: str
