"""Show what is declared: one kind, one resource, its history, its schema."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from watermaster.declare.references import references
from watermaster.declare.words import nearest
from watermaster.declare.write import to_yaml
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.resources import recorded
from watermaster.model.errors import NotFoundError
from watermaster.model.estate import Estate, holds
from watermaster.model.kinds import find_kind
from watermaster.model.resources import Resource, ResourceVersion


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing the ledger was once told about a resource."""

    recorded_at: dt.datetime
    valid_from: dt.datetime | None
    revision: int
    plan: str
    file: str
    document: dict[str, Any] | None  # None: gone


@dataclass(frozen=True, slots=True)
class Described:
    """One resource: as it holds, when it held what, who names it, all that was said."""

    version: ResourceVersion | None  # None: does not hold at the moment asked for
    timeline: list[ResourceVersion]
    named_by: list[str]
    said: list[Statement]


def get(
    project: Project,
    kind: str | None = None,
    name: str | None = None,
    *,
    at: dt.datetime | None = None,
    as_known: dt.datetime | None = None,
) -> list[ResourceVersion]:
    """The resources that hold at `at` (None: now), as known at `as_known` (None: now)."""
    estate = known_estate(project, as_known)
    wanted = find_kind(kind, _kinds(estate)) if kind else None
    moment = at or project.ledger.clock()
    found = [
        version
        for version in estate.versions
        if holds(version, moment)
        and wanted in {None, version.resource.kind}
        and name in {None, version.resource.metadata.name}
    ]
    if name is not None and not found:
        raise _nowhere(estate, str(wanted), name)
    return sorted(found, key=lambda version: version.resource.key)


def describe(
    project: Project, kind: str, name: str, *, at: dt.datetime | None, as_known: dt.datetime | None
) -> Described:
    """Everything known about one resource."""
    estate = known_estate(project, as_known)
    wanted = find_kind(kind, _kinds(estate))
    moment = at or project.ledger.clock()
    timeline = [v for v in estate.of(wanted) if v.resource.metadata.name == name]
    said = _said(project, wanted, name, as_known)
    if not said:
        raise _nowhere(estate, wanted, name)
    named_by = [
        " ".join(version.resource.key)
        for version in estate.versions
        if holds(version, moment)
        and (wanted, name) in {(kind, held) for _, kind, held in references(version.resource)}
    ]
    now = next((version for version in timeline if holds(version, moment)), None)
    return Described(now, timeline, sorted(named_by), said)


def export(
    project: Project,
    kinds: Sequence[str] = (),
    *,
    at: dt.datetime | None = None,
    as_known: dt.datetime | None = None,
) -> str:
    """The resources as YAML documents that `wm apply` takes again."""
    if not kinds:
        return to_yaml(version.resource for version in get(project, at=at, as_known=as_known))
    chosen = [get(project, kind, at=at, as_known=as_known) for kind in kinds]
    return to_yaml(version.resource for versions in chosen for version in versions)


def as_yaml(*resources: Resource) -> str:
    """Resources as a person would write them."""
    return to_yaml(resources)


def names(project: Project, kind: str) -> list[str]:
    """The names of a kind, for completion."""
    return [version.resource.metadata.name for version in get(project, kind)]


def _kinds(estate: Estate) -> set[str]:
    return {version.resource.kind for version in estate.versions}


def _said(project: Project, kind: str, name: str, as_known: dt.datetime | None) -> list[Statement]:
    with project.ledger.records.connect() as connection:
        rows = recorded(connection, kind, name)
    found = [
        Statement(
            dt.datetime.fromisoformat(row.recorded_at),
            row.valid_from and dt.datetime.fromisoformat(row.valid_from),
            row.revision,
            row.plan,
            row.file,
            None if row.deleted else json.loads(row.document),
        )
        for row in rows
    ]
    return [one for one in found if as_known is None or one.recorded_at <= as_known]


def _nowhere(estate: Estate, kind: str, name: str) -> NotFoundError:
    known = [version.resource.metadata.name for version in estate.of(kind)]
    if name in known:
        what = "does not hold at that moment"
        return NotFoundError(f"{kind} {name}", what, f"see wm describe {kind.lower()} {name}")
    fix = nearest(name, known) or f"see wm get {kind.lower()}"
    return NotFoundError(f"{kind} {name}", "is not declared", fix)
