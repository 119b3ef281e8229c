"""The whole ledger as sorted text, without what differs between two ways to the same truth."""

import json
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.ledger.read import read
from watermaster.ledger.records import CLOSES, DECISIONS, DELIVERIES, SLICES
from watermaster.ledger.resources import RESOURCES

# when and in which run it was written, and whether more than once, is no part of the truth
RECORDS: Final = {
    "slices": (SLICES, ("table_name", "source", "period", "part", "delivery", "rows", "cost")),
    "deliveries": (DELIVERIES, ("source", "file", "sha256", "rows", "rejected", "rounding")),
    "decisions": (DECISIONS, ("action", "rule", "subject", "why")),
    "closes": (CLOSES, ("id", "month", "gaps")),
    "resources": (RESOURCES, ("kind", "name", "valid_from", "deleted", "document")),
}


def canonical(project: Project) -> dict[str, list[str]]:
    """Every fact table at head and the records that tell what they rest on, rows sorted."""
    head = read_head(project.ledger.records)
    engine = project.ledger.engine
    found = {
        name: _sorted(engine.to_pyarrow(read(project.ledger, head, name)).to_pylist())
        for name in sorted(head.snapshots)
    }
    with project.ledger.records.connect() as connection:
        for name, (table, columns) in RECORDS.items():
            query = sa.select(*(table.c[column] for column in columns)).distinct()
            found[f"record {name}"] = _sorted(dict(r) for r in connection.execute(query).mappings())
    return found


def _sorted(rows: Iterable[dict[str, object]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
