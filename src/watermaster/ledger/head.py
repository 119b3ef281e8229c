"""Head: the one commit point. Readers use only snapshots it names, one revision a request."""

from dataclasses import dataclass

import sqlalchemy as sa

from watermaster.ledger.records import HEAD, LEDGER
from watermaster.model.errors import BusyError, StorageError


@dataclass(frozen=True, slots=True)
class Head:
    """The ledger as of one revision: the snapshot of every fact table."""

    revision: int
    snapshots: dict[str, int]

    @property
    def name(self) -> str:
        """How reports name the state they were read at."""
        return f"r{self.revision}"


def read_head(records: sa.Engine) -> Head:
    """The newest revision, read in one transaction."""
    with records.connect() as connection:
        return head_of(connection)


def head_of(connection: sa.Connection) -> Head:
    """The head as this connection sees it."""
    revision = connection.execute(sa.select(LEDGER.c.revision)).scalar()
    if revision is None:
        raise StorageError(
            "the records",
            "hold no ledger: it was never begun, or records.db is lost",
            "restore it from a backup, or run wm init to begin anew",
        )
    rows = connection.execute(sa.select(HEAD.c.table_name, HEAD.c.snapshot_id))
    return Head(revision, {row.table_name: row.snapshot_id for row in rows})


def move_head(connection: sa.Connection, read: Head, moved: dict[str, int]) -> int:
    """Name the new snapshots and raise the revision, if nobody did since `read`."""
    new = read.revision + 1
    changed = connection.execute(
        LEDGER.update().where(LEDGER.c.revision == read.revision).values(revision=new)
    )
    if changed.rowcount != 1:
        raise BusyError(
            f"revision {read.revision}",
            "the ledger has moved on since this was planned",
            "run the command again",
        )
    for table, snapshot in moved.items():
        known = HEAD.update().where(HEAD.c.table_name == table).values(snapshot_id=snapshot)
        if connection.execute(known).rowcount == 0:
            connection.execute(HEAD.insert().values(table_name=table, snapshot_id=snapshot))
    return new
