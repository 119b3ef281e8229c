"""What can be wrong with a ledger on disk, and mending what can be mended."""

import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from watermaster.ledger.audit_breaks import audit_cells, broken_links
from watermaster.ledger.head import head_of
from watermaster.ledger.lake import check_place, current_snapshot_id, load, reset
from watermaster.ledger.lock import holder_now
from watermaster.ledger.migrate import NEWEST
from watermaster.ledger.open import Ledger
from watermaster.ledger.reach import (
    empty_folders,
    expired_snapshots,
    missing_files,
    named_snapshots,
    orphan_files,
)
from watermaster.ledger.records import AUDIT, CLOSES
from watermaster.ledger.sealed import detail_of
from watermaster.ledger.spill import leftovers
from watermaster.model.checkup import Finding, Health
from watermaster.model.errors import RefusedError
from watermaster.model.shapes import SHAPES

LOW_BYTES: Final = 1 << 30  # less free space than this is worth a word
FULL_BYTES: Final = 64 << 20  # less than this and the next write may fail
PACKAGES: Final = ("watermaster", "duckdb", "ibis-framework", "pyiceberg", "pyarrow", "sqlalchemy")
TIDY: Final = "wm doctor --fix removes them"
RESTORE: Final = "restore it from a backup, or take the slice in again with wm ingest --replace"


def examine(ledger: Ledger) -> list[Finding]:
    """Every check, in the order a person would go: the house, the records, the facts, leftovers."""
    with ledger.records.connect() as connection:
        records = [_records(connection), _chain(connection), _follows(connection)]
        facts = [*_heads(ledger, connection), *_closes(ledger, connection)]
        faults = [one for one in facts if one.health is Health.FAULT]
        house = [_versions(), _disk(ledger), _writer(ledger)]
        if faults:  # what nobody names cannot be told while what is named cannot be read
            return [*house, *records, *facts, *_spill(ledger)]
        tidy = [_expired(ledger, connection), _orphans(ledger), *_spill(ledger)]
    return [*house, *records, *(facts or [_all_there()]), *tidy]


@dataclass
class Mended:
    """What was done, one sentence each."""

    told: list[str] = field(default_factory=list)
    freed_bytes: int = 0


def mend(ledger: Ledger) -> Mended:
    """Put tables back to head, forget old snapshots, remove leftovers. Hold the write lock."""
    done = Mended()
    with ledger.records.connect() as connection:
        head, named = head_of(connection), named_snapshots(connection)
    for name, snapshot in head.snapshots.items():
        table = load(ledger.catalog, name)
        check_place(table, ledger.lake)
        if reset(table, snapshot):
            done.told.append(f"table {name}: put back to head")
        old = expired_snapshots(table, named.get(name, set()), ledger.clock())
        if old:
            table.maintenance.expire_snapshots().by_ids(old).commit()
            done.told.append(f"table {name}: {_count(len(old), 'snapshot')} forgotten")
    _remove(done, orphan_files(ledger), "orphan file")
    for folder in empty_folders(ledger):
        folder.rmdir()
    _remove(done, leftovers(ledger.home), "leftover of a killed process")
    return done


def _remove(done: Mended, paths: list[Path], what: str) -> None:
    if not paths:
        return
    size = sum(size_bytes(path) for path in paths)
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    done.freed_bytes += size
    done.told.append(f"{_count(len(paths), what)} removed, {_mib(size)}")


def size_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_dir():
        return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    return path.stat().st_size


def _versions() -> Finding:
    parts = [f"{name} {_version(name)}" for name in PACKAGES]
    machine = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return _good("versions", f"{', '.join(parts)}, {machine}")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "from its source"


def _disk(ledger: Ledger) -> Finding:
    free = min(shutil.disk_usage(place).free for place in _places(ledger))
    text = f"{_mib(free)} free for {ledger.home}"
    if free >= LOW_BYTES:
        return _good("disk", text)
    health = Health.FAULT if free < FULL_BYTES else Health.NOTE
    return Finding(check="disk", health=health, what=text, fix="make room", size_bytes=free)


def _places(ledger: Ledger) -> Iterator[Path]:
    yield ledger.home
    if ledger.config.lake and "://" not in ledger.config.lake:
        yield Path(ledger.config.lake)


def _writer(ledger: Ledger) -> Finding:
    if not os.access(ledger.home, os.W_OK):
        what = f"{ledger.home} cannot be written by this user"
        return Finding(check="lock", health=Health.FAULT, what=what, fix="give it to this user")
    holder = holder_now(ledger.lock_path)
    if holder is None:
        return _good("lock", "nobody is writing")
    return Finding(check="lock", health=Health.NOTE, what=f"{holder} is writing; its files are new")


def _records(connection: sa.Connection) -> Finding:
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    if found == NEWEST:
        return _good("records", f"migrated to {found}, as this version needs")
    what = f"migrated to {found}, this version needs {NEWEST}"
    return _fault("records", what, "run this command with the newest Watermaster")


def _chain(connection: sa.Connection) -> Finding:
    broken = broken_links(connection)
    count = connection.scalar(sa.select(sa.func.count()).select_from(AUDIT))
    if not broken:
        return _good("audit", f"all {count} rows follow from each other")
    rows = ", ".join(str(seq) for seq in broken[:10])
    return _fault("audit", f"row {rows} does not follow from the one before", "see wm audit verify")


def _follows(connection: sa.Connection) -> Finding:
    """Whether head stands where the audit log says it was put."""
    head = head_of(connection)
    told: dict[str, int] = {}
    revision = 0
    for row in audit_cells(connection):
        detail = detail_of(row["detail"])
        revision = detail.get("revision", revision)
        told |= detail.get("snapshots", {})
    other = sorted(name for name, one in told.items() if head.snapshots.get(name) != one)
    if revision == head.revision and not other:
        return _good("head", f"revision {head.name}, as the audit log says")
    what = f"stands at {head.name}, the audit log ends at r{revision}"
    if other:
        what += f"; other snapshots than logged: {', '.join(other)}"
    return _fault("head", what, "restore records.db from a backup")


def _heads(ledger: Ledger, connection: sa.Connection) -> Iterator[Finding]:
    head = head_of(connection)
    for name in SHAPES.keys() - head.snapshots.keys():
        yield _fault(
            name, "head does not name the table", "run wm init, which adds what is missing"
        )
    for name, snapshot in sorted(head.snapshots.items()):
        yield from _table(ledger, name, snapshot)


def _table(ledger: Ledger, name: str, snapshot: int) -> Iterator[Finding]:
    try:
        table = load(ledger.catalog, name)
        check_place(table, ledger.lake)
        if table.snapshot_by_id(snapshot) is None:
            yield _fault(name, f"snapshot {snapshot}, which head names, is gone", RESTORE)
            return
        if current_snapshot_id(table) != snapshot:
            what = "stands ahead of head: a writer was stopped; readers do not see it"
            fix = "the next writer, or wm doctor --fix, puts it back"
            yield Finding(check=name, health=Health.NOTE, what=what, fix=fix)
        yield from _missing(name, missing_files(table, snapshot))
    except RefusedError as error:
        yield _fault(name, error.what, error.fix)
    except OSError as error:
        yield _fault(name, f"its metadata cannot be read ({error})", RESTORE)


def _missing(name: str, found: dict[Path, str]) -> Iterator[Finding]:
    if found:
        slices = ", ".join(sorted(set(found.values()))[:5])
        what = f"{_count(len(found), 'file')} missing or cut short, of {slices}"
        yield Finding(
            check=name, health=Health.FAULT, what=what, fix=RESTORE,
            paths=[str(path) for path in found],
        )  # fmt: skip


def _closes(ledger: Ledger, connection: sa.Connection) -> Iterator[Finding]:
    for close in connection.execute(sa.select(CLOSES).order_by(CLOSES.c.month)):
        for name, snapshot in sorted(json.loads(close.snapshots).items()):
            table = load(ledger.catalog, name)
            if table.snapshot_by_id(snapshot) is None:
                yield _fault(close.id, f"table {name} has lost its snapshot {snapshot}", RESTORE)
            else:
                yield from _missing(f"{close.id}, {name}", missing_files(table, snapshot))


def _all_there() -> Finding:
    return _good("facts", "every table stands at head and every file it names is there")


def _expired(ledger: Ledger, connection: sa.Connection) -> Finding:
    named, now = named_snapshots(connection), ledger.clock()
    tables = {name: load(ledger.catalog, name) for name in head_of(connection).snapshots}
    count = sum(
        len(expired_snapshots(table, named.get(name, set()), now)) for name, table in tables.items()
    )
    if not count:
        return _good("snapshots", "none is older than needed")
    what = f"{_count(count, 'snapshot')} that no head, close or decision names"
    return Finding(check="snapshots", health=Health.NOTE, what=what, fix=TIDY)


def _orphans(ledger: Ledger) -> Finding:
    return _leftover("orphans", "file", "in the lake that nothing names", orphan_files(ledger))


def _spill(ledger: Ledger) -> Iterator[Finding]:
    yield _leftover("spill", "leftover", "of killed processes", leftovers(ledger.home))


def _leftover(check: str, noun: str, where: str, paths: list[Path]) -> Finding:
    if not paths:
        return _good(check, "none")
    size = sum(size_bytes(path) for path in paths)
    return Finding(
        check=check, health=Health.NOTE, fix=TIDY, size_bytes=size,
        what=f"{_count(len(paths), noun)} {where}, {_mib(size)}",
        paths=[str(path) for path in paths],
    )  # fmt: skip


def _good(check: str, what: str) -> Finding:
    return Finding(check=check, health=Health.GOOD, what=what)


def _fault(check: str, what: str, fix: str) -> Finding:
    return Finding(check=check, health=Health.FAULT, what=what, fix=fix)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
