"""Evidence, rulings and waivers: rows that are only added; each piece of evidence is sealed."""

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.audit import alone
from watermaster.ledger.evidence_sealed import SEALED
from watermaster.ledger.registry_records import EVIDENCE, RULINGS, WAIVERS
from watermaster.ledger.sealed import seal_of
from watermaster.model.evidence import Evidence
from watermaster.model.gates import Ruling, Waiver
from watermaster.model.plain import plain


def append_evidence(connection: sa.Connection, given: Evidence) -> str:
    """Add one piece; answers its seal, which the audit log holds too."""
    alone(connection)
    last = connection.scalar(sa.select(sa.func.max(EVIDENCE.c.number))) or 0
    row = {"number": last + 1} | _row(given)
    seal = seal_of([row[name] for name in SEALED])
    connection.execute(EVIDENCE.insert().values(**row, seal=seal))
    return seal


def evidence_of(connection: sa.Connection, model: str, digest: str | None = None) -> list[Evidence]:
    """What was given of a model (of one artefact), the oldest first."""
    query = sa.select(EVIDENCE).where(EVIDENCE.c.model == model)
    if digest is not None:
        query = query.where(EVIDENCE.c.digest == digest)
    return [
        _evidence(row) for row in connection.execute(query.order_by(EVIDENCE.c.number)).mappings()
    ]


def append_ruling(connection: sa.Connection, ruling: Ruling) -> None:
    """Add one ruling; it is part of the transaction of `connection`."""
    change = ruling.change
    connection.execute(
        RULINGS.insert().values(
            id=ruling.id, at=ruling.at.isoformat(), subject=ruling.subject, model=change.model,
            version=change.version, digest=change.digest, way=change.way,
            verdict=ruling.verdict.value, told=json.dumps(plain(ruling)),
        )
    )  # fmt: skip


def waivers_of(connection: sa.Connection, model: str, version: int) -> list[Waiver]:
    """All waivers, held or over, that speak of a version."""
    query = sa.select(WAIVERS).where(
        WAIVERS.c.model == model,
        sa.or_(WAIVERS.c.version.is_(None), WAIVERS.c.version == version),
    )
    return [
        read_waiver(row)
        for row in connection.execute(query.order_by(WAIVERS.c.asked_at)).mappings()
    ]


def read_waiver(row: sa.RowMapping) -> Waiver:
    """A row of `waivers` as a record."""
    told = dict(row)
    for name, value in told.items():
        if name.endswith("_at") and value is not None:
            told[name] = dt.datetime.fromisoformat(value)
    return Waiver(**told)


def _row(given: Evidence) -> dict[str, Any]:
    return {
        "id": given.id, "at": given.at.isoformat(), "subject": given.subject, "kind": given.kind,
        "model": given.model, "version": given.version, "digest": given.digest,
        "told": json.dumps(given.told, sort_keys=True, separators=(",", ":")),
    }  # fmt: skip


def _evidence(row: sa.RowMapping) -> Evidence:
    told = {name: value for name, value in row.items() if name not in {"number", "seal"}}
    return Evidence(
        **told | {"at": dt.datetime.fromisoformat(row["at"]), "told": json.loads(row["told"])}
    )
