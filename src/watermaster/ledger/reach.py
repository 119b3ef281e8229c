"""Which snapshots and files of the lake somebody may still ask for, and which nobody does."""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from pyiceberg.table import Table as IcebergTable

from watermaster.ledger.head import head_of
from watermaster.ledger.lake import NAMESPACE, current_snapshot_id, load, path_of
from watermaster.ledger.open import Ledger
from watermaster.ledger.records import CLOSES, DECISIONS

KEPT_SNAPSHOTS: Final = 20  # of each table: ten changes, each of which drops files and adds some
KEPT_AGE: Final = dt.timedelta(days=1)  # a reader may be at work on any younger one


def named_snapshots(connection: sa.Connection) -> dict[str, set[int]]:
    """By table: what head, a close, or the newest decision on a subject was read from."""
    named: defaultdict[str, set[int]] = defaultdict(set)
    for table, snapshot in head_of(connection).snapshots.items():
        named[table].add(snapshot)
    for text in connection.scalars(sa.select(CLOSES.c.snapshots)):
        for table, snapshot in json.loads(text).items():
            named[table].add(snapshot)
    newest = sa.select(sa.func.max(DECISIONS.c.id)).group_by(
        DECISIONS.c.action, DECISIONS.c.subject
    )
    query = sa.select(DECISIONS.c.action, DECISIONS.c.inputs).where(DECISIONS.c.id.in_(newest))
    for action, text in connection.execute(query):
        for table, snapshot in json.loads(text).get("snapshots", {}).items():
            # an allocation does not rest on the allocations before it
            if (action, table) != ("allocate", "allocations"):
                named[table].add(snapshot)
    return dict(named)


def expired_snapshots(table: IcebergTable, named: set[int], now: dt.datetime) -> list[int]:
    """Snapshots that nothing names and that are old, or that never were at head."""
    kept = named | {ref.snapshot_id for ref in table.metadata.refs.values()}
    line = list(_ancestors(table))
    young_ms = int((now - KEPT_AGE).timestamp() * 1000)
    when = {one.snapshot_id: one.timestamp_ms for one in table.metadata.snapshots}
    kept |= set(line[:KEPT_SNAPSHOTS]) | {one for one in line if when[one] >= young_ms}
    return sorted(when.keys() - kept)


def reachable_files(table: IcebergTable) -> set[Path]:
    """Every file that the table's metadata names, of any snapshot it still has."""
    named = {table.metadata_location, *(one.metadata_file for one in table.metadata.metadata_log)}
    manifests = {}
    for snapshot in table.metadata.snapshots:
        named.add(snapshot.manifest_list)
        manifests.update({one.manifest_path: one for one in snapshot.manifests(table.io)})
    named |= manifests.keys()
    for manifest in manifests.values():
        entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
        named |= {entry.data_file.file_path for entry in entries}
    return {path_of(address) for address in named}


def orphan_files(ledger: Ledger) -> list[Path]:
    """Files in the tables' folders that no metadata names: what a killed writer left behind."""
    found: list[Path] = []
    for _, name in ledger.catalog.list_tables(NAMESPACE):
        table = load(ledger.catalog, name)
        here = {path for path in path_of(table.location()).rglob("*") if path.is_file()}
        found.extend(sorted(here - reachable_files(table)))
    return found


def empty_folders(ledger: Ledger) -> Iterator[Path]:
    """Folders of runs that hold nothing any more; an emptied parent comes after its children."""
    for _, name in ledger.catalog.list_tables(NAMESPACE):
        data = path_of(load(ledger.catalog, name).location()) / "data"
        for folder in sorted(data.rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                yield folder


def missing_files(table: IcebergTable, snapshot: int) -> dict[Path, str]:
    """Files a snapshot names that are not there or have another size, each with its slice."""
    found = {}
    for task in table.scan(snapshot_id=snapshot).plan_files():
        path = path_of(task.file.file_path)
        if not path.is_file() or path.stat().st_size != task.file.file_size_in_bytes:
            found[path] = "/".join(
                str(task.file.partition[i]) for i in range(len(table.spec().fields))
            )
    return found


def _ancestors(table: IcebergTable) -> Iterator[int]:
    """The line of snapshots from the present one back."""
    parents = {one.snapshot_id: one.parent_snapshot_id for one in table.metadata.snapshots}
    one: int | None = current_snapshot_id(table)
    while one is not None and one in parents:
        yield one
        one = parents[one]
