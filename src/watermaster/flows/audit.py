"""The audit log: prove it whole, and hand it on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.artefacts_sealed import Registered
from watermaster.ledger.audit_breaks import audit_cells, breaks_of
from watermaster.ledger.audit_file import Read, differences, read_file, write_file
from watermaster.ledger.dsse import PrivateKey, PublicKey
from watermaster.ledger.evidence_sealed import Given, evidence_cells
from watermaster.ledger.head import head_of
from watermaster.ledger.records import AUDIT
from watermaster.ledger.registry_records import ARTEFACTS, EVIDENCE
from watermaster.ledger.sealed import readable
from watermaster.model.errors import BadInputError
from watermaster.model.integrity import Break, Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Whether each row of the log follows from all before it, and what it tells of is as it was."""

    revision: str
    rows: int
    evidence: int
    artefacts: int
    last_hash: str | None  # keep it elsewhere: with it, cutting off the end of the log shows too
    breaks: list[Break] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, removed or slipped in."""
        return not self.breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One change of the ledger, as logged."""

    seq: int
    at: str
    actor: str
    action: str
    detail: dict[str, object]
    previous: str
    hash: str


def verify(project: Project) -> Verified:
    """Follow the chain from its first row to its last; look at all evidence and artefacts."""
    with project.ledger.records.connect() as connection:
        given, registered = Given(), Registered()
        rows = registered.note(given.note(audit_cells(connection)))
        breaks = list(breaks_of(rows))
        breaks += given.breaks(evidence_cells(connection))
        breaks += registered.breaks(connection)
        return Verified(
            revision=head_of(connection).name,
            rows=_count(connection, AUDIT),
            evidence=_count(connection, EVIDENCE),
            artefacts=_count(connection, ARTEFACTS),
            last_hash=connection.scalar(
                sa.select(AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
            ),
            breaks=breaks,
        )


def export_file(project: Project, path: Path, key: PrivateKey | None) -> Proof:
    """Write the whole log and all evidence to a file that proves itself, signed by a key."""
    told = {
        "at": project.ledger.clock().isoformat(),
        "organisation": project.config.organisation,
    }
    try:
        with project.ledger.records.connect() as connection:
            return write_file(connection, path, told, key)
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise BadInputError(str(path), what, "name a file that can be written") from None


def verify_file(path: Path, key: PublicKey | None) -> Read:
    """Verify such a file on its own; no ledger is asked."""
    return read_file(path, key)


def verify_against(project: Project, path: Path) -> list[Break]:
    """What the ledger no longer holds as it did when the file was exported."""
    with project.ledger.records.connect() as connection:
        return list(differences(connection, path))


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def audit_rows(project: Project) -> Iterator[AuditRow]:
    """Every row, oldest first; a detail that is no JSON any more comes as `damaged`."""
    with project.ledger.records.connect() as connection:
        for row in audit_cells(connection):
            told = {name: readable(row[name]) for name in ("at", "actor", "action")}
            seals = {name: readable(row[name]) for name in ("previous", "hash")}
            yield AuditRow(seq=row["seq"], detail=_detail(row["detail"]), **told, **seals)


def _detail(text: str) -> dict[str, object]:
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {"damaged": readable(text)}
