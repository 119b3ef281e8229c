"""A FOCUS file read the way the ledger reads one, and all that came of it as plain rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from ibis.backends.duckdb import Backend as DuckDB

from watermaster.ledger.delivery import without_nulls
from watermaster.model.tables import Table
from watermaster.observe.focus import FocusDelivery, FocusOrder, deliver
from watermaster.observe.focus_values import NULLS

Row = dict[str, object]


@dataclass(frozen=True)
class Read:
    """One delivery, materialised."""

    delivery: FocusDelivery
    typed: list[Row]
    rejected: list[Row]


Reader = Callable[..., Read]


@pytest.fixture(scope="session")
def engine() -> DuckDB:
    con = ibis.duckdb.connect()
    con.raw_sql("SET TimeZone = 'UTC'")
    con.raw_sql("SET autoload_known_extensions = false")
    return con


def rows_of(engine: DuckDB, table: Table) -> list[Row]:
    return engine.to_pyarrow(table).to_pylist()


def text_of(engine: DuckDB, path: Path) -> Table:
    if path.suffix == ".parquet":
        table = without_nulls(engine.read_parquet(path), NULLS)
    else:
        table = engine.read_csv(
            path,
            all_varchar=True,
            header=True,
            delim=",",
            quote='"',
            escape='"',
            nullstr=list(NULLS),
        )
    return table.mutate(charge_file=ibis.literal("f" * 16), charge_row=ibis.row_number() + 1)


@pytest.fixture
def read(engine: DuckDB, tmp_path: Path) -> Reader:
    """Read CSV text or a file; keyword arguments go to the order."""

    def of(bill: str | Path, **order: object) -> Read:
        path = bill if isinstance(bill, Path) else tmp_path / "bill.csv"
        if isinstance(bill, str):
            path.write_text(bill, encoding="utf-8")

        def ask(table: Table) -> pa.Table:
            return engine.to_pyarrow(table)

        told: dict[str, object] = {"source": "aws", "where": path.name} | order
        delivery = deliver(text_of(engine, path), FocusOrder(**told), ask)
        typed = sorted(rows_of(engine, delivery.typed), key=lambda row: int(str(row["charge_row"])))
        rejected = rows_of(engine, delivery.rejected)
        return Read(delivery, typed, sorted(rejected, key=lambda row: (row["row"], row["column"])))

    return of
