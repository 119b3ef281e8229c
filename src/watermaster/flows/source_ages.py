"""What is held of each source, and how old it is."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.records import DELIVERIES, SLICES
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
    arrived = sa.select(DELIVERIES.c.source, sa.func.max(DELIVERIES.c.received_at))
    now = project.ledger.clock()
    with project.ledger.records.connect() as connection:
        received = dict(connection.execute(arrived.group_by(DELIVERIES.c.source)).all())
        return [
            _state(row, received.get(row.source, row.exported_at), now)
            for row in connection.execute(query)
        ]


def _state(row: Any, delivered_at: str, now: dt.datetime) -> SourceState:
    delivered = dt.datetime.fromisoformat(delivered_at)
    delivered = delivered if delivered.tzinfo else delivered.replace(tzinfo=dt.UTC)
    return SourceState(
        source=row.source,
        table=row.table_name,
        first=row.first,
        last=row.last,
        rows=int(row.rows),
        delivered_at=delivered,
        age_s=max(0, int((now - delivered).total_seconds())),
    )
