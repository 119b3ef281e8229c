"""Artefacts as the registry knows them: manifests, signatures, and which version has which."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.registry_records import ARTEFACTS, EVIDENCE, MODEL_VERSIONS, STANDINGS
from watermaster.ledger.sealed import seal_of
from watermaster.model.artefacts import Manifest, read_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A version and the artefact it was registered with."""

    model: str
    version: int
    location: str | None  # where its files lie, as far as was told
    digest: str | None
    manifest: Manifest | None = None
    bundle: str | None = None  # its signature
    signer: str | None = None


def held_version(connection: sa.Connection, model: str, version: int) -> Held | None:
    """A version that is not deleted, with its artefact."""
    of = MODEL_VERSIONS.c
    asked = sa.select(MODEL_VERSIONS).where(
        of.model == model, of.version == version, of.deleted_at.is_(None)
    )
    row = connection.execute(asked).mappings().first()
    if row is None:
        return None
    told: dict[str, Any] = {
        "model": model, "version": version, "digest": row["digest"],
        "location": row.get("storage") or row["source"],
    }  # fmt: skip
    query = sa.select(ARTEFACTS).where(ARTEFACTS.c.digest == row["digest"])
    artefact = connection.execute(query).mappings().first()
    if artefact is None:
        return Held(**told)
    manifest = read_manifest(json.loads(artefact["manifest"]), row["digest"])
    return Held(**told, manifest=manifest, bundle=artefact["signature"], signer=artefact["signer"])


def standing_versions(connection: sa.Connection) -> list[tuple[str, int]]:
    """Every version that stands somewhere now: people rely on it."""
    of = STANDINGS.c
    query = sa.select(of.model, of.version).where(of.to_at.is_(None)).distinct()
    ordered = query.order_by(of.model, of.version)
    return [(row.model, row.version) for row in connection.execute(ordered)]


def bind(connection: sa.Connection, of: tuple[str, int], at: str, manifest: Manifest) -> str:
    """Keep a manifest, and that a version has it; the text that is kept, maybe since before."""
    model, version = of
    known = sa.select(ARTEFACTS.c.manifest).where(ARTEFACTS.c.digest == manifest.digest)
    kept: str | None = connection.scalar(known)
    if kept is None:
        kept = manifest.as_json()
        row = {"digest": manifest.digest, "at": at, "manifest": kept}
        connection.execute(ARTEFACTS.insert().values(row))
    connection.execute(
        MODEL_VERSIONS.update()
        .where(MODEL_VERSIONS.c.model == model, MODEL_VERSIONS.c.version == version)
        .values(digest=manifest.digest)
    )
    return kept


def kept_seal(connection: sa.Connection, digest: str) -> str:
    """Seal of the manifest as it is kept."""
    query = sa.select(ARTEFACTS.c.manifest).where(ARTEFACTS.c.digest == digest)
    return seal_of([connection.scalar(query)])


def keep_signature(connection: sa.Connection, digest: str, bundle: str, signer: str | None) -> None:
    """The signature of an artefact; one that a known key made is not replaced by another's."""
    trusted = ARTEFACTS.c.signer.is_(None) if signer is None else sa.true()
    connection.execute(
        ARTEFACTS.update()
        .where(ARTEFACTS.c.digest == digest, trusted)
        .values(signature=bundle, signer=signer)
    )


def last_signature_told(connection: sa.Connection, of: tuple[str, int], digest: str) -> Any:
    """What the newest evidence of kind signature says of a version's artefact; None: nothing."""
    model, version = of
    query = (
        sa.select(EVIDENCE.c.told)
        .where(
            EVIDENCE.c.model == model, EVIDENCE.c.version == version,
            EVIDENCE.c.digest == digest, EVIDENCE.c.kind == "signature",
        )
        .order_by(EVIDENCE.c.number.desc())
        .limit(1)
    )  # fmt: skip
    text = connection.scalar(query)
    return None if text is None else json.loads(text)
