"""What the gates say of a change of the registry, before it is made."""

import secrets
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from watermaster.decide.release import gate
from watermaster.flows.open import Project
from watermaster.ledger.audit import append_audit
from watermaster.ledger.evidence import append_ruling, evidence_of, waivers_of
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.ledger.resources import history
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
    declared = _declared_now(connection, project)
    asked = Change(model=model, version=0, digest=None, gains=slots, way="guarded")
    values = _known(connection, project, asked, declared)
    return frozenset(
        slot for slot in slots if _guards(declared, replace(asked, gains=frozenset({slot})), values)
    )


def consider(connection: sa.Connection, project: Project, change: Change) -> Ruling | None:
    """As `rule`, and keep nothing."""
    at = project.ledger.clock()
    declared = _declared_now(connection, project)
    values = _known(connection, project, change, declared) | {"now": at}
    found = _guards(declared, change, values)
    if not found:
        return None
    given = gate.counted(evidence_of(connection, change.model, change.digest), change)
    waived = [w for w in waivers_of(connection, change.model, change.version) if w.holds(at)]
    reasons = []
    for name, spec in sorted(found.items()):
        own = {project.actor, str(values.get("version.made_by"))} if spec.four_eyes else set()
        shown = gate.evidence_values(given, frozenset(own))
        here = {"change.environment": spec.environment}
        reasons += gate.judge(name, spec, values | shown | here, waived)
    return Ruling(
        id=secrets.token_hex(6), at=at, subject=project.actor, change=change,
        verdict=gate.verdict(reasons), gates=tuple(sorted(found)), reasons=tuple(reasons),
        evidence=tuple(one.id for one in given),
    )  # fmt: skip


def _declared_now(connection: sa.Connection, project: Project) -> list[Resource]:
    at = project.ledger.clock()
    return [v.resource for v in history(connection, kinds=("Gate", "Model")) if holds(v, at)]


def _guards(
    declared: list[Resource], change: Change, values: dict[str, Any]
) -> dict[str, GateSpec]:
    """The gates that guard a slot the change gains."""
    return {
        one.metadata.name: one.spec
        for one in declared
        if isinstance(one.spec, GateSpec) and gate.guards(one.spec, change, values)
    }


def _known(
    connection: sa.Connection, project: Project, change: Change, declared: list[Resource]
) -> dict[str, Any]:
    """What is known of the change, the model and the version, as conditions read it."""
    version = MODEL_VERSIONS.c
    query = sa.select(MODEL_VERSIONS).where(
        version.model == change.model, version.version == change.version
    )
    held = connection.execute(query).mappings().first()
    values: dict[str, Any] = {
        "model.name": change.model, "version.number": change.version,
        "version.digest": change.digest, "change.way": change.way, "change.by": project.actor,
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
