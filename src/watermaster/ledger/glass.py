"""Roles taken in an emergency, and attempts to be let in, at rest."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.identity_records import ATTEMPTS, BROKEN_GLASS
from watermaster.model.identity import Glass, Role


def break_one(connection: sa.Connection, glass: Glass) -> None:
    """Keep it."""
    connection.execute(
        BROKEN_GLASS.insert().values(
            id=glass.id, subject=glass.subject, role=glass.role.value, team=glass.team,
            why=glass.why, at=glass.at.isoformat(), ends_at=glass.ends_at.isoformat(),
        )
    )  # fmt: skip


def end_one(connection: sa.Connection, id_: str, at: dt.datetime) -> bool:
    """End it before its time; whether it held until now."""
    held = (BROKEN_GLASS.c.id == id_, BROKEN_GLASS.c.ended_at.is_(None))
    done = connection.execute(BROKEN_GLASS.update().where(*held).values(ended_at=at.isoformat()))
    return bool(done.rowcount)


def all_glass(connection: sa.Connection, holds_at: dt.datetime | None = None) -> list[Glass]:
    """Every time it was broken, the newest first; only what holds at a moment, if one is given."""
    query = sa.select(BROKEN_GLASS).order_by(BROKEN_GLASS.c.at.desc())
    if holds_at is not None:
        at = holds_at.isoformat()
        query = query.where(BROKEN_GLASS.c.ended_at.is_(None), BROKEN_GLASS.c.ends_at > at)
    return [_glass(row) for row in connection.execute(query)]


def attempt(connection: sa.Connection, source: str, now: dt.datetime) -> int:
    """Count one more attempt from a source in this minute; how many there were before."""
    minute = now.strftime("%Y-%m-%dT%H:%M")
    past = (now - dt.timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M")
    connection.execute(ATTEMPTS.delete().where(ATTEMPTS.c.minute < past))
    mine = (ATTEMPTS.c.source == source, ATTEMPTS.c.minute == minute)
    before = connection.execute(sa.select(ATTEMPTS.c.count).where(*mine)).scalar()
    if before is None:
        connection.execute(ATTEMPTS.insert().values(source=source, minute=minute, count=1))
        return 0
    connection.execute(ATTEMPTS.update().where(*mine).values(count=ATTEMPTS.c.count + 1))
    return int(before)


def _glass(row: Any) -> Glass:
    return Glass(
        id=row.id, subject=row.subject, role=Role(row.role), team=row.team, why=row.why,
        at=dt.datetime.fromisoformat(row.at), ends_at=dt.datetime.fromisoformat(row.ends_at),
        ended_at=dt.datetime.fromisoformat(row.ended_at) if row.ended_at else None,
    )  # fmt: skip
