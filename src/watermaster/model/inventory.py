"""The estate at a glance: workloads declared and seen, and what does not fit."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from watermaster.model.behaviour import Inferred
from watermaster.model.findings import Finding, Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadState:
    """One declared workload, and what was seen of it in the month."""

    name: str
    team: str | None
    unit: str | None
    purpose: str
    stage: str
    model: str | None
    datasets: tuple[str, ...]
    platforms: tuple[str, ...]  # on which it was seen
    things: int  # pods, jobs, endpoints seen
    gpus: int  # the most that one of them held
    reserved_s: int
    used_ratio: float | None  # of what it reserved; None: not measured
    last_seen: dt.datetime | None
    cost: Decimal  # EffectiveCost of the month
    findings: int
    business_value: str | None = None
    risk: str | None = None
    profile: str | None = None  # as declared
    inferred: Inferred | None = None  # None: too little was seen of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """One month of the estate; workloads the dearest first, findings likewise."""

    rule: str
    snapshot: str
    why: str
    month: str
    months: list[str]
    currency: str | None
    cost: Decimal  # of all allocations of the month
    owned: Decimal  # of it, what has a team
    things: int
    workloads: list[WorkloadState] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One workload: its passport, what it cost, what runs of it, what does not fit."""

    state: WorkloadState
    document: dict[str, Any]  # as declared
    currency: str | None
    months: list[tuple[str, Decimal]]  # cost by billing month, oldest first
    things: list[dict[str, Any]]  # kind, platform, uid, gpus, used_ratio, last_seen, cost
    data: list[tuple[str, str | None]]  # dataset or location it uses, its classification
    findings: list[Finding]
    said: list[tuple[dt.datetime, str]]  # when something was declared of it, and where
