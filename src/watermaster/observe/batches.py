"""Rows of one fact table as an Arrow record batch, with the types of model/shapes.py."""

import datetime as dt
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from watermaster.model.seen import ACCESS_SCHEMA, ACCESSES, Seen
from watermaster.model.shapes import SHAPES, TIME

BATCH_ROWS: Final = 50_000
VALUE_LENGTH: Final = 200  # characters of a rejected value that are kept
Row = Mapping[str, Any]
_TYPES: Final = {
    "string": pa.string(),
    "int64": pa.int64(),
    TIME: pa.timestamp("us", tz="UTC"),
}


@functools.cache
def schema_of(table: str) -> pa.Schema:
    """The columns a connector gives: those of the table without `source`."""
    if table == ACCESSES:
        return ACCESS_SCHEMA
    types = SHAPES[table].types
    return pa.schema([(n, _TYPES[t]) for n, t in types.items() if n != "source"])


def seen(table: str, columns: Mapping[str, Any], rows: int) -> Seen:
    """Columns (arrays or lists) as one batch; a column that is not given is null."""
    schema = schema_of(table)
    arrays = [_array(columns.get(field.name), field.type, rows) for field in schema]
    return Seen(table, pa.RecordBatch.from_arrays(arrays, schema=schema))


def _array(values: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, kind)
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return array if array.type == kind else array.cast(kind)


def seen_rows(table: str, rows: Sequence[Row]) -> Iterator[Seen]:
    """Rows as dictionaries, in batches; nothing when there are none."""
    schema = schema_of(table)
    for start in range(0, len(rows), BATCH_ROWS):
        some = rows[start : start + BATCH_ROWS]
        columns = [pa.array([row.get(f.name) for row in some], f.type) for f in schema]
        yield Seen(table, pa.RecordBatch.from_arrays(columns, schema=schema))


def rejection(told: tuple[str, str], row: int, column: str, value: object, reason: str) -> Row:
    """One row of `rejected`. told: delivery (16 digits of the file's sha256) and file name."""
    delivery, file = told
    text = None if value is None else str(value)[:VALUE_LENGTH]
    return {
        "delivery": delivery,
        "file": file,
        "row": row,
        "column": column,
        "value": text,
        "reason": reason,
    }


def days_of(first_s: int, last_s: int) -> Iterator[str]:
    """Every UTC day from the one of `first_s` to the one of `last_s` (epoch seconds)."""
    for day in range(first_s // 86400, last_s // 86400 + 1):
        yield day_text(day * 86400)


def each_day(first_s: int, last_s: int) -> Iterator[dict[str, Any]]:
    """`day`, `first_seen` and `last_seen` for each UTC day between two moments; none when the
    second is before the first.
    """
    for begins in range(first_s - first_s % 86400, last_s + 1, 86400):
        seen_s = max(first_s, begins), min(last_s, begins + 86399)
        times = {"first_seen": moment(seen_s[0]), "last_seen": moment(seen_s[1])}
        yield {"day": day_text(begins)} | times


def day_text(moment_s: int) -> str:
    """YYYY-MM-DD of a moment in epoch seconds, UTC."""
    return _day_text(moment_s // 86400)


@functools.lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


def moment(epoch_s: int | None) -> dt.datetime | None:
    """Epoch seconds as UTC; None stays None."""
    return None if epoch_s is None else dt.datetime.fromtimestamp(epoch_s, dt.UTC)


def canonical(labels: Mapping[str, str] | Iterable[tuple[str, str]]) -> str | None:
    """Labels as canonical JSON with sorted keys; None when there are none."""
    held = dict(labels)
    return json.dumps(held, sort_keys=True, separators=(",", ":")) if held else None
