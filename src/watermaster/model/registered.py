"""Registered models as people look at them: versions, gates, history, access."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from watermaster.model.access import Access
from watermaster.model.door import Passed
from watermaster.model.evidence import Evidence
from watermaster.model.gates import Reason, Ruling, Waiver
from watermaster.model.registry import ModelVersion, RegisteredModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """A slot a version stands in, or stood in, and what the gates said when it came."""

    model: str
    version: int
    slot: str
    from_at: dt.datetime
    set_by: str
    ruling: str | None  # none: no gate guarded the slot
    to_at: dt.datetime | None = None
    ended_by: str | None = None
    verdict: str | None = None
    digest: str | None = None  # the gates judged this artefact
    waivers: tuple[str, ...] = ()  # on which it was let pass
    gates: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()  # ids of what it was judged on

    def stands(self, at: dt.datetime) -> bool:
        """Whether it stood there at a moment."""
        return self.from_at <= at and (self.to_at is None or at < self.to_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredRow:
    """One registered model at a glance."""

    name: str
    team: str | None
    versions: int
    newest: int | None
    standing: list[tuple[str, int]]  # slot and version
    changed_at: dt.datetime
    waivers: int  # that hold now
    is_declared: bool  # as a Model of the estate, with purpose and risk class


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredList:
    """All registered models, those changed last first."""

    count: int
    rows: list[RegisteredRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version beside what was shown of it."""

    version: ModelVersion
    kinds: list[str]  # of evidence of its very artefact
    made_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One registered model whole."""

    model: RegisteredModel
    declared: Mapping[str, Any]  # purpose, riskClass, ...: as the Model of that name says
    owner: str | None
    versions: list[VersionRow]  # the newest first
    at: dt.datetime | None  # the moment asked about; None: now
    standing: list[tuple[Stood, list[Evidence]]]  # at that moment, on what evidence
    history: list[Stood]  # the newest first
    rulings: list[Ruling]  # the newest first
    waivers: list[Waiver]
    now: dt.datetime
    accesses: list[Access]
    count_accesses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDossier:
    """One version whole: what was shown of it, and what gates say of it now."""

    version: ModelVersion
    made_at: dt.datetime
    environments: list[tuple[Passed, list[Reason]]]  # each that a gate guards, judged now
    evidence: list[Evidence]  # the newest first
    history: list[Stood]
    rulings: list[Ruling]
    waivers: list[Waiver]
    now: dt.datetime
    accesses: list[Access]
    count_accesses: int
