"""Declared workloads, models, datasets and platforms beside what was seen of them."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from watermaster.model.findings import Finding
from watermaster.model.things import Thing


class Noun(StrEnum):
    """What has an owner and an end; the value is its kind."""

    WORKLOAD = "Workload"
    MODEL = "Model"
    DATASET = "Dataset"
    PLATFORM = "Platform"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRow:
    """One declared thing at a glance."""

    name: str
    about: str  # purpose and stage of a workload, classification of a dataset, ...
    owner: str | None
    unit: str | None
    workloads: int  # that run it, read it, run on it; of a workload the things of it
    cost: Decimal  # EffectiveCost of the month
    last_seen: dt.datetime | None
    findings: int
    over_since: dt.date | None = None  # it was said to be no more from then on

    @property
    def is_used_after_its_end(self) -> bool:
        """Whether something was seen of it on or after the day on which it should be gone."""
        over = self.over_since
        return over is not None and self.last_seen is not None and self.last_seen.date() >= over


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityList:
    """All of one kind, the dearest first."""

    noun: Noun
    month: str
    snapshot: str
    why: str
    currency: str | None
    rows: list[EntityRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedBy:
    """A workload that runs a model, reads a dataset or stands on a platform."""

    workload: str
    team: str | None
    cost: Decimal  # of the workload in the month
    is_declared: bool  # False: it was seen to, and does not say so


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """One declared thing whole: what was said of it, what it cost, who uses it, what is wrong."""

    noun: Noun
    row: EntityRow
    document: dict[str, Any]  # as declared
    month: str
    currency: str | None
    months: list[tuple[str, Decimal]]  # cost by billing month, oldest first
    used_by: list[UsedBy]  # the dearest first
    things: list[dict[str, Any]]  # kind, platform, uid, gpus, used_ratio, last_seen, cost
    findings: list[Finding]
    said: list[tuple[dt.datetime, str]]  # when something was declared of it, and where


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What was said anew of one declared thing."""

    noun: Noun
    name: str
    diff: list[str]  # lines of a unified diff of its YAML
    revision: str | None  # of the ledger that knows it; None: nothing was changed
    file: str | None  # the YAML that was changed with it; None: there is none, or it says other
    why: str


class Presence(StrEnum):
    """Whether a native thing is there, as far as its source tells."""

    THERE = "there"
    GONE = "gone"
    UNKNOWN = "unknown"  # its source has a gap


class Owned(StrEnum):
    """Whose a native thing is."""

    YES = "yes"
    AMBIGUOUS = "ambiguous"  # two equal selectors take it
    GUESS = "guess"  # nobody's, and a finding guesses whose
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingRow:
    """One native thing at a glance."""

    thing: Thing
    presence: Presence
    owned: Owned
    guess: str | None = None  # of an owner, where it has none
    guess_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingTold:
    """One native thing whole."""

    row: ThingRow
    month: str
    currency: str | None
    parent: ThingRow | None
    parts: list[ThingRow]  # of which it is the parent, at most 50
    data: list[tuple[str, str | None, str | None]]  # location, dataset, classification
    findings: list[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingList:
    """Native things that fit a question, the dearest first, and how many there are by facet."""

    month: str
    snapshot: str
    why: str
    currency: str | None
    count: int  # that fit; rows may be a part of them
    facets: dict[str, dict[str, int]]  # of all things: how many have each value
    rows: list[ThingRow] = field(default_factory=list)
