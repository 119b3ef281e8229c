"""The fact tables: Iceberg through pyiceberg. Whole files come and go; no row is rewritten."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import sqlalchemy as sa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.manifest import DataFile, DataFileContent
from pyiceberg.table import Table as IcebergTable

from watermaster.ledger.records import HEAD, LEDGER
from watermaster.ledger.shapes import iceberg_partitions, iceberg_schema, iceberg_type
from watermaster.model.errors import RefusedError, WatermasterError
from watermaster.model.shapes import SHAPES, Shape

NAMESPACE: Final = "facts"
KNOWN_SNAPSHOTS: Final = 64
Slice = tuple[str, ...]  # the values of a shape's slice_by, in order


def create_tables(catalog: Catalog, records: sa.Engine) -> None:
    """Create the fact tables that are missing, each with an empty first snapshot at head."""
    catalog.create_namespace_if_not_exists(NAMESPACE)
    with records.begin() as connection:
        if connection.execute(sa.select(LEDGER.c.id)).first() is None:
            connection.execute(LEDGER.insert().values(id=1, revision=0))
        known = set(connection.scalars(sa.select(HEAD.c.table_name)))
        for shape in SHAPES.values():
            if shape.name not in known:
                first = _first_snapshot(catalog, shape)
                row = HEAD.insert().values(table_name=shape.name, snapshot_id=first)
                connection.execute(row)


def _first_snapshot(catalog: Catalog, shape: Shape) -> int:
    # no flow can commit to a table that head does not name, so what is there is the empty one
    try:
        table = load(catalog, shape.name)
    except NoSuchTableError:
        schema = iceberg_schema(shape)
        partitions = iceberg_partitions(shape, schema)
        # bounds of the slice columns are what a plan needs; those of others only cost time
        metrics = {f"write.metadata.metrics.column.{name}": "full" for name in shape.slice_by}
        table = catalog.create_table(
            f"{NAMESPACE}.{shape.name}",
            schema,
            partition_spec=partitions,
            properties=metrics | {"write.metadata.metrics.default": "none"},
        )
    if table.current_snapshot() is None:
        table.append(pa.Table.from_batches([], schema=table.schema().as_arrow()))
    return current_snapshot_id(table)


def address_of(path: Path) -> str:
    """A local file as the catalogue names it: unquoted, as pyiceberg reads it."""
    return f"file://{path.absolute()}"


def path_of(address: str) -> Path:
    """The local file of an address."""
    return Path(address.removeprefix("file://"))


def load(catalog: Catalog, name: str) -> IcebergTable:
    """The table as the catalogue has it now."""
    return catalog.load_table(f"{NAMESPACE}.{name}")


def check_place(table: IcebergTable, lake: str) -> None:
    """Refuse to change files that are another home's: a copied one names those of the first."""
    here = "://" in lake or path_of(table.location()).resolve().is_relative_to(Path(lake).resolve())
    if not here:
        raise RefusedError(
            lake,
            f"its tables name files in {path_of(table.location()).parent}, because the home was "
            "copied or moved",
            "put the home back to that place; here it can only be read",
        )


def current_snapshot_id(table: IcebergTable) -> int:
    """The snapshot the table stands at."""
    snapshot = table.current_snapshot()
    if snapshot is None:
        raise WatermasterError(
            ".".join(table.name()), "the table has no snapshot", "run wm doctor --fix"
        )
    return snapshot.snapshot_id


def reset(table: IcebergTable, head: int) -> bool:
    """Put a table that stands ahead of head back to it; whether it had to be."""
    if current_snapshot_id(table) == head:
        return False
    table.manage_snapshots().rollback_to_snapshot(head).commit()
    return True


def replace_slices(
    table: IcebergTable, slices: Sequence[Slice], files: Sequence[str], run: str
) -> int:
    """Drop every file of `slices` and add `files`, in one Iceberg commit; the new snapshot."""
    properties = {"watermaster.run": run}
    replaced = set(slices)
    held = [file for key, file in _data_files(table, current_snapshot_id(table)) if key in replaced]
    with table.transaction() as change:
        if held:
            with change.update_snapshot(snapshot_properties=properties).overwrite() as gone:
                for file in held:
                    gone.delete_data_file(file)
        if files:
            change.add_files(
                list(files), snapshot_properties=properties, check_duplicate_files=False
            )
    return current_snapshot_id(table)


def files_at(
    table: IcebergTable, snapshot: int, slices: Sequence[Slice] | None = None
) -> list[tuple[str, Slice, int]]:
    """Address, slice and row count of each file at a snapshot, of all slices or of some."""
    wanted = None if slices is None else set(slices)
    return sorted(
        (file.file_path, key, file.record_count)
        for key, file in _data_files(table, snapshot)
        if wanted is None or key in wanted
    )


def _data_files(table: IcebergTable, snapshot: int) -> list[tuple[Slice, DataFile]]:
    """Every file with its slice, straight from the manifests: what a snapshot names never changes.

    A plan of pyiceberg asks each file about each value of a filter: 11 s for a year of days.
    """
    key = (str(table.metadata.table_uuid), snapshot)
    if key not in _KNOWN:
        while len(_KNOWN) >= KNOWN_SNAPSHOTS:
            _KNOWN.pop(next(iter(_KNOWN)), None)
        _KNOWN[key] = list(_read_manifests(table, snapshot))
    return _KNOWN[key]


_KNOWN: Final[dict[tuple[str, int], list[tuple[Slice, DataFile]]]] = {}


def _read_manifests(table: IcebergTable, snapshot: int) -> Iterator[tuple[Slice, DataFile]]:
    shape = SHAPES[table.name()[-1]]
    named = table.snapshot_by_id(snapshot)
    for manifest in named.manifests(table.io) if named else ():
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            file = entry.data_file
            if file.content is not DataFileContent.DATA:
                raise WatermasterError(
                    f"table {shape.name}",
                    "another program wrote row deletes into it",
                    "restore the table; only Watermaster may write facts",
                )
            yield tuple(file.partition[at] for at in range(len(shape.slice_by))), file


def add_columns(table: IcebergTable, columns: Mapping[str, str]) -> None:
    """Add the columns that are missing; nothing is ever renamed, dropped or retyped."""
    known = {field.name for field in table.schema().fields}
    missing = {name: kind for name, kind in columns.items() if name not in known}
    if missing:
        with table.update_schema() as change:
            for name, kind in missing.items():
                change.add_column(name, iceberg_type(kind))


def tag(table: IcebergTable, snapshot: int, name: str) -> None:
    """Keep a snapshot for ever under a name; a name an unfinished run left is moved."""
    held = table.refs().get(name)
    if held is not None and held.snapshot_id == snapshot:
        return
    change = table.manage_snapshots()
    if held is not None:
        change = change.remove_tag(name)
    change.create_tag(snapshot, name).commit()
