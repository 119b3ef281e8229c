"""Plain files for whatever has no connector: GPU use and supply, things, requests, runs, transfers.

CSV, CSV.gz or Parquet. What a file holds is told by its columns, which are those of the fact
tables (docs/reference/files.md). Rows that cannot be used go to `rejected`; the others are kept.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.model.shapes import SHAPES
from watermaster.observe.batches import BATCH_ROWS, rejection, seen, seen_rows
from watermaster.observe.files import Found, found_files, lines_of, records_of
from watermaster.observe.subjects import SUBJECT, Subjects
from watermaster.observe.usage_hours import hourly
from watermaster.observe.usage_values import NULLS, Reader, readers
from watermaster.units.periods import Period

TOLD_BY: Final = {  # the column that tells what a file holds, the most telling first
    "present_s": "gpu_supply",
    "reserved_s": "gpu_hours",
    "gpus+start": "gpu_hours",
    "requests": "requests",
    "tokens_in": "requests",
    "submitted_at": "runs",
    "to_region": "transfers",
    "first_seen": "subjects",
    "last_seen": "subjects",
    "created_at": "subjects",
    "last_used": "subjects",
    "artefact": "subjects",
    "resource_id+subject_uid+state": "subjects",
    "bytes": "transfers",
    "state": "runs",
    "subject_uid": "subjects",
}
NEEDED: Final = {
    "gpu_supply": ("node", "hour", "present_s"),
    "gpu_hours": ("node", "hour", "subject_uid", "reserved_s"),
    "requests": ("hour", "subject_uid"),
    "transfers": ("day", "bytes"),
    "runs": ("subject_uid", "state", "submitted_at"),
    "subjects": ("subject_uid",),
}
NEEDED_OF_INTERVALS: Final = ("node", "start", "end", "subject_uid")
DEFAULT_KIND: Final = "job"
Fault = tuple[str, str | None, str]  # column, value, reason
Texts = dict[str, pa.Array]  # column to its texts, all of one length


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Every usable row of the files at the location that lies in the window.

    subjects: one row per day and thing, of the subjects files first, else made from the use seen
    """
    files = found_files(source.location)
    opened = [(file, _table_of(file)) for file in files]
    subjects = Subjects(window)
    order = ["subjects", "gpu_hours", "gpu_supply", "runs", "requests", "transfers"]
    opened.sort(key=lambda one: (order.index(one[1]), one[0].name))
    for number, (file, table) in enumerate(opened):
        tell(Progress(number, len(opened), "files", file.name))
        yield from _read(file, table, (source, window), subjects)
    tell(Progress(len(opened), len(opened), "files"))
    if subjects.repeated:
        text = f"{subjects.repeated} subjects are told twice for one day; the first row is kept"
        tell(Notice(text))
    yield from subjects.rows()


def _table_of(file: Found) -> str:
    names = _names(file)
    for told, table in TOLD_BY.items():
        if set(told.split("+")) <= names:
            missing = [name for name in _needed(table, names) if name not in names]
            if missing:
                what = f"holds {table} but has no column {', '.join(missing)}"
                raise BadInputError(file.name, what, "see docs/reference/files.md")
            return table
    what = f"has the columns {', '.join(sorted(names)[:8]) or '(none)'}, which tell no table"
    raise BadInputError(file.name, what, "see docs/reference/files.md")


def _needed(table: str, names: Container[str]) -> tuple[str, ...]:
    is_interval = table == "gpu_hours" and "reserved_s" not in names
    return NEEDED_OF_INTERVALS if is_interval else NEEDED[table]


def _names(file: Found) -> set[str]:
    if file.name.endswith(".parquet"):
        return set(_parquet(file).schema_arrow.names)
    return {name.strip() for name in next(records_of(lines_of(file)))}


def _parquet(file: Found) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file.system.open(file.path, "rb"))
    except pa.ArrowInvalid as error:
        raise BadInputError(file.name, f"is no Parquet ({error})", "deliver it again") from None


def _read(
    file: Found, table: str, order: tuple[SourceSpec, Period], subjects: Subjects
) -> Iterator[Seen]:
    source, window = order
    told, how = file.told(), readers(table, source.time_zone)
    for first, texts, faults in _chunks(file):
        rejected = [rejection(told, row, "", text, reason) for row, text, reason in faults]
        values, bad = _typed(texts, how, _needed(table, texts))
        bad |= _backward(values, bad)
        good = [n not in bad for n in range(len(first))]
        rejected += [
            rejection(told, first[n], column, value, reason)
            for n, (column, value, reason) in sorted(bad.items())
        ]
        rows = pa.table(values).filter(pa.array(good, pa.bool_())) if values else pa.table({})
        yield from seen_rows("rejected", rejected)
        yield from _placed(_filled(rows, source), table, window, subjects)


def _chunks(file: Found) -> Iterator[tuple[list[int], Texts, list[tuple[int, str, str]]]]:
    """Row numbers, columns as text, and rows that do not fit the header."""
    if file.name.endswith(".parquet"):
        yield from _parquet_chunks(file)
        return
    records = records_of(lines_of(file))
    names = [name.strip() for name in next(records)]
    numbers: list[int] = []
    kept: list[list[str]] = []
    faults: list[tuple[int, str, str]] = []
    for number, cells in enumerate(records, start=1):
        if len(cells) == len(names):
            numbers.append(number)
            kept.append(cells)
        else:
            reason = f"has {len(cells)} cells where the header has {len(names)}; quote commas"
            faults.append((number, ",".join(cells), reason))
        if len(kept) + len(faults) >= BATCH_ROWS:
            yield numbers, _columns(names, kept), faults
            numbers, kept, faults = [], [], []
    yield numbers, _columns(names, kept), faults


def _columns(names: Sequence[str], rows: list[list[str]]) -> Texts:
    cells = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {n: pa.array(column, pa.string()) for n, column in zip(names, cells, strict=True)}


def _parquet_chunks(file: Found) -> Iterator[tuple[list[int], Texts, list[tuple[int, str, str]]]]:
    first = 1
    for batch in _parquet(file).iter_batches(BATCH_ROWS):
        texts = {n: _as_text(batch.column(n)) for n in batch.schema.names}
        yield list(range(first, first + batch.num_rows)), texts, []
        first += batch.num_rows


def _as_text(array: pa.Array) -> pa.Array:
    """Parquet has types of its own; as text they pass the same readers as CSV."""
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("s", array.type.tz), safe=False)
        text = pc.strftime(array, format="%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(text, "+00:00", "") if array.type.tz else text
    if pa.types.is_nested(array.type):
        return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def _typed(
    texts: Texts, how: dict[str, Reader], needed: Iterable[str]
) -> tuple[dict[str, pa.Array], dict[int, Fault]]:
    """Typed columns, and for each row at fault its first fault: column, value, reason."""
    values: dict[str, pa.Array] = {}
    bad: dict[int, Fault] = {}
    for name, read in how.items():
        if name in texts:
            values[name], faults = _converted(texts[name], read, is_needed=name in needed)
            for row, reason in faults.items():
                bad.setdefault(row, (name, texts[name][row].as_py(), reason))
    return values, bad


def _backward(values: dict[str, pa.Array], bad: Container[int]) -> dict[int, Fault]:
    """Intervals that end before they start."""
    if "start" not in values or "end" not in values:
        return {}
    pairs = zip(values["start"].to_pylist(), values["end"].to_pylist(), strict=True)
    return {
        row: ("end", end.isoformat(), "is not after start; mend one of them")
        for row, (start, end) in enumerate(pairs)
        if row not in bad and end <= start
    }


def _converted(
    texts: pa.Array, read: Reader, *, is_needed: bool
) -> tuple[pa.Array, dict[int, str]]:
    """Each distinct text is read once."""
    coded = texts.dictionary_encode()
    results, reasons = [], {}
    for place, text in enumerate(coded.dictionary.to_pylist()):
        try:
            results.append(None if text.strip() in NULLS else read(text.strip()))
        except ValueError as error:
            results.append(None)
            reasons[place] = str(error)
    empty = "is empty; this column is needed"
    places = coded.indices.to_pylist()
    faults = {row: reasons[place] for row, place in enumerate(places) if place in reasons}
    if is_needed:
        none = {place for place, value in enumerate(results) if value is None} | {None}
        faults |= {n: empty for n, p in enumerate(places) if p in none and n not in faults}
    return pa.array(results).take(coded.indices), faults


def _filled(rows: pa.Table, source: SourceSpec) -> pa.Table:
    """What a short file leaves out: platform, kind of subject."""
    defaults: dict[str, str] = {"platform": source.platform or "default"}
    if "subject_uid" in rows.column_names:
        defaults["subject_kind"] = DEFAULT_KIND
    for name, value in defaults.items():
        if name in rows.column_names:
            held = rows[name].cast(pa.string()).fill_null(value)
            rows = rows.set_column(rows.column_names.index(name), name, held)
        else:
            rows = rows.append_column(name, pa.array([value] * len(rows), pa.string()))
    return rows


def _placed(rows: pa.Table, table: str, window: Period, subjects: Subjects) -> Iterator[Seen]:
    """Rows of the window with their day, and the subjects they name."""
    if not len(rows):
        return
    if table == "subjects":
        subjects.declare(rows.to_pylist())
        return
    if table == "gpu_hours" and "reserved_s" not in rows.column_names:
        rows = hourly(rows)
    rows = _within(rows, table, window)
    if table == "gpu_supply":
        rows = _whole_supply(rows)
    if table == "gpu_hours":
        subjects.use(rows)
    if table in {"requests", "transfers"} and "subject_uid" in rows.column_names:
        subjects.name(rows.select([n for n in ("day", *SUBJECT) if n in rows.column_names]))
    if len(rows):
        names = [name for name in rows.column_names if name in SHAPES[table].types]
        yield seen(table, {name: rows[name] for name in names}, len(rows))


def _within(rows: pa.Table, table: str, window: Period) -> pa.Table:
    if table == "runs":
        ended = rows["ended_at"] if "ended_at" in rows.column_names else pa.nulls(len(rows))
        moment = pc.coalesce(ended.cast(pa.timestamp("us", "UTC")), rows["submitted_at"])
    elif table == "transfers":
        moment = pc.strptime(rows["day"], format="%Y-%m-%d", unit="us").cast(
            pa.timestamp("us", "UTC")
        )
    else:
        moment = rows["hour"]
    day = pc.strftime(moment, format="%Y-%m-%d")
    rows = rows.drop_columns(["day"]) if "day" in rows.column_names else rows
    inside = pc.and_(
        pc.greater_equal(moment, pa.scalar(window.start)), pc.less(moment, pa.scalar(window.end))
    )
    return rows.append_column("day", day).filter(inside)


def _whole_supply(rows: pa.Table) -> pa.Table:
    """Without a word on health, what is present is healthy; what is healthy is schedulable."""
    known: Any = rows["present_s"]
    for name in ("healthy_s", "schedulable_s"):
        if name in rows.column_names:
            held = pc.coalesce(rows[name].cast(pa.int64()), known)
            rows = rows.set_column(rows.column_names.index(name), name, held)
        else:
            rows = rows.append_column(name, known)
        known = rows[name]
    if "evidence" not in rows.column_names:
        rows = rows.append_column("evidence", pa.array(["file"] * len(rows)))
    return rows
