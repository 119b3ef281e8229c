"""What does not fit between what is declared and what is seen, each with what to do about it."""

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a rule of decide/estate found."""

    rule: str  # undeclared-workload, orphaned-volume, ...
    subject: str  # kind/name: workload/chat-prod, volume/vol-0a1, pod/frankfurt-h100/rag/rag-0
    why: str  # one sentence with the figures it rests on
    next_step: str  # what to do, as a command where there is one
    month: str  # of the cost, YYYY-MM
    cost: Decimal | None  # EffectiveCost of the subject in that month; None: unknown
    currency: str | None
    team: str | None = None  # the owner as declared
    guess: str | None = None  # the best guess of an owner where none is declared
    guess_reason: str | None = None
    evidence: tuple[dict[str, Any], ...] = ()  # rows it was concluded from, as (table, key, value)
    asks: dict[str, Any] = field(default_factory=dict)  # what mending needs, e.g. {"gpus": 2}
    source: str | None = None  # the Source that saw it
    since: dt.datetime | None = None  # since when it has been so

    id: str = field(init=False)  # the same rule about the same subject is the same finding

    def __post_init__(self) -> None:
        told = hashlib.sha256(f"{self.rule}\n{self.subject}".encode()).hexdigest()
        object.__setattr__(self, "id", told[:12])


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What a source did not tell, so that nothing may be concluded from its silence."""

    source: str
    since: dt.datetime
    what: str  # "no data from eks-prod since 14:02 UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsReport:
    """All findings of one reconciliation, the dearest first, and the gaps it stands on."""

    rule: str
    snapshot: str
    why: str
    month: str
    found: list[Finding] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def read_finding(told: dict[str, Any]) -> Finding:
    """A finding from its plain JSON; what an older Watermaster did not keep is as by default."""
    held = {name: value for name, value in told.items() if name != "id"}  # it follows
    return Finding(
        **held
        | {
            "cost": None if held["cost"] is None else Decimal(held["cost"]),
            "evidence": tuple(held["evidence"]),
            "since": None if held["since"] is None else dt.datetime.fromisoformat(held["since"]),
        }
    )
