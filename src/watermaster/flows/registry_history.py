"""A model's versions, what stood where when on what evidence, and bringing one to a slot."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.flows.registry import drop_alias, move_version, set_alias
from watermaster.ledger.evidence import evidence_of
from watermaster.ledger.registry import versions_of
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.ledger.stood import standings
from watermaster.model.errors import UsageError
from watermaster.model.evidence import Evidence
from watermaster.model.registered import Stood
from watermaster.model.registry import ModelVersion, Stage, UnknownModelError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoodThen:
    """One version in one slot, and the evidence it was let in on."""

    stood: Stood
    evidence: tuple[Evidence, ...] = ()


def list_versions(project: Project, model: str) -> list[ModelVersion]:
    """All versions of a model that are not deleted, the newest first."""
    held = MODEL_VERSIONS.c
    keys = sa.select(held.model, held.version).where(held.model == model, held.deleted_at.is_(None))
    with project.ledger.records.connect() as connection:
        found = versions_of(connection, keys, (held.version.desc(),))
    if not found:
        raise UnknownModelError(model)
    return found


def history_of(
    project: Project, model: str, slot: str | None = None, at: dt.datetime | None = None
) -> list[StoodThen]:
    """What stood (in one slot) (at a moment), the newest first."""
    with project.ledger.records.connect() as connection:
        found = [
            one
            for one in standings(connection, model)
            if slot in {None, one.slot} and (at is None or one.stands(at))
        ]
        given = {one.id: one for one in evidence_of(connection, model)} if found else {}
    return [
        StoodThen(stood=one, evidence=tuple(given[id_] for id_ in one.evidence if id_ in given))
        for one in found
    ]


def promote(project: Project, model: str, version: int, slot: str) -> None:
    """Let a version stand in a slot, alias/NAME or stage/NAME, if its gates allow it."""
    kind, _, name = slot.partition("/")
    if kind == "alias" and name:
        set_alias(project, model, name, version)
    elif kind == "stage" and name:
        move_version(project, model, version, name)
    else:
        raise UsageError(slot, "is no slot", "write alias/NAME or stage/NAME")


def withdraw(project: Project, model: str, version: int, slot: str) -> None:
    """Let a version stand in a slot no more; nothing stands there then."""
    kind, _, name = slot.partition("/")
    mine = {one.slot for one in _standing(project, model, version)}
    if slot not in mine:
        fix = f"it stands in {', '.join(sorted(mine)) or 'no slot'}"
        raise UsageError(slot, f"{model} {version} does not stand there", fix)
    if kind == "alias":
        drop_alias(project, model, name)
    else:
        move_version(project, model, version, Stage.ARCHIVED)


def _standing(project: Project, model: str, version: int) -> list[Stood]:
    with project.ledger.records.connect() as connection:
        return standings(connection, model, version, now_only=True)
