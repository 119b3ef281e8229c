"""The audit log: prove it whole, and hand it on."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.audit import broken_links
from watermaster.ledger.head import head_of
from watermaster.ledger.records import AUDIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Whether each row of the log follows from all before it."""

    revision: str
    rows: int
    last_hash: str | None  # keep it elsewhere: with it, cutting off the end of the log shows too
    broken: list[int]  # `seq` of the rows that do not follow

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed, removed or slipped in."""
        return not self.broken


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
    """Follow the chain from its first row to its last."""
    with project.ledger.records.connect() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(AUDIT)) or 0
        last = connection.scalar(sa.select(AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1))
        return Verified(
            revision=head_of(connection).name,
            rows=count,
            last_hash=last,
            broken=broken_links(connection),
        )


def audit_rows(project: Project) -> Iterator[AuditRow]:
    """Every row, oldest first."""
    with project.ledger.records.connect() as connection:
        for row in connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)).mappings():
            told = {name: row[name] for name in ("at", "actor", "action", "previous", "hash")}
            yield AuditRow(seq=row["seq"], detail=json.loads(row["detail"]), **told)
