"""Read facts: the one function through which files become tables. Times come out naive, in UTC."""

from collections.abc import Sequence

import ibis

from watermaster.ledger.engine import NOTHING, exactly
from watermaster.ledger.files import rule_name
from watermaster.ledger.head import Head
from watermaster.ledger.lake import Slice, files_at, load, path_of
from watermaster.ledger.open import Ledger
from watermaster.ledger.times import epoch_us, make_timestamp
from watermaster.model.shapes import SHAPES, TIME
from watermaster.model.tables import Table


def read(ledger: Ledger, head: Head, name: str, slices: Sequence[Slice] | None = None) -> Table:
    """One fact table at head: its shape's and all later columns, null where a file has none."""
    iceberg = load(ledger.catalog, name)
    files = [path for path, _, _ in files_at(iceberg, head.snapshots[name], slices)]
    return read_files(ledger, name, files)


def read_files(ledger: Ledger, name: str, files: Sequence[str]) -> Table:
    """Files of one fact table, by their addresses, as `read` gives them."""
    schema = load(ledger.catalog, name).schema()
    types = SHAPES[name].types | {
        field.name: rule_name(str(field.field_type)) for field in schema.fields
    }
    if not files:
        return _nothing(ledger, types)
    paths = [exactly(path_of(file)) for file in files]
    return naive(ledger.engine.read_parquet(paths, union_by_name=True), types)


def naive(stored: Table, types: dict[str, str]) -> Table:
    """Files as written become a table as rules see it."""
    held = stored.schema()

    def column(name: str, kind: str) -> ibis.Value:
        if name not in held:
            return ibis.null(_rule_type(kind)).name(name)
        if kind == TIME:
            return make_timestamp(epoch_us(stored[name])).name(name)
        wanted = _rule_type(kind)
        value = stored[name]
        return (value if held[name] == ibis.dtype(wanted) else value.cast(wanted)).name(name)

    return stored.select(*(column(name, kind) for name, kind in types.items()))


def _nothing(ledger: Ledger, types: dict[str, str]) -> Table:
    columns = [ibis.null(_rule_type(kind)).name(name) for name, kind in types.items()]
    return ledger.engine.table(NOTHING).select(*columns)


def _rule_type(kind: str) -> str:
    return "timestamp" if kind == TIME else kind
