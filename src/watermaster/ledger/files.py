"""Rows become Parquet files, each of exactly one slice."""

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis
import pyarrow.parquet as pq
from pyiceberg.table import Table as IcebergTable

from watermaster.ledger.lake import Slice, address_of, path_of
from watermaster.ledger.open import Ledger
from watermaster.ledger.times import epoch_us, make_timestamptz
from watermaster.model.errors import WatermasterError
from watermaster.model.shapes import SHAPES, TIME
from watermaster.model.tables import Column, Table


@dataclass(frozen=True, slots=True)
class Written:
    """Files not yet seen by anybody: rows by slice, and the address of each file."""

    rows: dict[Slice, int]
    files: list[str]

    def __or__(self, other: "Written") -> "Written":
        """Both together."""
        rows = {
            key: self.rows.get(key, 0) + other.rows.get(key, 0) for key in self.rows | other.rows
        }
        return Written(rows, [*self.files, *other.files])


def write_files(
    ledger: Ledger, table: IcebergTable, rows: Table, run: str, *, one_slice: bool
) -> Written:
    """Write rows, as rules see them, as the table stores them; on a failure leave nothing."""
    shape = SHAPES[table.name()[-1]]
    folder = path_of(table.location()) / "data" / run
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{secrets.token_hex(8)}.parquet"
    spread = {"partition_by": shape.slice_by, "write_partition_columns": True}
    try:
        ledger.engine.to_parquet(
            _stored(table, rows), target, compression="zstd", **({} if one_slice else spread)
        )
        return _by_slice(shape.slice_by, _flat(target))
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        if target.is_file():
            target.unlink()
        raise


def _flat(target: Path) -> list[Path]:
    """Partition folders carry values in their names; ours would be read as URLs and break."""
    if not target.is_dir():
        return [target]
    written = sorted(target.rglob("*.parquet"))
    moved = [path.rename(target.parent / f"{secrets.token_hex(8)}.parquet") for path in written]
    shutil.rmtree(target)
    return moved


def _by_slice(names: Sequence[str], paths: Sequence[Path]) -> Written:
    """Which slice each file is of, read off the file; a file without rows is dropped."""
    rows: dict[Slice, int] = {}
    files = []
    for path in paths:
        held = pq.ParquetFile(path)
        if not held.metadata.num_rows:
            path.unlink()
            continue
        first = held.read_row_group(0, columns=list(names)).slice(0, 1).to_pylist()[0]
        key = tuple(first[name] for name in names)
        rows[key] = rows.get(key, 0) + held.metadata.num_rows
        files.append(address_of(path))
    return Written(rows, files)


def _stored(table: IcebergTable, rows: Table) -> Table:
    """Every column of the table, in its exact type and order; times zoned."""
    held = rows.schema()
    kinds = {field.name: rule_name(str(field.field_type)) for field in table.schema().fields}
    unknown = sorted(set(held) - set(kinds))
    if unknown:
        name = table.name()[-1]
        raise WatermasterError(f"table {name}", f"has no column {', '.join(unknown)}", "add it")

    def column(name: str, kind: str) -> Column:
        if name not in held:
            return ibis.null(kind).name(name)
        if kind == TIME:
            return make_timestamptz(epoch_us(rows[name])).name(name)
        value = rows[name]
        return (value if held[name] == ibis.dtype(kind) else value.cast(kind)).name(name)

    return rows.select(*(column(name, kind) for name, kind in kinds.items()))


def rule_name(iceberg: str) -> str:
    """An Iceberg type as model/shapes.py writes it."""
    return {"long": "int64", "double": "float64", "timestamptz": TIME}.get(iceberg, iceberg)
