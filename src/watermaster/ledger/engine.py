"""The engine that runs table rules. Only the ledger holds one."""

import re
import threading
from pathlib import Path
from typing import Final

import ibis
from ibis.backends.duckdb import Backend as DuckDB

from watermaster.model.config import Config

MIB_PER_GIB: Final = 1024
_PATTERN: Final = re.compile(r"([*?\[])")
NOTHING: Final = "nothing"  # a table without rows, where a fact table has no file


def exactly(path: Path) -> str:
    """A file as the engine reads it and no other: it takes every path for a pattern.

    >>> exactly(Path("may[1]?.csv"))
    'may[[]1][?].csv'
    """
    return _PATTERN.sub(r"[\1]", str(path))


class Engines:
    """One embedded database; each thread has a connection of its own, since Ibis shares none.

    Temporary tables belong to a connection, so two flows in two threads hold theirs apart.
    """

    def __init__(self, config: Config, spill: Path) -> None:
        self._settings = _settings(config, spill)
        self._opening = threading.Lock()
        self._first: DuckDB | None = None
        self._own = threading.local()

    def of_thread(self) -> DuckDB:
        """The connection of the thread that asks."""
        held: DuckDB | None = getattr(self._own, "engine", None)
        if held is None:
            held = self._own.engine = self._open()
        return held

    def _open(self) -> DuckDB:
        with self._opening:
            if self._first is None:
                self._first = engine = ibis.duckdb.connect()
            else:
                engine = ibis.duckdb.from_connection(self._first.con.cursor())
            for setting in self._settings:
                engine.raw_sql(setting)
            engine.raw_sql(f"CREATE TEMP TABLE {NOTHING} (one INTEGER)")
        return engine


def _settings(config: Config, spill: Path) -> list[str]:
    """In UTC, spilling to `spill`, and never asking the network."""
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
    return [
        f"SET {name} = {_quoted(value) if isinstance(value, str) else value}"
        for name, value in settings.items()
    ]


def _quoted(text: str) -> str:
    # a folder's name may hold a quote
    return "'" + text.replace("'", "''") + "'"
