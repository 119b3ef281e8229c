"""Evidence: what was shown of an artefact, by whom; typed, so that a gate can be checked.

Each kind of evidence is one record; its fields are what a condition reads as
`evidence.KIND.FIELD`. A user tag is no evidence: anybody can write one.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ConfigDict, Field

from watermaster.model.record import Record


class Shown(Record):
    """Base of all kinds: a figure is a number, never infinite and never none."""

    model_config = ConfigDict(allow_inf_nan=False)


class Evaluation(Shown):
    """How well it does what it is for."""

    dataset: str = Field(description="what it was tested on, with version")
    cases: int = Field(ge=0)
    metrics: dict[str, float] = Field(description="e.g. accuracy: 0.93")
    slices: dict[str, float] = Field({}, description="the worst metric of each slice")


class Bias(Shown):
    """How differently it treats groups."""

    attribute: str = Field(description="e.g. age, gender, country")
    worst_gap: float = Field(description="greatest difference between two groups")
    metrics: dict[str, float] = Field({})


class Latency(Shown):
    """How fast it answers under a stated load."""

    p50_ms: float = Field(ge=0)
    p95_ms: float = Field(ge=0)
    p99_ms: float | None = Field(None, ge=0)
    per_s: float = Field(ge=0, description="requests a second it was put under")
    pool: str | None = None


class InferenceCost(Shown):
    """What one answer costs."""

    per_inference: float = Field(ge=0)
    currency: str = Field(pattern="^[A-Z]{3}$")


class Scan(Shown):
    """What a scan for known weaknesses found."""

    tool: str
    critical: int = Field(ge=0)
    high: int = Field(ge=0)
    medium: int = Field(0, ge=0)


class Signature(Shown):
    """Whether a known key signed the artefact; Watermaster gives this itself."""

    verified: bool
    signer: str


class DataPermission(Shown):
    """Whether the data it was trained on may be used for this."""

    allowed: bool
    datasets: list[str] = Field([])
    basis: str = Field("", description="legal basis or contract")


class Approval(Shown):
    """Somebody says yes. Who, is told by the sign-in and never by a field."""

    says: str = Field(description="what is approved, and why")


class Parity(Shown):
    """Whether two environments are alike."""

    same: bool
    differences: int = Field(ge=0)
    between: list[str] = Field([], description="e.g. staging, production")


class Rollback(Shown):
    """Whether the way back was walked."""

    proven: bool
    to_version: int | None = None
    took_s: float | None = Field(None, ge=0)


EVIDENCE: Final[dict[str, type[Record]]] = {
    "evaluation": Evaluation,
    "bias": Bias,
    "latency": Latency,
    "cost": InferenceCost,
    "scan": Scan,
    "signature": Signature,
    "data-permission": DataPermission,
    "approval": Approval,
    "parity": Parity,
    "rollback": Rollback,
}


OURS: Final = frozenset({"signature"})  # Watermaster gives these itself, from what it verified


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One piece, as given; it is never changed and never removed."""

    id: str
    at: dt.datetime
    subject: str  # who gave it, as authenticated
    kind: str
    model: str
    version: int | None
    digest: str | None  # of the artefact it speaks of; without it no gate counts it
    told: dict[str, Any]
