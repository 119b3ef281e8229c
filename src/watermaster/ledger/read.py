"""Read facts: the one function through which files become tables. Times come out naive, in UTC."""

from collections.abc import Sequence

import ibis
import ibis.expr.datatypes as dt

from watermaster.ledger.engine import NOTHING
from watermaster.ledger.head import Head
from watermaster.ledger.lake import Slice, files_at, load, path_of
from watermaster.ledger.open import Ledger
from watermaster.model.shapes import TIME
from watermaster.model.tables import Table


@ibis.udf.scalar.builtin(signature=((dt.timestamp,), dt.int64))
def epoch_us(moment: object) -> int:
    """Microseconds since 1970; costs nothing, where a cast of a zoned time asks a calendar."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(signature=((dt.int64,), dt.timestamp))
def make_timestamp(us: int) -> object:
    """The naive UTC time of microseconds since 1970."""
    raise NotImplementedError


def read(ledger: Ledger, head: Head, name: str, slices: Sequence[Slice] | None = None) -> Table:
    """One fact table at head, all columns of its present schema, null where a file has none."""
    iceberg = load(ledger.catalog, name)
    types = {field.name: _ibis_type(str(field.field_type)) for field in iceberg.schema().fields}
    paths = [str(path_of(path)) for path, _ in files_at(iceberg, head.snapshots[name], slices)]
    if not paths:
        return _nothing(ledger, types)
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


def _ibis_type(iceberg: str) -> str:
    return {"long": "int64", "double": "float64", "timestamptz": TIME}.get(iceberg, iceberg)
