"""What is held of each source, and how old it is."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.records import SLICES
from watermaster.model.overview import SourceState


def source_states(project: Project) -> list[SourceState]:
    """One row for each source and fact table it fills."""
    held = SLICES.c
    query = (
        sa.select(
            held.source,
            held.table_name,
            sa.func.min(held.period).label("first"),
            sa.func.max(held.period).label("last"),
            sa.func.sum(held.rows).label("rows"),
            sa.func.max(held.exported_at).label("exported_at"),
        )
        .group_by(held.source, held.table_name)
        .order_by(held.source, held.table_name)
    )
    now = project.ledger.clock()
    with project.ledger.records.connect() as connection:
        return [_state(row, now) for row in connection.execute(query)]


def _state(row: Any, now: dt.datetime) -> SourceState:
    exported = dt.datetime.fromisoformat(row.exported_at)
    exported = exported if exported.tzinfo else exported.replace(tzinfo=dt.UTC)
    return SourceState(
        source=row.source,
        table=row.table_name,
        first=row.first,
        last=row.last,
        rows=int(row.rows),
        exported_at=exported,
        age_s=max(0, int((now - exported).total_seconds())),
    )
