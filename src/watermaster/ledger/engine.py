"""The engine that runs table rules. Only the ledger holds one."""

from pathlib import Path
from typing import Final

import ibis
from ibis.backends.duckdb import Backend as DuckDB

from watermaster.model.config import Config

MIB_PER_GIB: Final = 1024
NOTHING: Final = "nothing"  # a table without rows, where a fact table has no file


def open_duckdb(config: Config, spill: Path) -> DuckDB:
    """An embedded engine in UTC that spills to `spill` and never asks the network."""
    settings: dict[str, object] = {
        "TimeZone": "UTC",
        "preserve_insertion_order": False,
        "memory_limit": f"{int(config.memory_gib * MIB_PER_GIB)}MiB",
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "enable_progress_bar": False,
    }
    if config.threads:
        settings["threads"] = config.threads
    engine = ibis.duckdb.connect()
    for name, value in settings.items():
        text = f"'{value}'" if isinstance(value, str) else str(value).lower()
        engine.raw_sql(f"SET {name} = {text}")
    engine.raw_sql(f"CREATE TEMP TABLE {NOTHING} (one INTEGER)")
    return engine
