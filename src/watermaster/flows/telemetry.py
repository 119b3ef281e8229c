"""Take in telemetry: what a connector sees replaces, day by day, what the source said before."""

import datetime as dt
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from watermaster.flows.access_told import told_of
from watermaster.flows.open import Project
from watermaster.flows.sources import named_source
from watermaster.flows.untold import SUBJECTS, with_untold
from watermaster.ledger.engine import exactly
from watermaster.ledger.files import Written
from watermaster.ledger.read import naive
from watermaster.ledger.records import SLICES
from watermaster.ledger.spool import spool_folder
from watermaster.ledger.write import Work, begin
from watermaster.model.errors import NotFoundError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.model.seen import Seen
from watermaster.model.shapes import SHAPES
from watermaster.model.tables import ibis
from watermaster.units.periods import Period

GROUP: Final = "watermaster.observe"
LIVE_DAYS: Final = 31  # how far back a server is asked when nothing else is said
LIVE: Final = ("http://", "https://", "sacct:", "aws:", "azure:", "kubernetes:", "otlp:")
SUPPLY: Final = "gpu_supply"
ROWS_A_GROUP: Final = 200_000
Observe = Callable[[SourceSpec, Period, Tell], Iterable[Seen]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryIngested:
    """The outcome of one run: rows and days by table."""

    source: str
    revision: str
    rows: dict[str, int]
    days: dict[str, tuple[str, str]]  # first and last by table
    rejected: int
    unread: list[str] = field(default_factory=list)  # parts of the source that did not answer
    untold: frozenset[str] = frozenset()  # kinds of which not all was seen


def ingest_telemetry(
    project: Project, source: str, spec: SourceSpec, window: Period | None
) -> TelemetryIngested:
    """Read a source through its connector; each day it saw is replaced in one commit."""
    observe = _connector(spec)
    with (
        _spool(project) as spool,
        begin(project.ledger, "ingest", project.actor, project.tell) as work,
    ):
        asked = whole_days(window or default_window(spec, project.ledger.clock()))
        accesses = told_of(project, source) if spec.type is SourceType.ACCESS_LOG else None
        found = observe(_located(project, source, spec), asked, project.tell)
        spool.take(accesses.without(found) if accesses else found, project)
        rows, days = {}, {}
        kept = _known_better(work, source, spool) if spec.location.startswith(LIVE) else []
        for name in sorted(spool.counts):
            written = _write(work, (source, name, spec.location), spool, kept)
            rows[name] = sum(written.rows.values())
            if name != "rejected" and written.rows:
                held = [period for _, period in written.rows]
                days[name] = (min(held), max(held))
        if accesses:
            accesses.keep(work.connection)
        if spec.location.startswith(LIVE) and "rejected" not in spool.counts:
            _all_well(work, source)
        work.detail |= {"source": source, "rows": rows}
        return TelemetryIngested(
            source=source,
            revision=f"r{work.revision}",
            rows={name: count for name, count in rows.items() if name != "rejected"},
            days=days,
            rejected=rows.get("rejected", 0),
            unread=spool.unread,
            untold=frozenset(spool.gaps),
        )


def telemetry_source(
    project: Project, type_: str, name: str | None, location: str | None
) -> tuple[str, SourceSpec]:
    """The Source telemetry is from, as declared, or one for the location alone."""
    return named_source(project, SourceType(type_), name, location)


def asked_window(
    project: Project, spec: SourceSpec, since: dt.datetime | None, until: dt.datetime | None
) -> Period:
    """What was asked for; what was not said is as by default."""
    usual = default_window(spec, project.ledger.clock())
    start = since.replace(tzinfo=dt.UTC) if since else usual.start
    return Period(start, until.replace(tzinfo=dt.UTC) if until else usual.end)


def default_window(spec: SourceSpec, now: dt.datetime) -> Period:
    """All of a file; of a server the last month."""
    if spec.location.startswith(LIVE):
        return Period(now - dt.timedelta(days=LIVE_DAYS), now)
    return Period(dt.datetime(1970, 1, 2, tzinfo=dt.UTC), now)


def whole_days(window: Period) -> Period:
    """Slices are days: what is asked of a part of a day is asked of all of it."""
    midnight = window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    last = window.end - dt.timedelta(microseconds=1)
    end = last.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    return Period(midnight, end)


def _located(project: Project, source: str, spec: SourceSpec) -> SourceSpec:
    """What this server received lies under its own home."""
    if spec.type is not SourceType.OTLP:
        return spec
    return spec.model_copy(update={"location": str(spool_folder(project.home, source))})


def _connector(spec: SourceSpec) -> Observe:
    for entry in entry_points(group=GROUP, name=spec.type.value):
        found: Observe = entry.load()
        return found
    raise NotFoundError(
        f"source type {spec.type.value}",
        f"no connector of that name is installed (entry points of {GROUP})",
        "install the package that has it",
    )


@dataclass
class _Spool:
    """Rows on their way to the lake: one Parquet file per table, so that memory stays flat."""

    folder: Path
    counts: dict[str, int] = field(default_factory=dict)
    writers: dict[str, pq.ParquetWriter] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    gaps: set[str] = field(default_factory=set)  # kinds of which not all was seen

    def take(self, found: Iterable[Seen], project: Project) -> None:
        """Write what a connector yields; tell how far it is."""
        for seen in found:
            if not seen.rows.num_rows:
                continue
            if seen.table == "rejected":
                self.unread += _unread(seen.rows)
                self.gaps |= {row["column"] for row in _parts(seen.rows)}
            self._writer(seen).write_batch(seen.rows, row_group_size=ROWS_A_GROUP)
            self.counts[seen.table] = self.counts.get(seen.table, 0) + seen.rows.num_rows
            project.tell(Progress(sum(self.counts.values()), None, "rows"))
        for writer in self.writers.values():
            writer.close()

    def path(self, name: str) -> Path:
        """The file of one table."""
        return self.folder / f"{name}.parquet"

    def _writer(self, seen: Seen) -> pq.ParquetWriter:
        if seen.table not in self.writers:
            self.writers[seen.table] = pq.ParquetWriter(self.path(seen.table), seen.rows.schema)
        return self.writers[seen.table]


def _unread(rejected: pa.RecordBatch) -> list[str]:
    """What connectors say of parts they could not read: row 0 is no row of a file."""
    return [f"{row['file']}, {row['column']}: {row['reason']}" for row in _parts(rejected)]


def _parts(rejected: pa.RecordBatch) -> list[dict[str, str]]:
    return rejected.filter(pc.equal(rejected["row"], 0)).to_pylist()


@contextmanager
def _spool(project: Project) -> Iterator[_Spool]:
    folder = project.home / "spill" / "telemetry"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield _Spool(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _known_better(work: Work, source: str, spool: _Spool) -> list[str]:
    """Days of which a server tells less supply than is held: it has forgotten some of it.

    Prometheus drops the oldest hours first, and Slurm lists no node that has left.
    """
    if SUPPLY not in spool.counts:
        return []
    seen = work.ledger.engine.read_parquet(exactly(spool.path(SUPPLY))).day.value_counts(
        name="rows"
    )
    counts = {row["day"]: row["rows"] for row in work.ledger.engine.to_pyarrow(seen).to_pylist()}
    query = sa.select(SLICES.c.period, SLICES.c.rows).where(
        SLICES.c.table_name == SUPPLY, SLICES.c.source == source
    )
    held = work.connection.execute(query)
    days = sorted(day for day, rows in held if counts.get(day, rows) < rows)
    for day in days:
        text = f"{source} tells less of {day} than is held: what is held stays"
        work.tell(Notice(text))
    return days


def _all_well(work: Work, source: str) -> None:
    """What a server could not tell at its last pull, it told now: the old complaint goes."""
    told = SLICES.c.table_name == "rejected", SLICES.c.source == source, SLICES.c.period == ""
    if work.connection.execute(sa.select(SLICES.c.rows).where(*told)).first():
        work.swap("rejected", [(source, "")], None)
        work.connection.execute(SLICES.delete().where(*told))


def _write(work: Work, of: tuple[str, str, str], spool: _Spool, kept: Sequence[str]) -> Written:
    source, name, location = of
    stored = work.ledger.engine.read_parquet(exactly(spool.path(name)))
    types = {column: kind for column, kind in SHAPES[name].types.items() if column != "source"}
    rows = naive(stored, types).mutate(source=ibis.literal(source))
    if kept and "day" in types:
        rows = rows.filter(rows.day.notin(kept))
    if name == SUBJECTS and location.startswith(LIVE):
        rows = with_untold(work, source, rows, spool.gaps)
    written = work.write(name, rows)
    work.swap(name, list(written.rows), written)
    for (_, period), count in written.rows.items():
        key = {"table_name": name, "source": source, "period": period, "part": ""}
        work.connection.execute(
            SLICES.delete().where(*(SLICES.c[column] == value for column, value in key.items()))
        )
        work.connection.execute(
            SLICES.insert().values(
                **key, revision=work.revision, delivery="", exported_at=work.at(), rows=count
            )
        )
    return written
