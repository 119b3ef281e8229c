"""Write facts and records: files first, then Iceberg, then head, revision and audit in one go."""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import pyarrow.parquet as pq
import sqlalchemy as sa
from pyiceberg.table import Table as IcebergTable

from watermaster.ledger.audit import append_audit
from watermaster.ledger.head import Head, head_of, move_head
from watermaster.ledger.lake import (
    Slice,
    add_columns,
    address_of,
    load,
    path_of,
    replace_slices,
    reset,
)
from watermaster.ledger.lock import write_lock
from watermaster.ledger.open import Ledger
from watermaster.model.errors import WatermasterError
from watermaster.model.events import Step, Tell
from watermaster.model.shapes import SHAPES, TIME
from watermaster.model.tables import Table


@dataclass
class Work:
    """One change of the ledger, invisible until it is whole."""

    ledger: Ledger
    action: str
    tell: Tell
    connection: sa.Connection
    head: Head
    run: str
    detail: dict[str, object] = field(default_factory=dict)  # what the audit row will say
    _pending: dict[str, tuple[list[Slice], list[str]]] = field(default_factory=dict)

    @property
    def revision(self) -> int:
        """The revision this change will have."""
        return self.head.revision + 1

    def at(self) -> str:
        """The moment of the change, as records keep it."""
        return self.ledger.clock().isoformat()

    def add_columns(self, name: str, columns: Mapping[str, str]) -> None:
        """Make sure a fact table has these columns."""
        add_columns(load(self.ledger.catalog, name), columns)

    def replace(self, name: str, slices: Sequence[Slice], rows: Table | None) -> int:
        """Let `slices` of a table hold `rows` and nothing else; how many rows.

        rows: the table's columns, times naive in UTC; every row lies in one of `slices`.
        """
        table = load(self.ledger.catalog, name)
        files, count = _write_files(self, table, slices, rows) if rows is not None else ([], 0)
        held_slices, held_files = self._pending.get(name, ([], []))
        self._pending[name] = ([*held_slices, *slices], [*held_files, *files])
        self.tell(Step(f"{self.action}.{name}-written"))
        return count


@contextmanager
def begin(ledger: Ledger, action: str, actor: str, tell: Tell) -> Iterator[Work]:
    """Hold the write lock, put strays back to head, and commit all of it or nothing."""
    with (
        write_lock(ledger.lock_path, action, ledger.config.lock_wait_s),
        ledger.records.connect() as connection,
    ):
        head = head_of(connection)
        _reset_strays(ledger, head)
        run = f"{action}-{head.revision + 1}-{secrets.token_hex(4)}"
        work = Work(ledger, action, tell, connection, head, run)
        tell(Step(f"{action}.begun"))
        try:
            yield work
            _commit(work, actor)
        except BaseException:
            _forget(work)
            raise
    tell(Step(f"{action}.done"))


def _reset_strays(ledger: Ledger, head: Head) -> None:
    for name, snapshot in head.snapshots.items():
        reset(load(ledger.catalog, name), snapshot)


def _commit(work: Work, actor: str) -> None:
    moved = {}
    for name, (slices, files) in sorted(work._pending.items()):  # noqa: SLF001  # its own part
        table = load(work.ledger.catalog, name)
        moved[name] = replace_slices(table, slices, files, work.run)
        work.tell(Step(f"{work.action}.{name}-committed"))
    revision = move_head(work.connection, work.head, moved)
    detail = {"revision": revision, "run": work.run, "snapshots": moved} | work.detail
    append_audit(work.connection, work.at(), actor, work.action, detail)
    work.tell(Step(f"{work.action}.head-ready"))
    work.connection.commit()
    work._pending.clear()  # noqa: SLF001
    work.tell(Step(f"{work.action}.head-moved"))


def _forget(work: Work) -> None:
    """Undo what can be undone now; what a killed process leaves, the next writer resets."""
    work.connection.rollback()
    if work._pending:  # noqa: SLF001
        _reset_strays(work.ledger, work.head)
    for _, files in work._pending.values():  # noqa: SLF001
        for file in files:
            path_of(file).unlink(missing_ok=True)


def _write_files(
    work: Work, table: IcebergTable, slices: Sequence[Slice], rows: Table
) -> tuple[list[str], int]:
    name = table.name()[-1]
    folder = path_of(table.location()) / "data" / work.run
    folder.mkdir(parents=True, exist_ok=True)
    stored = _stored(table, rows)
    target = folder / f"{secrets.token_hex(8)}.parquet"
    spread = {"partition_by": SHAPES[name].slice_by, "write_partition_columns": True}
    try:
        work.ledger.engine.to_parquet(
            stored, target, compression="zstd", **(spread if len(slices) > 1 else {})
        )
        return _with_rows(_flat(target))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _flat(target: Path) -> list[Path]:
    """Partition folders carry values in their names; ours would be read as URLs and break."""
    if not target.is_dir():
        return [target]
    written = sorted(target.rglob("*.parquet"))
    return [path.rename(target.parent / f"{secrets.token_hex(8)}.parquet") for path in written]


def _with_rows(paths: Sequence[Path]) -> tuple[list[str], int]:
    """The files that hold rows, as addresses, and how many rows they hold."""
    counts = {path: pq.read_metadata(path).num_rows for path in paths}
    for path, count in counts.items():
        if not count:
            path.unlink()
    held = [address_of(path) for path, count in counts.items() if count]
    return held, sum(counts.values())


@ibis.udf.scalar.builtin(signature=((ibis.dtype("int64"),), ibis.dtype(TIME)))
def make_timestamptz(us: int) -> object:
    """The zoned time of microseconds since 1970."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(signature=((ibis.dtype("timestamp"),), ibis.dtype("int64")))
def epoch_us(moment: object) -> int:
    """Microseconds since 1970."""
    raise NotImplementedError


def _stored(table: IcebergTable, rows: Table) -> Table:
    """Rows as rules see them become files as stored: every column, its exact type, in order."""
    held = rows.schema()
    unknown = set(held) - {field.name for field in table.schema().fields}
    if unknown:
        raise WatermasterError(
            f"table {table.name()[-1]}", f"has no column {', '.join(sorted(unknown))}", "add it"
        )

    def column(name: str, kind: str) -> ibis.Value:
        if name not in held:
            return ibis.null(kind).name(name)
        if kind == TIME:
            return make_timestamptz(epoch_us(rows[name])).name(name)
        value = rows[name]
        return (value if held[name] == ibis.dtype(kind) else value.cast(kind)).name(name)

    return rows.select(*(column(f.name, _type(str(f.field_type))) for f in table.schema().fields))


def _type(iceberg: str) -> str:
    return {"long": "int64", "double": "float64", "timestamptz": TIME}.get(iceberg, iceberg)
