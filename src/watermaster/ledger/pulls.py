"""When each source was pulled, and up to when it was seen whole."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from watermaster.ledger.records import PULLS
from watermaster.model.synced import Pulled


@dataclass(frozen=True, slots=True)
class PullState:
    """What the pulls of one source say of it."""

    source: str
    last_started_at: dt.datetime
    seen_until: dt.datetime | None  # of the newest pull that saw it whole
    fault: str | None  # of the newest pull


def remember_pull(records: sa.Engine, pulled: Pulled) -> None:
    """Add one pull to the record."""
    until = pulled.seen_until
    with records.begin() as connection:
        connection.execute(
            PULLS.insert().values(
                source=pulled.source,
                started_at=pulled.started_at.isoformat(),
                ended_at=pulled.ended_at.isoformat(),
                seen_until=None if until is None else until.isoformat(),
                rows=pulled.rows,
                fault=pulled.fault,
            )
        )


def pull_states(records: sa.Engine) -> dict[str, PullState]:
    """The state of every source that was ever pulled, by its name."""
    newest = sa.select(sa.func.max(PULLS.c.id)).group_by(PULLS.c.source)
    seen = sa.select(PULLS.c.source, sa.func.max(PULLS.c.seen_until)).group_by(PULLS.c.source)
    with records.connect() as connection:
        until = dict(connection.execute(seen).all())
        rows = connection.execute(sa.select(PULLS).where(PULLS.c.id.in_(newest)))
        return {
            row.source: PullState(
                row.source,
                dt.datetime.fromisoformat(row.started_at),
                _moment(until[row.source]),
                row.fault,
            )
            for row in rows
        }


def _moment(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)
