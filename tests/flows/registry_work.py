"""A small registry for tests: models and versions as rows, gates as declared."""

import dataclasses
from pathlib import Path

from tests.flows.small import Clock, declare, project_at, resource
from watermaster.flows.evidence import give_evidence
from watermaster.flows.gates import rule
from watermaster.flows.open import Project
from watermaster.ledger.audit import chained
from watermaster.ledger.registry_records import (
    ALIASES,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    STANDINGS,
)
from watermaster.model.gates import Change
from watermaster.model.identity import Grant, Role, Sort, Subject

NOW = "2026-10-14T09:00:00"
MODEL = "claims-triage"
GATE = {
    "environment": "production",
    "require": [
        {
            "name": "accurate",
            "condition": "evidence.evaluation.metrics.accuracy >= 0.9",
            "says": "accuracy of at least 0.9",
        },
        {"name": "safe", "condition": "evidence.scan.critical == 0", "says": "no critical hole"},
        {"name": "approved", "condition": "evidence.approval.count >= 1", "says": "an approval"},
    ],
}


def person(name: str, *roles: Role) -> Subject:
    """Somebody who signed in and holds roles in all teams."""
    grants = tuple(Grant(role=role) for role in roles)
    return Subject(name=name, sort=Sort.PERSON, grants=grants)


ADA = person("ada@example.com", Role.OWNER)
BEN = person("ben@example.com", Role.APPROVER)


def as_subject(project: Project, subject: Subject) -> Project:
    """The same ledger, asked by somebody else."""
    return dataclasses.replace(project, subject=subject, actor=subject.name)


def registry_at(home: Path, *versions: int, gate: dict[str, object] | None = None) -> Project:
    """A ledger with one model, its versions, and a gate before production."""
    project = as_subject(project_at(home, Clock(NOW)), ADA)
    stock(project, *versions, gate=gate)
    return project


def stock(project: Project, *versions: int, gate: dict[str, object] | None = None) -> None:
    """Declare the model and its gate, and register versions."""
    spec = {"purpose": "sort claims", "riskClass": "high"}
    declare(project, resource("Model", MODEL, spec, owner=None))
    declare(project, resource("Gate", "production", gate or GATE))
    with project.ledger.records.begin() as connection:
        connection.execute(
            REGISTERED_MODELS.insert().values(
                name=MODEL, created_ms=1, updated_ms=1, made_by=ADA.name, next_version=99
            )
        )
        for version in versions:
            connection.execute(
                MODEL_VERSIONS.insert().values(
                    model=MODEL, version=version, created_ms=1, updated_ms=1, made_by=ADA.name,
                    stage="None", status="READY", lineage="resolved", digest=digest(version),
                )
            )  # fmt: skip


def digest(version: int) -> str:
    """The digest of a version's artefact, made up."""
    return f"sha256:{version:064x}"


def prove(project: Project, version: int) -> None:
    """Give what the gate asks of a version."""
    told = {"dataset": "claims 7", "cases": 900, "metrics": {"accuracy": 0.94}}
    give_evidence(project, "evaluation", MODEL, version, told)
    scan = {"tool": "scanner", "critical": 0, "high": 0}
    give_evidence(project, "scan", MODEL, version, scan)
    give_evidence(as_subject(project, BEN), "approval", MODEL, version, {"says": "fit"})


def promote(project: Project, version: int) -> None:
    """What set-alias does where the gates allow it."""
    asked = Change(model=MODEL, version=version, digest=digest(version),
                   gains=frozenset({"alias/prod"}), way="test")  # fmt: skip
    with chained(project.ledger.records) as connection:
        ruling = rule(connection, project, asked)
        connection.execute(ALIASES.insert().values(model=MODEL, alias="prod", version=version))
        connection.execute(STANDINGS.insert().values(
            model=MODEL, version=version, slot="alias/prod", from_at=f"{NOW}+00:00",
            set_by=ADA.name,
            ruling=ruling.id))  # fmt: skip
