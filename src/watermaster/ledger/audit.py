"""The hash-chained audit log: each row seals all rows before it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from watermaster.ledger.records import AUDIT
from watermaster.ledger.sealed import seal_of

GENESIS: Final = "0" * 64
SEALED: Final = ("at", "actor", "action", "detail")
_CHAIN: Final = 0x57A7E12  # the advisory lock that stands for the chain on PostgreSQL


@contextmanager
def chained(records: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that may append to the chain; others that would, wait until it ends."""
    with records.begin() as connection:
        alone(connection)
        yield connection


def append_audit(
    connection: sa.Connection, at: str, actor: str, action: str, detail: Mapping[str, object]
) -> None:
    """Add one row; it is part of the transaction of `connection`."""
    alone(connection)
    last = connection.execute(
        sa.select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
    ).first()
    seq, previous = (last.seq + 1, last.hash) if last else (1, GENESIS)
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"), default=str)
    row = {"seq": seq, "at": at, "actor": actor, "action": action, "detail": text}
    connection.execute(AUDIT.insert().values(**row, previous=previous, hash=seal(previous, row)))


def alone(connection: sa.Connection) -> None:
    """Nobody else appends before this transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.execute(AUDIT.delete().where(sa.false()))  # its driver begins at a write only
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHAIN)))


def seal(previous: object, row: Mapping[str, object]) -> str:
    """What a row carries as its `hash`."""
    return seal_of([previous, str(row["seq"]), *(str(row[name]) for name in SEALED)])
