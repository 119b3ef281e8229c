"""Gates: what must be shown before a model version stands where people rely on it."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from watermaster.model.errors import RefusedError
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


RANK: Final = {Verdict.ALLOWED: 0, Verdict.MISSING: 1, Verdict.REFUSED: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """What one may do without for a while: asked for by one, granted by another."""

    id: str
    gate: str
    requirement: str
    model: str
    version: int | None  # None: all versions
    why: str
    asked_by: str
    asked_at: dt.datetime
    ends_at: dt.datetime
    granted_by: str | None = None
    granted_at: dt.datetime | None = None
    ended_by: str | None = None
    ended_at: dt.datetime | None = None

    def state(self, at: dt.datetime) -> str:
        """Asked, held or over, at a moment."""
        if self.holds(at):
            return "held"
        return "over" if self.ended_at or at >= self.ends_at else "asked"

    def holds(self, at: dt.datetime) -> bool:
        """Whether it lets something pass at a moment."""
        return (
            self.granted_at is not None
            and self.granted_at <= at < self.ends_at
            and (self.ended_at is None or at < self.ended_at)
        )


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

    @property
    def sentence(self) -> str:
        """What is asked, and what was found."""
        found = ", ".join(f"{path} is {value}" for path, value in self.figures.items())
        lacks = f"no evidence of {', '.join(self.missing)}" if self.missing else ""
        return f"{self.says} ({'; '.join(told for told in (found, lacks) if told)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the gates said of one change; kept, so that it can be judged again."""

    id: str
    at: dt.datetime
    subject: str  # who asked
    change: Change
    verdict: Verdict
    gates: tuple[str, ...]  # those that guard a slot it gains
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[str, ...] = ()  # ids of what it was judged on

    @property
    def against(self) -> list[Reason]:
        """The reasons that do not let it pass."""
        return [r for r in self.reasons if r.verdict is not Verdict.ALLOWED and not r.waiver]


def read_ruling(text: str) -> Ruling:
    """A ruling from its JSON."""
    told = json.loads(text)
    change = told["change"]
    return Ruling(
        id=told["id"], at=dt.datetime.fromisoformat(told["at"]), subject=told["subject"],
        change=Change(**change | {"gains": frozenset(change["gains"])}),
        verdict=Verdict(told["verdict"]), gates=tuple(told["gates"]),
        reasons=tuple(
            Reason(**one | {"verdict": Verdict(one["verdict"]), "missing": tuple(one["missing"])})
            for one in told["reasons"]
        ),
        evidence=tuple(told["evidence"]),
    )  # fmt: skip


class GateRefusedError(RefusedError):
    """A gate does not let a change pass; the ruling says why, all of it."""

    exit_code = 2
    http_status = 403

    def __init__(self, ruling: Ruling) -> None:
        change = ruling.change
        where = f"{change.model} {change.version} to {', '.join(sorted(change.gains))}"
        told = "; ".join(f"{r.gate}/{r.requirement}: {r.sentence}" for r in ruling.against)
        super().__init__(
            where, f"refused for {len(ruling.against)} reasons: {told}",
            f"give what is asked, see wm gate explain {ruling.id}",
        )  # fmt: skip
        self.ruling = ruling
