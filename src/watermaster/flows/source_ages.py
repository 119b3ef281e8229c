"""What is held of each source, and how old it is."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from watermaster.decide.cost.own import PREFIX as OWN
from watermaster.flows.open import Project
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.sources import declared_sources
from watermaster.ledger.pulls import pull_states
from watermaster.ledger.records import DELIVERIES, SLICES
from watermaster.model.overview import SourceAge, SourceState


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


def source_ages(project: Project) -> list[SourceAge]:
    """Every source that told something or is declared, those with a gap first, then the oldest."""
    now = project.ledger.clock()
    ages: dict[str, int] = {}
    for one in source_states(project):
        if not one.source.startswith(OWN):
            ages[one.source] = min(one.age_s, ages.get(one.source, one.age_s))
    for name, pull in pull_states(project.ledger.records).items():
        if pull.seen_until is not None:  # it was asked, and had nothing new
            seen_s = max(0, int((now - pull.seen_until).total_seconds()))
            ages[name] = min(seen_s, ages.get(name, seen_s))
    gaps = {gap.source: gap.what for gap in source_gaps(project)}
    names = ages.keys() | gaps.keys() | {one.metadata.name for one in declared_sources(project)}
    found = [
        SourceAge(source=name, age_s=ages.get(name), gap=gaps.get(name)) for name in sorted(names)
    ]
    return sorted(found, key=lambda one: (one.gap is None, -(one.age_s or 0)))


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
