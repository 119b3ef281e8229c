"""Evidence: given once, bound to an artefact and to who gave it, never changed."""

import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from watermaster.flows.model_owner import team_of_model
from watermaster.flows.open import Project
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.evidence import append_evidence, evidence_of
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.model.errors import BadInputError, NotAllowedError, NotFoundError, UsageError
from watermaster.model.evidence import EVIDENCE, OURS, Evidence
from watermaster.model.identity import Right


def give_evidence(
    project: Project, kind: str, model: str, version: int, told: Mapping[str, Any]
) -> Evidence:
    """Keep what was shown of a version, as shown of the artefact it has now."""
    where = f"{model} {version}"
    if kind in OURS:
        raise NotAllowedError(where, f"{kind} is what Watermaster finds itself", "sign the model")
    right = Right.APPROVE if kind == "approval" else Right.DELIVER
    checked = _checked(kind, told, where)
    with chained(project.ledger.records) as connection:
        if not project.asker.may(right, team_of_model(connection, project, model)):
            fix = f"ask somebody with the right to {right} in its team"
            raise NotAllowedError(where, f"{project.actor} may not give {kind}", fix)
        digest = digest_of(connection, model, version)
        return keep_evidence(connection, project, kind, (model, version, digest), checked)


def keep_evidence(
    connection: sa.Connection,
    project: Project,
    kind: str,
    artefact: tuple[str, int, str | None],
    told: dict[str, Any],
) -> Evidence:
    """Append checked evidence of (model, version, digest), in the caller's transaction."""
    model, version, digest = artefact
    given = Evidence(
        id=secrets.token_hex(6), at=project.ledger.clock(), subject=project.actor, kind=kind,
        model=model, version=version, digest=digest, told=told,
    )  # fmt: skip
    seal = append_evidence(connection, given)
    detail = {"evidence": given.id, "kind": kind, "model": model, "version": version, "seal": seal}
    append_audit(connection, given.at.isoformat(), project.actor, "evidence", detail)
    return given


def list_evidence(project: Project, model: str, version: int | None = None) -> list[Evidence]:
    """All that was given of a model, or of one version of it, the oldest first."""
    with project.ledger.records.connect() as connection:
        given = evidence_of(connection, model)
    return [one for one in given if version is None or one.version == version]


def _checked(kind: str, told: Mapping[str, Any], where: str) -> dict[str, Any]:
    record = EVIDENCE.get(kind)
    if record is None:
        kinds = ", ".join(one for one in EVIDENCE if one not in OURS)
        raise UsageError(where, f"{kind!r} is no kind of evidence", f"write one of {kinds}")
    try:
        return record.model_validate(told).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        fix = f"{kind} has {', '.join(record.model_fields)}"
        raise BadInputError(where, f"{kind}: {name}: {first['msg']}", fix) from None


def digest_of(connection: sa.Connection, model: str, version: int) -> str | None:
    """The artefact of a registered version; NotFoundError where there is no such version."""
    held = MODEL_VERSIONS.c
    query = sa.select(held.digest).where(
        held.model == model, held.version == version, held.deleted_at.is_(None)
    )
    row = connection.execute(query).first()
    if row is None:
        fix = "see wm model versions"
        raise NotFoundError(f"{model} {version}", "no such version is registered", fix)
    digest: str | None = row.digest
    return digest
