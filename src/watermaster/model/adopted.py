"""What is seen, summed up for adoption, and the resources proposed from it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What one resource cost under one set of tags, all months together."""

    provider: str | None
    account: str | None
    account_name: str | None
    region: str | None
    service: str | None
    category: str | None  # ChargeCategory
    resource_id: str | None
    tags: Mapping[str, str]
    cost: Decimal  # EffectiveCost; currencies are not told apart: it only weighs
    commitment: str | None = None  # CommitmentDiscountId
    since: dt.date | None = None  # first day of a charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What ran under one name or set of labels, and what it reserved."""

    platform: str
    kind: str  # subject_kind
    namespace: str | None
    account: str | None
    name: str | None  # of jobs; null for pods, whose names are made up
    labels: Mapping[str, str]
    gpu_s: int
    subjects: int
    longest_s: int  # of one subject, from first to last seen
    most_gpus: int  # of one subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """Accelerators of one model on one platform."""

    platform: str
    model: str | None
    nodes: tuple[str, ...]
    gpus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Bytes that left one location for one namespace, account or set of labels."""

    location: str
    resource_id: str | None
    namespace: str | None
    account: str | None
    labels: Mapping[str, str]
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that adoption looks at."""

    billed: list[Billed] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    supplied: list[Supplied] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One resource nobody declared yet, or selectors one that is declared lacks."""

    kind: str
    name: str
    document: Document
    confidence: float  # 0..1: how often such a guess is expected to be right
    reason: str  # one sentence on what it rests on
    cost: Decimal  # EffectiveCost it would take in, where bills tell
    gpu_s: int  # GPU-seconds it would take in

    @property
    def key(self) -> str:
        """As people name it: Team/claims."""
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """Everything proposed at one revision, the surest first."""

    rule: str
    snapshot: str
    why: str
    proposals: list[Proposal]
    cost: Decimal  # of all bills looked at
    covered: Decimal  # of it, what the proposals would give an owner
