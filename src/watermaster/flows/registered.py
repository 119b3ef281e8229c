"""Registered models as people look at them; what was in production when, on what evidence."""

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from watermaster.flows.gates import consider
from watermaster.flows.open import Project
from watermaster.flows.passed import gates_of, passed
from watermaster.flows.registry_read import get_model, get_version
from watermaster.ledger.accesses import accesses_of
from watermaster.ledger.evidence import evidence_of, read_waiver, waivers_of
from watermaster.ledger.registry import has_model, versions_of
from watermaster.ledger.registry_records import (
    ALIASES,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    WAIVERS,
)
from watermaster.ledger.resources import history
from watermaster.ledger.stood import rulings_of, standings
from watermaster.model.access import AccessAsked
from watermaster.model.door import Passed
from watermaster.model.errors import UsageError
from watermaster.model.estate import holds
from watermaster.model.evidence import Evidence
from watermaster.model.gates import Change, GateSpec, Reason, Waiver
from watermaster.model.plain import plain
from watermaster.model.registered import (
    Dossier,
    RegisteredList,
    RegisteredRow,
    VersionDossier,
    VersionRow,
)
from watermaster.model.registry import STANDS
from watermaster.model.resources import ModelSpec, Resource

ROWS: Final = 50
MOST_VERSIONS: Final = 200
_M, _V = REGISTERED_MODELS.c, MODEL_VERSIONS.c


def list_registered(project: Project, text: str = "", page: int = 1) -> RegisteredList:
    """The models whose name or team holds a text, those changed last first, 50 a page."""
    at = project.ledger.clock()
    like = f"%{text.lower().replace('%', '').replace('_', '')}%"
    fits = sa.or_(sa.func.lower(_M.name).like(like), sa.func.lower(_M.team).like(like))
    with project.ledger.records.connect() as connection:
        count = connection.scalar(sa.select(sa.func.count()).where(fits)) or 0
        query = sa.select(REGISTERED_MODELS).where(fits).order_by(_M.updated_ms.desc(), _M.name)
        held = connection.execute(query.limit(ROWS).offset((page - 1) * ROWS)).mappings().all()
        names = [row["name"] for row in held]
        counts = _counts(connection, names)
        standing = _standing(connection, names)
        waived = _waived(connection, names, at)
        models = _declared(connection, at)
    rows = [
        RegisteredRow(
            name=row["name"], team=row["team"] or _owner(models.get(row["name"])),
            versions=counts.get(row["name"], (0, None))[0],
            newest=counts.get(row["name"], (0, None))[1],
            standing=standing.get(row["name"], []), changed_at=_moment(row["updated_ms"]),
            waivers=waived.get(row["name"], 0), is_declared=row["name"] in models,
        )
        for row in held
    ]  # fmt: skip
    return RegisteredList(count=count, rows=rows)


def is_registered(project: Project, name: str) -> bool:
    """Whether a model of that name is registered."""
    with project.ledger.records.connect() as connection:
        return has_model(connection, name) is not None


def registered(project: Project, name: str, at: dt.datetime | None = None) -> Dossier:
    """One model whole. at: the moment whose standing is asked for; None: now."""
    model, now = get_model(project, name), project.ledger.clock()
    with project.ledger.records.connect() as connection:
        keys = (
            sa.select(_V.model, _V.version)
            .where(_V.model == name, _V.deleted_at.is_(None))
            .order_by(_V.version.desc())
            .limit(MOST_VERSIONS)
        )
        versions = versions_of(connection, keys, (_V.version.desc(),))
        evidence = evidence_of(connection, name)
        stood = standings(connection, name)
        found = _declared(connection, now).get(name)
        total, accesses = accesses_of(connection, AccessAsked(thing=f"model/{name}", limit=20))
        by_id = {one.id: one for one in evidence}
        return Dossier(
            model=model, declared=_told(found), owner=model.team or _owner(found),
            versions=[
                VersionRow(version=one, made_at=_moment(one.created_ms),
                           kinds=_kinds(evidence, one.digest))
                for one in versions
            ],
            at=at, now=now, history=stood, rulings=rulings_of(connection, name, limit=20),
            standing=[
                (one, [by_id[id_] for id_ in one.evidence if id_ in by_id])
                for one in stood
                if one.stands(at or now)
            ],
            waivers=_waivers(connection, name), accesses=accesses, count_accesses=total,
        )  # fmt: skip


def registered_version(project: Project, name: str, number: str | int) -> VersionDossier:
    """One version whole, judged now by the gates of each environment."""
    version, now = get_version(project, name, number), project.ledger.clock()
    of = name, version.version
    with project.ledger.records.connect() as connection:
        thing = f"model/{name}/{version.version}"
        total, accesses = accesses_of(connection, AccessAsked(thing=thing, limit=20))
        given = evidence_of(connection, name)
        return VersionDossier(
            version=version, made_at=_moment(version.created_ms), now=now,
            environments=list(_judged(connection, project, of, version.digest)),
            evidence=[one for one in reversed(given) if one.version == version.version
                      or (one.digest is not None and one.digest == version.digest)],
            history=standings(connection, *of), rulings=rulings_of(connection, *of),
            waivers=waivers_of(connection, *of), accesses=accesses, count_accesses=total,
        )  # fmt: skip


def moment_of(text: str | None) -> dt.datetime | None:
    """A moment; of a day its end, as one asks what was in production on it."""
    if not text:
        return None
    try:
        told = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("at", f"{text!r} is no date", "write 2026-10-14 or with a time") from None
    if len(text) <= len("2026-10-14"):
        told += dt.timedelta(days=1, microseconds=-1)
    return told if told.tzinfo else told.replace(tzinfo=dt.UTC)


def _judged(
    connection: sa.Connection, project: Project, of: tuple[str, int], digest: str | None
) -> Iterable[tuple[Passed, list[Reason]]]:
    """Each environment whose gates guard the model, with every reason as of now."""
    at = project.ledger.clock()
    specs = [v.resource.spec for v in history(connection, kinds=("Gate",)) if holds(v, at)]
    for environment in sorted({s.environment for s in specs if isinstance(s, GateSpec)}):
        gates = gates_of(connection, project, environment)
        slots = frozenset(slot for spec in gates.values() for slot in spec.slots)
        asked = Change(model=of[0], version=of[1], digest=digest, gains=slots, way="page")
        ruling = consider(connection, project, asked)
        reasons = [r for r in ruling.reasons if r.gate in gates] if ruling else []
        if reasons:
            yield passed(connection, project, of, (environment, gates)), reasons


def _counts(connection: sa.Connection, names: list[str]) -> dict[str, tuple[int, int]]:
    query = (
        sa.select(_V.model, sa.func.count(), sa.func.max(_V.version))
        .where(_V.model.in_(names), _V.deleted_at.is_(None))
        .group_by(_V.model)
    )
    return {model: (count, newest) for model, count, newest in connection.execute(query)}


def _standing(connection: sa.Connection, names: list[str]) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    of = ALIASES.c
    aliases = sa.select(of.model, of.alias, of.version).where(of.model.in_(names))
    for model, alias, version in connection.execute(aliases.order_by(of.alias)):
        found.setdefault(model, []).append((f"alias/{alias}", version))
    stages = sa.select(_V.model, _V.stage, _V.version).where(
        _V.model.in_(names), _V.deleted_at.is_(None), _V.stage.in_([one.value for one in STANDS])
    )
    for model, stage, version in connection.execute(stages.order_by(_V.version.desc())):
        found.setdefault(model, []).append((f"stage/{stage}", version))
    return found


def _waived(connection: sa.Connection, names: list[str], at: dt.datetime) -> dict[str, int]:
    rows = connection.execute(sa.select(WAIVERS).where(WAIVERS.c.model.in_(names))).mappings()
    found: dict[str, int] = {}
    for waiver in map(read_waiver, rows):
        found[waiver.model] = found.get(waiver.model, 0) + waiver.holds(at)
    return found


def _waivers(connection: sa.Connection, name: str) -> list[Waiver]:
    of = WAIVERS.c
    query = sa.select(WAIVERS).where(of.model == name).order_by(of.asked_at.desc())
    return [read_waiver(row) for row in connection.execute(query).mappings()]


def _declared(connection: sa.Connection, at: dt.datetime) -> dict[str, Resource]:
    """The declared Models by every name they are registered under."""
    return {
        name: v.resource
        for v in history(connection, kinds=("Model",))
        if holds(v, at) and isinstance(v.resource.spec, ModelSpec)
        for name in (v.resource.metadata.name, *v.resource.spec.seen_as)
    }


def _told(found: Resource | None) -> dict[str, Any]:
    told = plain(found)["spec"] if found else {}
    return {name: value for name, value in told.items() if value not in (None, "", [], {})}


def _owner(found: Resource | None) -> str | None:
    return found.metadata.owner if found else None


def _kinds(evidence: list[Evidence], digest: str | None) -> list[str]:
    return sorted({one.kind for one in evidence if digest is not None and one.digest == digest})


def _moment(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
