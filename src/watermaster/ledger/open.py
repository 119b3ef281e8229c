"""Open or create the ledger: the lake's catalogue, the records, the engine."""

import datetime as dt
import functools
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from watermaster.ledger.head import read_head
from watermaster.ledger.migrate import migrate, needs_migration
from watermaster.ledger.spill import own_folder
from watermaster.ledger.storage import told
from watermaster.model.config import Config
from watermaster.model.errors import NotFoundError
from watermaster.model.shapes import SHAPES

if TYPE_CHECKING:
    # the engine and the catalogue take two seconds to import; who asks for records needs neither
    from ibis.backends.duckdb import Backend as DuckDB
    from pyiceberg.catalog.sql import SqlCatalog

    from watermaster.ledger.engine import Engines

_OPENING: Final = threading.Lock()  # two threads of a server may ask for the engine first
Clock = Callable[[], dt.datetime]


def utc_clock() -> dt.datetime:
    """The wall clock; the one place it is read, and tests hand in another."""
    return dt.datetime.fromtimestamp(int(time.time()), tz=dt.UTC)


@dataclass(frozen=True)
class Ledger:
    """Handles to what is known. Engine and catalogue are opened when first used."""

    home: Path
    config: Config
    records: sa.Engine
    clock: Clock

    @functools.cached_property
    def _engines(self) -> "Engines":
        from watermaster.ledger.engine import Engines

        return Engines(self.config, own_folder(self.home))

    @property
    def engine(self) -> "DuckDB":
        """The embedded engine, as this thread sees it: its own temporary tables, one memory."""
        with _OPENING:
            engines = self._engines
        return engines.of_thread()

    @functools.cached_property
    def catalog(self) -> "SqlCatalog":
        """The Iceberg catalogue, in a file of its own."""
        return _catalog(self.home, self.config, self.lake)

    @property
    def lake(self) -> str:
        """Where the fact tables lie: a folder, or the address of an object store."""
        return self.config.lake or str(self.home / "lake")

    @property
    def lock_path(self) -> Path:
        """The file whose lock the one writer holds."""
        return self.home / "write.lock"


def open_ledger(home: Path, config: Config, clock: Clock = utc_clock) -> Ledger:
    """Open the ledger under `home`; NotFoundError when there is none."""
    if config.database is None and not (home / "records.db").exists():
        raise NotFoundError(str(home), "there is no ledger here", "run wm init, or name --home")
    ledger = Ledger(home, config, _records(home, config), clock)
    with told(home):
        if needs_migration(ledger.records):
            migrate(ledger.records)
        if set(SHAPES) - set(read_head(ledger.records).snapshots):
            from watermaster.ledger.lake import create_tables

            create_tables(ledger.catalog, ledger.records)
    return ledger


def create_ledger(home: Path, config: Config, clock: Clock = utc_clock) -> Ledger:
    """Create what is missing under `home`; running it again changes nothing."""
    from watermaster.ledger.lake import create_tables

    with told(home):
        home.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(home, config, _records(home, config), clock)
        migrate(ledger.records)
        create_tables(ledger.catalog, ledger.records)
    return ledger


def _records(home: Path, config: Config) -> sa.Engine:
    if config.database:
        return sa.create_engine(config.database)
    engine = sa.create_engine(f"sqlite:///{home / 'records.db'}", connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _use_wal)
    return engine


def _use_wal(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _catalog(home: Path, config: Config, lake: str) -> "SqlCatalog":
    from pyiceberg.catalog.sql import SqlCatalog

    from watermaster.ledger.lake import address_of

    return SqlCatalog(
        "watermaster",
        uri=config.database or f"sqlite:///{home / 'catalog.db'}",
        warehouse=lake if "://" in lake else address_of(Path(lake)),
    )
