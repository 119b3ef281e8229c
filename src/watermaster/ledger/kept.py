"""Tables kept in the engine between requests: named by revision, so that none is ever stale."""

from typing import Final

from watermaster.ledger.open import Ledger
from watermaster.model.tables import Table

MOST: Final = 3  # tables of one kind; each new one drops the oldest
PREFIX: Final = "kept"


def kept(ledger: Ledger, revision: int, key: str, rows: Table) -> Table:
    """`rows` as a table of the engine, made once per revision and key."""
    safe = "".join(char if char.isalnum() else "_" for char in key)
    name = f"{PREFIX}_{revision:012d}_{safe}"
    held = _held(ledger)
    if name not in held:
        for old in held[: max(0, len(held) - MOST + 1)]:
            ledger.engine.raw_sql(f'DROP TABLE "{old}"')
        return ledger.engine.create_table(name, rows, temp=True)
    return ledger.engine.table(name)


def _held(ledger: Ledger) -> list[str]:
    query = f"SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, '{PREFIX}_')"
    return sorted(name for (name,) in ledger.engine.raw_sql(query).fetchall())
