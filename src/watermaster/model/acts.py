"""What is done to a platform about a finding: remedy, steps, plan, and what became of it."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from pydantic import Field

from watermaster.model.plain import plain
from watermaster.model.record import Name, Record

World = Mapping[str, Any]  # what a platform shows of one thing, in plain JSON; {} where it is gone
UNDO_DAYS: Final = 30


class TargetSpec(Record):
    """A platform that Watermaster may change, and what it may do there; by default nothing."""

    type: Name = Field(description="as registered under watermaster.act: kubernetes, aws, ...")
    platform: str = Field(description="the platform's name, as its sources report it")
    location: str = Field("", description="address, kubeconfig context or region")
    verbs: list[str] = Field([], description="what may be done, each by name; none: nothing")
    per_hour: int = Field(10, gt=0, description="fixes begun in any hour, at most")
    patience_s: int = Field(
        600, gt=0, description="so long a step may take to show; large first snapshots take hours"
    )
    options: dict[str, str] = Field({}, description="e.g. profile: the credentials that may write")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What would mend a finding: one verb on one native thing. Pure; no platform was asked."""

    verb: str  # scale, cancel, release, snapshot-delete, tag, merge, expire, lower-request
    platform: str  # "" where any Target that names the verb may do it
    kind: str  # subject_kind of the thing
    uid: str  # its native uid
    asked: World = field(default_factory=dict)  # what the verb needs, e.g. {"tags": {...}}
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of one thing: `seen` is what it must still show before, `want` what after.

    Both are parts of what `look` answers: a key that is not named does not matter.
    """

    verb: str
    subject: str  # the thing in the platform's own words, e.g. deployment/chat/chat-7b
    want: World
    seen: World
    asked: World = field(default_factory=dict)
    undo: str  # how it is taken back, in words; "" where it cannot be


@dataclass(frozen=True, slots=True, kw_only=True)
class FixPlan:
    """What would be done about a finding, in order. Approval is of exactly this plan."""

    finding: str
    target: str
    remedy: Remedy
    steps: tuple[Step, ...]
    why: str
    after: tuple[str, ...] = ()  # fixes that must be done before, e.g. one that keeps an artefact
    beware: tuple[str, ...] = ()  # what is not kept, and what of the finding is left as it is

    @property
    def digest(self) -> str:
        """sha256 of the plan; two plans with the same digest do the same in the same world."""
        text = json.dumps(plain(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a target is told when it does or undoes a step."""

    token: str  # of the fix and the step: marks what is made, so that it is made once
    before: World  # the world when the step began
    left: World = field(default_factory=dict)  # what this step and the ones before it left


class Target(Protocol):
    """A platform that can be changed. Found by its type in entry points `watermaster.act`.

    An entry point is a callable TargetSpec -> Target. `do` and `undo` are called again with the
    same token after a crash and must then neither fail nor do it twice. A platform that cannot
    be reached or refuses raises a WatermasterError with the permission it needs.
    """

    verbs: frozenset[str]

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """The steps of a remedy in the world as it is now; RefusedError where it makes no sense."""
        ...

    def look(self, step: Step, held: Held) -> World:
        """What the platform shows now of the step's subject, in the keys of `want` and `seen`."""
        ...

    def do(self, step: Step, held: Held) -> World:
        """Change it; what later steps and the undo must know, e.g. {"snapshot": "snap-1"}."""
        ...

    def undo(self, step: Step, held: Held) -> World:
        """Take back what this token did, as `held.before` and `held.left` tell; what that left.

        Of a step that was begun and never done there is nothing to take back, which is no error.
        """
        ...


class FixState(StrEnum):
    PLANNED = "planned"
    APPROVED = "approved"
    DOING = "doing"
    DONE = "done"
    CONFIRMED = "confirmed"  # a later pull shows the effect
    REVERTED = "reverted"  # the platform shows it otherwise again; the finding is open again
    UNDOING = "undoing"
    UNDONE = "undone"
    REFUSED = "refused"  # the world was not as planned; nothing was left changed
    STUCK = "stuck"  # could be neither ended nor rolled back; a person must look


class StepState(StrEnum):
    PENDING = "pending"
    BEGUN = "begun"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """One step of a fix and how far it is."""

    step: Step
    state: StepState
    at: dt.datetime | None
    before: World
    after: World


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """What was planned, approved, done and undone about a finding."""

    id: str
    plan: FixPlan
    state: FixState
    planned_at: dt.datetime
    approved_by: str | None = None
    approved_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    fault: str | None = None
    steps: tuple[StepDone, ...] = ()


def shows(world: World, part: World) -> bool:
    """Whether the world shows all of a part.

    >>> shows({"replicas": 0, "uid": "a"}, {"replicas": 0}), shows({}, {"exists": False})
    (True, False)
    """
    return all(key in world and world[key] == value for key, value in part.items())
