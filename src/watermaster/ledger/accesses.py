"""The access log: added to by what our routes do, and replaced by the day from logs of stores."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.registry_records import ACCESSES
from watermaster.model.access import Access, AccessAsked, Verb

AT_ONCE: Final = 500  # rows of one statement


@contextmanager
def noting(records: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that logs a read: it outlives a killed process, but not surely a power cut.

    What changes anything waits for the disk; who only looks does not.
    """
    with records.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        told = "PRAGMA synchronous=NORMAL" if is_sqlite else "SET LOCAL synchronous_commit=off"
        connection.exec_driver_sql(told)
        try:
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            if is_sqlite:
                connection.exec_driver_sql("PRAGMA synchronous=FULL")


def add_accesses(connection: sa.Connection, accesses: Sequence[Access]) -> None:
    """Add rows, in the caller's transaction."""
    rows = [_row(one) for one in accesses]
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(ACCESSES.insert(), rows[start : start + AT_ONCE])


def replace_days(
    connection: sa.Connection, source: str, days: Iterable[str], accesses: Sequence[Access]
) -> None:
    """What a source tells of whole days now stands for what it told of them before."""
    for day in sorted(days):
        following = dt.date.fromisoformat(day) + dt.timedelta(days=1)
        connection.execute(
            ACCESSES.delete().where(
                ACCESSES.c.source == source,
                ACCESSES.c.at >= day,
                ACCESSES.c.at < following.isoformat(),
            )
        )
    add_accesses(connection, accesses)


def accesses_of(connection: sa.Connection, asked: AccessAsked) -> tuple[int, list[Access]]:
    """How many there are, and the newest of them."""
    terms = list(_terms(asked))
    total = connection.scalar(sa.select(sa.func.count()).select_from(ACCESSES).where(*terms))
    query = (
        sa.select(ACCESSES)
        .where(*terms)
        .order_by(ACCESSES.c.at.desc(), ACCESSES.c.id)
        .limit(asked.limit)
    )
    return total or 0, [_access(row) for row in connection.execute(query).mappings()]


def _terms(asked: AccessAsked) -> Iterable[sa.ColumnElement[bool]]:
    held = ACCESSES.c
    if asked.thing is not None:
        below = held.thing.startswith(f"{asked.thing}/", autoescape=True)
        yield sa.or_(held.thing == asked.thing, below)
    for column, value in ((held.subject, asked.subject), (held.source, asked.source)):
        if value is not None:
            yield column == value
    if asked.verb is not None:
        yield held.verb == asked.verb.value
    if asked.since is not None:
        yield held.at >= asked.since.isoformat()
    if asked.until is not None:
        yield held.at < asked.until.isoformat()


def _row(one: Access) -> dict[str, Any]:
    return {
        "id": one.id, "at": one.at.isoformat(), "source": one.source, "subject": one.subject,
        "verb": one.verb.value, "thing": one.thing, "place": one.place,
        "requests": one.requests, "bytes": one.bytes,
    }  # fmt: skip


def _access(row: sa.RowMapping) -> Access:
    told = dict(row) | {"at": dt.datetime.fromisoformat(row["at"]), "verb": Verb(row["verb"])}
    return Access(**told)
