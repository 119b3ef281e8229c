"""What is not known yet of a month that is to be closed, and what came after it was."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.closes import Closed
from watermaster.ledger.head import Head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.records import DELIVERIES, SLICES
from watermaster.model.estate import holds
from watermaster.model.resources import BILLS, Resource, SourceType
from watermaster.model.shapes import SHAPES
from watermaster.units.periods import Period, days_of, parse_month

TELEMETRY: Final = tuple(
    name for name, shape in SHAPES.items() if shape.slice_by == ("source", "day")
)
DAYS_SHOWN: Final = 3


def gaps_of(project: Project, head: Head, month: str) -> list[str]:
    """One sentence for each source that is not settled, or of which something is missing."""
    period = parse_month(month)
    last_moment = period.end - dt.timedelta(microseconds=1)
    sources = [
        version.resource
        for version in known_estate(project).of("Source")
        if holds(version, last_moment)
    ]
    held = _held(project, head, month)
    return [gap for source in sources for gap in _of_source(project, source, period, held)]


def rejections_of(project: Project, month: str) -> list[str]:
    """One sentence for each delivered file of the month's bills with rejected rows."""
    return [
        f"source {source}: {count} rows of {file} were rejected; see wm ingest rejected"
        for (source, file), count in sorted(rejected_by_file(project, month).items())
    ]


def rejected_by_file(project: Project, month: str) -> dict[tuple[str, str], int]:
    """Source and name of each file of the month's bills that has rejected rows; how many."""
    with project.ledger.records.connect() as connection:
        slices = connection.execute(
            sa.select(SLICES).where(SLICES.c.table_name == "charges", SLICES.c.period == month)
        )
        files = {(row.source, name) for row in slices for name in row.delivery.split()}
        rows = connection.execute(sa.select(DELIVERIES).where(DELIVERIES.c.rejected > 0))
        return {
            (row.source, row.file): row.rejected
            for row in rows
            if (row.source, row.sha256[:16]) in files
        }


def late_telemetry(project: Project, head: Head, close: Closed) -> dict[str, int]:
    """Rows of telemetry of a closed month that arrived, or were replaced, after it was closed."""
    found = {}
    for name in TELEMETRY:
        table = load(project.ledger.catalog, name)
        counted = {path for path, _, _ in files_at(table, close.telemetry[name])}
        now = files_at(table, head.snapshots[name])
        late = [rows for path, key, rows in now if key[1][:7] == close.month if path not in counted]
        if late:
            found[name] = sum(late)
    return found


def _held(project: Project, head: Head, month: str) -> set[tuple[str, str]]:
    """(source, billing month or day) of every slice the ledger holds of the month."""
    with project.ledger.records.connect() as connection:
        rows = connection.execute(sa.select(SLICES.c.source, SLICES.c.period))
        held = {(row.source, row.period) for row in rows}
    for name in ("charges", *TELEMETRY):
        table = load(project.ledger.catalog, name)
        held |= {(key[0], key[1]) for _, key, _ in files_at(table, head.snapshots[name])}
    return {(source, time) for source, time in held if time[:7] == month}


def _of_source(
    project: Project, source: Resource, period: Period, held: set[tuple[str, str]]
) -> Iterator[str]:
    name, spec = source.metadata.name, source.spec
    settled = period.end + dt.timedelta(hours=spec.settling_hours)
    if project.ledger.clock() < settled:
        yield f"source {name}: not settled before {settled:%Y-%m-%d %H:%M} UTC"
    month = f"{period.start:%Y-%m}"
    if spec.type in BILLS:
        if (name, month) not in held:
            yield f"source {name}: no bill of {month}"
        return
    days = [day.isoformat() for day in days_of(period)]
    missing = [day for day in days if (name, day) not in held]
    if len(missing) == len(days):
        yield f"source {name}: nothing seen in {month}"
    elif missing and spec.type in {SourceType.PROMETHEUS, SourceType.SLURM}:
        shown = ", ".join(missing[:DAYS_SHOWN]) + (" ..." if len(missing) > DAYS_SHOWN else "")
        yield f"source {name}: nothing seen on {len(missing)} of {len(days)} days ({shown})"
