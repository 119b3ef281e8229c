"""Waivers: what a version may do without for a while, asked for by one and granted by another."""

import dataclasses
import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from watermaster.flows.model_owner import team_of_model
from watermaster.flows.open import Project
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.evidence import read_waiver
from watermaster.ledger.registry_records import MODEL_VERSIONS, WAIVERS
from watermaster.ledger.resources import history
from watermaster.ledger.tokens import people_behind
from watermaster.model.errors import NotAllowedError, NotFoundError, RefusedError, UsageError
from watermaster.model.estate import holds
from watermaster.model.gates import GateSpec, Waiver
from watermaster.model.identity import Right

MOST_DAYS: Final = 90  # longer, and it is no waiver: change the gate


def ask_waiver(
    project: Project,
    requirement: str,
    version: tuple[str, int | None],
    why: str,
    ends_at: dt.datetime,
) -> Waiver:
    """Ask to do without GATE/REQUIREMENT for a version of a model (None: all) until a moment.

    It holds as soon as somebody else grants it.
    """
    where = f"waiver of {requirement}"
    gate, _, name = requirement.partition("/")
    now = project.ledger.clock()
    if not why.strip():
        raise UsageError(where, "says no reason", "say why")
    if not now < ends_at <= now + dt.timedelta(days=MOST_DAYS):
        what = f"ends {ends_at:%Y-%m-%d}"
        raise UsageError(where, what, f"name an end within {MOST_DAYS} days from now")
    asked = Waiver(
        id=secrets.token_hex(6), gate=gate, requirement=name, model=version[0], version=version[1],
        why=why.strip(), asked_by=project.actor, asked_at=now, ends_at=ends_at,
    )  # fmt: skip
    with chained(project.ledger.records) as connection:
        if not project.asker.may(Right.REGISTER, team_of_model(connection, project, asked.model)):
            raise NotAllowedError(where, f"{project.actor} may not ask for one", "ask an owner")
        _must_be_asked(connection, asked, now)
        told = dataclasses.asdict(asked)
        moments = {k: v.isoformat() for k, v in told.items() if isinstance(v, dt.datetime)}
        connection.execute(WAIVERS.insert().values(told | moments))
        _log(connection, project, "waiver-asked", asked)
    return asked


def grant_waiver(project: Project, id_: str) -> Waiver:
    """Let it hold; never by who asked for it, nor by who made the version."""
    with chained(project.ledger.records) as connection:
        held = _named(connection, id_)
        where, now = f"waiver {held.id}", project.ledger.clock()
        if not project.asker.may(Right.APPROVE, team_of_model(connection, project, held.model)):
            raise NotAllowedError(where, f"{project.actor} may not grant it", "ask an approver")
        eyes = {held.asked_by, _maker(connection, held) or held.asked_by}
        if project.actor in people_behind(connection, eyes):
            what = f"{project.actor} asked for it, or made the version: one cannot be both eyes"
            raise NotAllowedError(where, what, "ask another approver")
        if held.granted_at or held.ended_at or held.ends_at <= now:
            what = "is granted already" if held.granted_at else "is over"
            raise RefusedError(where, what, "ask for a new one")
        return _put(connection, project, "waiver-granted", held,
                    {"granted_by": project.actor, "granted_at": now})  # fmt: skip


def end_waiver(project: Project, id_: str, why: str) -> Waiver:
    """Take it back before its end; what it let in is judged anew from then on."""
    if not why.strip():
        raise UsageError(f"waiver {id_}", "says no reason", "say why it ends")
    with chained(project.ledger.records) as connection:
        held = _named(connection, id_)
        team = team_of_model(connection, project, held.model)
        if not (project.asker.may(Right.APPROVE, team) or project.actor == held.asked_by):
            what = f"{project.actor} may not end it"
            raise NotAllowedError(f"waiver {held.id}", what, "ask an approver, or who asked for it")
        if held.ended_at:
            raise RefusedError(f"waiver {held.id}", "has ended already", "there is nothing to end")
        told: dict[str, str | dt.datetime] = {
            "ended_by": project.actor, "ended_at": project.ledger.clock(),
        }  # fmt: skip
        return _put(connection, project, "waiver-ended", held, told, why=why.strip())


def list_waivers(project: Project, model: str | None = None) -> list[Waiver]:
    """All waivers (of a model), the newest first."""
    query = sa.select(WAIVERS).order_by(WAIVERS.c.asked_at.desc(), WAIVERS.c.id)
    if model is not None:
        query = query.where(WAIVERS.c.model == model)
    with project.ledger.records.connect() as connection:
        return [read_waiver(row) for row in connection.execute(query).mappings()]


def _must_be_asked(connection: sa.Connection, asked: Waiver, now: dt.datetime) -> None:
    """The gate must be declared and ask this, and the version must be there."""
    declared = [v.resource for v in history(connection, kinds=("Gate",)) if holds(v, now)]
    specs = {r.metadata.name: r.spec for r in declared if isinstance(r.spec, GateSpec)}
    where = f"waiver of {asked.gate}/{asked.requirement}"
    names = [f"{gate}/{one.name}" for gate, spec in specs.items() for one in spec.require]
    if f"{asked.gate}/{asked.requirement}" not in names:
        raise NotFoundError(
            where, "no gate asks this", f"gates ask {', '.join(names) or 'nothing'}"
        )
    held = MODEL_VERSIONS.c
    query = sa.select(held.version).where(held.model == asked.model, held.deleted_at.is_(None))
    versions = set(connection.scalars(query))
    if not versions or (asked.version is not None and asked.version not in versions):
        what = f"{asked.model} {asked.version or ''}".strip()
        raise NotFoundError(where, f"{what} is not registered", "see wm model versions")


def _maker(connection: sa.Connection, held: Waiver) -> str | None:
    row = MODEL_VERSIONS.c
    query = sa.select(row.made_by).where(row.model == held.model, row.version == held.version)
    made_by: str | None = connection.scalar(query)
    return made_by


def _named(connection: sa.Connection, id_: str) -> Waiver:
    query = sa.select(WAIVERS).where(WAIVERS.c.id.startswith(id_, autoescape=True)).limit(2)
    rows = connection.execute(query).mappings().all()
    if len(rows) != 1:
        what = "is none" if not rows else "fits several"
        raise NotFoundError(f"waiver {id_}", what, "see wm waiver list")
    return read_waiver(rows[0])


def _put(
    connection: sa.Connection,
    project: Project,
    action: str,
    held: Waiver,
    told: Mapping[str, str | dt.datetime],
    **more: str,
) -> Waiver:
    values = {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in told.items()}
    connection.execute(WAIVERS.update().where(WAIVERS.c.id == held.id).values(values))
    _log(connection, project, action, held, **more)
    changed: dict[str, Any] = dict(told)
    return dataclasses.replace(held, **changed)


def _log(
    connection: sa.Connection, project: Project, action: str, held: Waiver, **more: str
) -> None:
    detail = {"waiver": held.id, "requirement": f"{held.gate}/{held.requirement}",
              "model": held.model, "version": held.version,
              "ends_at": held.ends_at.isoformat()} | more  # fmt: skip
    append_audit(connection, project.ledger.clock().isoformat(), project.actor, action, detail)
