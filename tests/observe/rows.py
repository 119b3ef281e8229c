"""Rows a connector yields, as plain text that a golden file can hold."""

import datetime as dt
import importlib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from watermaster.model.events import Event, tell_nobody
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import schema_of
from watermaster.units.periods import Period, parse_month

ROOT = Path(__file__).parents[2]
YEAR = Period(parse_month("2026-01").start, parse_month("2027-01").start)


def source(kind: str, location: object, **more: Any) -> SourceSpec:
    return SourceSpec(type=kind, location=str(location), **more)


def seen_by(
    spec: SourceSpec, window: Period = YEAR, told: list[Event] | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Rows by table, through the door that pyproject.toml names for the type."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, name = project["entry-points"]["watermaster.observe"][spec.type].split(":")
    observe = getattr(importlib.import_module(module), name)
    return tables(observe(spec, window, tell_nobody if told is None else told.append))


def written_later(folder: Path) -> Path:
    """Files whose clock says the end of the year, whatever the clock here says."""
    for path in folder.rglob("*"):
        os.utime(path, (YEAR.end.timestamp(), YEAR.end.timestamp()))
    return folder


def tables(found: Iterable[Seen]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        assert one.rows.schema == schema_of(one.table)
        assert isinstance(one.rows, pa.RecordBatch)
        rows.setdefault(one.table, []).extend(one.rows.to_pylist())
    return rows


def as_lines(rows: Mapping[str, list[dict[str, Any]]]) -> str:
    """One JSON line per row, without nulls, sorted; what golden files hold."""
    lines = [
        json.dumps({"table": table} | {k: plain(v) for k, v in row.items() if v is not None})
        for table, held in sorted(rows.items())
        for row in held
    ]
    return "\n".join(sorted(lines)) + "\n"


def plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def hours_of(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """The named columns of rows, hours as short text, sorted."""
    short = [{k: plain(v) for k, v in row.items()} for row in rows]
    return sorted((tuple(row[name] for name in names) for row in short), key=str)
