"""Rows of deliveries that could not be used, and what to write instead."""

from dataclasses import dataclass

import ibis

from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.ledger.read import read


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedCell:
    """One cell that made its row unusable."""

    source: str
    file: str
    row: int | None
    column: str | None
    value: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """What is wrong in the deliveries the ledger holds."""

    revision: str
    total: int
    rows: list[RejectedCell]  # the first of them, by source, file and row


def rejected(project: Project, source: str | None = None, limit: int | None = None) -> Rejected:
    """Rejected rows of one source or of all (limit None: every one)."""
    head = read_head(project.ledger.records)
    held = read(project.ledger, head, "rejected")
    if source is not None:
        held = held.filter(held.source == source)
    cells = held.select("source", "file", "row", "column", "value", "reason").order_by(
        *(ibis.asc(name, nulls_first=True) for name in ("source", "file", "row", "column"))
    )
    engine = project.ledger.engine
    total = engine.to_pyarrow(held.count()).as_py()
    rows = engine.to_pyarrow(cells if limit is None else cells.limit(limit)).to_pylist()
    found = [RejectedCell(**row) for row in rows]
    return Rejected(revision=head.name, total=total, rows=found)
