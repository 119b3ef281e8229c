"""Which rules of FOCUS the delivered bills break; they are read all the same."""

import json
from dataclasses import dataclass

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.records import DELIVERIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One rule broken by one delivered file."""

    source: str
    file: str
    rule: str
    column: str
    rows: int
    first_row: int | None  # None where a column is missing
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaks:
    """Every rule broken, by source, file and rule."""

    files: int
    breaks: list[Broken]


def broken_rules(project: Project, source: str | None = None) -> Breaks:
    """What the newest delivery of each file breaks, of one source or of all."""
    query = sa.select(DELIVERIES.c.source, DELIVERIES.c.file, DELIVERIES.c.report).order_by(
        DELIVERIES.c.id
    )
    if source is not None:
        query = query.where(DELIVERIES.c.source == source)
    with project.ledger.records.connect() as connection:
        newest = {
            (row.source, row.file): json.loads(row.report) for row in connection.execute(query)
        }
    found = [
        Broken(source=name, file=file, **one)
        for (name, file), report in sorted(newest.items())
        for one in report.get("breaks", ())
    ]
    return Breaks(files=len(newest), breaks=found)
