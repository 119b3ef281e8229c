"""Gates: what must be shown before a model version stands where people rely on it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import Field

from watermaster.model.record import Name, Record


class Requirement(Record):
    """One condition of a gate and the sentence that says what it asks."""

    name: Name
    condition: str = Field(description="CEL over evidence, model, version, change and now")
    says: str = Field("", description="what is asked, in words; shown where it is refused")


class GateSpec(Record):
    """Conditions that a model version must meet to stand in an environment."""

    environment: str = Field("production", description="where it guards")
    slots: list[str] = Field(
        ["alias/prod", "alias/production", "alias/champion", "stage/Production"],
        description="aliases and stages that mean this environment; * stands for any letters",
    )
    models: list[str] = Field([], description="names of models, * for any letters; none: all")
    risk_classes: list[str] = Field([], description="of the Model; none: all")
    data_classes: list[str] = Field([], description="of the Model's data; none: all")
    require: list[Requirement] = Field(min_length=1)
    four_eyes: bool = Field(
        default=True, description="who asks for it is never the only one who approved"
    )


class Verdict(StrEnum):
    """What a gate says of a change."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    MISSING = "missing"  # evidence is missing: CEL's UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What somebody is about to do to the registry, as far as gates are concerned."""

    model: str
    version: int
    digest: str | None  # of the artefact, sha256:...; None where nobody told it
    gains: frozenset[str]  # slots it would stand in: alias/prod, stage/Production
    way: str  # the method or command that would do it, e.g. registered-models/alias


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One requirement as it was judged, with the figure it was judged on."""

    gate: str
    requirement: str
    verdict: Verdict
    says: str
    figures: Mapping[str, Any] = field(default_factory=dict)  # path of evidence to value
    missing: tuple[str, ...] = ()  # paths of evidence that nobody gave
    waiver: str | None = None  # the waiver that lets it pass until it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the gates said of one change; kept, so that it can be judged again."""

    id: str
    at: dt.datetime
    subject: str
    change: Change
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[str, ...] = ()  # ids of what it was judged on
