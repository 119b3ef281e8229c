"""Write facts and records: files first, then Iceberg, then head, revision and audit in one go."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import duckdb
import sqlalchemy as sa

from watermaster.ledger.audit import append_audit
from watermaster.ledger.files import Written, write_files
from watermaster.ledger.head import Head, head_of, move_head, read_head
from watermaster.ledger.lake import (
    Slice,
    add_columns,
    check_place,
    load,
    path_of,
    replace_slices,
    reset,
)
from watermaster.ledger.lock import write_lock
from watermaster.ledger.open import Ledger
from watermaster.ledger.storage import FAILURES, told
from watermaster.model.events import Step, Tell
from watermaster.model.shapes import SHAPES
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
    pending: dict[str, tuple[list[Slice], list[str]]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

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

    def write(self, name: str, rows: Table, *, one_slice: bool = False) -> Written:
        """Write `rows` to files of their slices; nobody sees them until `swap` and the commit.

        rows: the table's columns, times naive in UTC. one_slice: all rows lie in one slice.
        """
        self.add_columns(name, SHAPES[name].types)
        table = load(self.ledger.catalog, name)
        written = write_files(self.ledger, table, rows, self.run, one_slice=one_slice)
        self.files.extend(written.files)
        self.tell(Step(f"{self.action}.{name}-written"))
        return written

    def swap(self, name: str, slices: Sequence[Slice], written: Written | None) -> None:
        """At the commit, let `slices` of a table hold what was written and nothing else."""
        held_slices, held_files = self.pending.get(name, ([], []))
        files = written.files if written else []
        self.pending[name] = ([*held_slices, *slices], [*held_files, *files])


@contextmanager
def begin(ledger: Ledger, action: str, actor: str, tell: Tell) -> Iterator[Work]:
    """Hold the write lock, put strays back to head, and commit all of it or nothing."""
    with (
        told(ledger.home, duckdb.Error),
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
        table = load(ledger.catalog, name)
        check_place(table, ledger.lake)
        reset(table, snapshot)


def _commit(work: Work, actor: str) -> None:
    moved = {}
    for name, (slices, files) in sorted(work.pending.items()):
        table = load(work.ledger.catalog, name)
        moved[name] = replace_slices(table, slices, files, work.run)
        work.tell(Step(f"{work.action}.{name}-committed"))
    revision = move_head(work.connection, work.head, moved)
    detail = {"revision": revision, "run": work.run, "snapshots": moved} | work.detail
    append_audit(work.connection, work.at(), actor, work.action, detail)
    work.tell(Step(f"{work.action}.head-ready"))
    work.connection.commit()
    work.tell(Step(f"{work.action}.head-moved"))


def _forget(work: Work) -> None:
    """Undo what can be undone now; what a killed process leaves, the next writer resets."""
    work.connection.rollback()
    if read_head(work.ledger.records).revision == work.revision:
        return  # it was committed; what failed came after
    for file in work.files:  # first, since a full disk needs room to put tables back
        path_of(file).unlink(missing_ok=True)
    for folder in {path_of(file).parent for file in work.files}:
        with suppress(OSError):
            folder.rmdir()
    with suppress(*FAILURES, duckdb.Error):  # then the next writer does it
        _reset_strays(work.ledger, work.head)
