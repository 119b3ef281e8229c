"""What the gates say of a change of the registry, before it is made."""

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from watermaster.decide.release import gate
from watermaster.flows.open import Project
from watermaster.ledger.audit import append_audit
from watermaster.ledger.evidence import append_ruling, evidence_of, waivers_of
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.ledger.resources import history
from watermaster.ledger.tokens import people_behind
from watermaster.model.estate import holds
from watermaster.model.gates import Change, GateSpec, Ruling
from watermaster.model.resources import ModelSpec, Resource


def rule(connection: sa.Connection, project: Project, change: Change) -> Ruling | None:
    """Judge a change and keep the ruling, in the caller's transaction; None: no gate guards it.

    The caller commits a refusal too, and raises GateRefusedError after: what was refused is known.
    """
    ruling = consider(connection, project, change)
    if ruling is None:
        return None
    append_ruling(connection, ruling)
    detail = {
        "ruling": ruling.id, "model": change.model, "version": change.version,
        "gains": sorted(change.gains), "way": change.way, "verdict": ruling.verdict.value,
        "against": [f"{one.gate}/{one.requirement}" for one in ruling.against],
        "waivers": sorted({one.waiver for one in ruling.reasons if one.waiver}),
    }  # fmt: skip
    append_audit(connection, ruling.at.isoformat(), ruling.subject, "gate", detail)
    return ruling


def guarded(
    connection: sa.Connection, project: Project, model: str, slots: frozenset[str]
) -> frozenset[str]:
    """Those of a model's slots that a gate guards."""
    if not slots:
        return frozenset()
    declared = _declared_at(connection, project.ledger.clock())
    asked = Change(model=model, version=0, digest=None, gains=slots, way="guarded")
    values, specs = _known(connection, project.actor, asked, declared), _gates(declared)
    return frozenset(
        slot for slot in slots if _guards(specs, replace(asked, gains=frozenset({slot})), values)
    )


def consider(connection: sa.Connection, project: Project, change: Change) -> Ruling | None:
    """As `rule`, and keep nothing."""
    return judged(connection, change, project.actor, project.ledger.clock())


def judged(
    connection: sa.Connection,
    change: Change,
    by: str,
    at: dt.datetime,
    specs: Mapping[str, GateSpec] | None = None,
) -> Ruling | None:
    """What gates say of a change that somebody asks for at a moment, on what was known then.

    specs: gates by name; None: those declared then. None is answered where none of them guards.
    """
    declared = _declared_at(connection, at)
    values = _known(connection, by, change, declared) | {"now": at}
    found = _guards(_gates(declared) if specs is None else specs, change, values)
    if not found:
        return None
    told = evidence_of(connection, change.model, change.digest)
    given = [one for one in gate.counted(told, change) if one.at <= at]
    waived = [w for w in waivers_of(connection, change.model, change.version) if w.holds(at)]
    eyes = people_behind(connection, {by, str(values.get("version.made_by"))})
    reasons = []
    for name, spec in sorted(found.items()):
        own = eyes if spec.four_eyes else frozenset()
        here = {"change.environment": spec.environment}
        shown = values | gate.evidence_values(given, own) | here
        reasons += gate.judge(name, spec, shown, [w for w in waived if w.granted_by not in own])
    return Ruling(
        id=secrets.token_hex(6), at=at, subject=by, change=change,
        verdict=gate.verdict(reasons), gates=tuple(sorted(found)), reasons=tuple(reasons),
        evidence=tuple(one.id for one in given),
    )  # fmt: skip


def _declared_at(connection: sa.Connection, at: dt.datetime) -> list[Resource]:
    return [v.resource for v in history(connection, kinds=("Gate", "Model")) if holds(v, at)]


def _gates(declared: list[Resource]) -> dict[str, GateSpec]:
    return {r.metadata.name: r.spec for r in declared if isinstance(r.spec, GateSpec)}


def _guards(
    specs: Mapping[str, GateSpec], change: Change, values: dict[str, Any]
) -> dict[str, GateSpec]:
    """The gates that guard a slot the change gains."""
    return {name: spec for name, spec in specs.items() if gate.guards(spec, change, values)}


def _known(
    connection: sa.Connection, by: str, change: Change, declared: list[Resource]
) -> dict[str, Any]:
    """What is known of the change, the model and the version, as conditions read it."""
    version = MODEL_VERSIONS.c
    query = sa.select(MODEL_VERSIONS).where(
        version.model == change.model, version.version == change.version
    )
    held = connection.execute(query).mappings().first()
    values: dict[str, Any] = {
        "model.name": change.model, "version.number": change.version,
        "version.digest": change.digest, "change.way": change.way, "change.by": by,
    }  # fmt: skip
    if held is not None:
        names = ("made_by", "lineage", "run_id", "source")
        values |= {f"version.{name}": held[name] for name in names}
    return values | _declared(change.model, declared)


def _declared(name: str, declared: list[Resource]) -> dict[str, Any]:
    """The declared Model of that name, or that is seen as it."""
    for one in declared:
        spec = one.spec
        if isinstance(spec, ModelSpec) and name in {one.metadata.name, *spec.seen_as}:
            fields = ("purpose", "risk_class", "licence", "base_model", "intended_use")
            told = {f"model.{field}": getattr(spec, field) for field in fields}
            classes = [one.value for one in spec.data_classes] or None
            return told | {"model.owner": one.metadata.owner, "model.data_classes": classes}
    return {}
