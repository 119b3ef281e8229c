"""What watches told since the newest pull of their source: laid over the facts, then forgotten.

Facts change by whole slices in one commit; an event of a watch must be seen within seconds, and a
commit for each would leave thousands of snapshots. So events are records, one row per thing, and
the next pull, which holds all they told, takes their place.
"""

import datetime as dt
import json
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.records import WATCHED, WATCHES
from watermaster.model.watched import Heard, WatchState

MOMENTS: Final = ("first_seen", "last_seen", "created_at", "last_used")
Row = dict[str, Any]


def remember_heard(records: sa.Engine, source: str, heard: Heard) -> None:
    """Keep the newest state of each thing a watch told of, and that the watch lives."""
    at = heard.at.isoformat()
    rows = [
        {"source": source, "subject_kind": row["subject_kind"], "subject_uid": row["subject_uid"],
         "seen_at": at, "is_gone": is_gone, "told": json.dumps(row, default=_text)}
        for is_gone, told in ((False, heard.rows), (True, heard.gone))
        for row in told
    ]  # fmt: skip
    with records.begin() as connection:
        if rows:
            same = (WATCHED.c.source == source) & (
                WATCHED.c.subject_kind == sa.bindparam("kind")
            ) & (WATCHED.c.subject_uid == sa.bindparam("uid"))  # fmt: skip
            keys = [{"kind": row["subject_kind"], "uid": row["subject_uid"]} for row in rows]
            connection.execute(WATCHED.delete().where(same), keys)
            connection.execute(WATCHED.insert(), rows)
        held = connection.execute(sa.select(WATCHES).where(WATCHES.c.source == source)).first()
        state = {"heard_at": at, "fault": None, "fault_at": None}
        if heard.fault:  # heard well when it last was without
            heard_at, fault_at = (held.heard_at, held.fault_at) if held else (at, None)
            state = {"heard_at": heard_at, "fault": heard.fault, "fault_at": fault_at or at}
        connection.execute(WATCHES.delete().where(WATCHES.c.source == source))
        connection.execute(WATCHES.insert().values(source=source, **state))


def forget_heard(
    records: sa.Engine, source: str, before: dt.datetime, untold: Collection[str] = ()
) -> None:
    """A pull that began at `before` holds all that was heard until then, but of kinds untold."""
    with records.begin() as connection:
        connection.execute(
            WATCHED.delete().where(
                WATCHED.c.source == source,
                WATCHED.c.seen_at < before.isoformat(),
                WATCHED.c.subject_kind.not_in(sorted(untold)),
            )
        )


def heard_since(records: sa.Engine) -> list[tuple[str, bool, Row]]:
    """Source, whether it went, and the row of each thing; moments are naive UTC, as facts are."""
    with records.connect() as connection:
        return [
            (one.source, one.is_gone, _row(one))
            for one in connection.execute(sa.select(WATCHED).order_by(*WATCHED.primary_key))
        ]


def heard_version(records: sa.Engine) -> str:
    """Another text whenever a watch told something, or fell silent, or speaks again."""
    with records.connect() as connection:
        newest = connection.execute(sa.select(sa.func.max(WATCHED.c.seen_at), sa.func.count()))
        faults = sa.select(WATCHES.c.source, WATCHES.c.fault).order_by(WATCHES.c.source)
        return f"{newest.one()} {connection.execute(faults).all()}"


def watch_states(records: sa.Engine) -> dict[str, WatchState]:
    """The state of each watch there was, by source."""
    with records.connect() as connection:
        return {
            row.source: WatchState(
                source=row.source,
                heard_at=dt.datetime.fromisoformat(row.heard_at),
                fault=row.fault,
                fault_at=dt.datetime.fromisoformat(row.fault_at) if row.fault_at else None,
            )
            for row in connection.execute(sa.select(WATCHES))
        }


def _row(held: sa.Row[Any]) -> Row:
    told: Row = json.loads(held.told)
    at = dt.datetime.fromisoformat(held.seen_at).astimezone(dt.UTC).replace(tzinfo=None)
    for name in MOMENTS:
        if told.get(name):
            told[name] = dt.datetime.fromisoformat(told[name]).replace(tzinfo=None)
    key = {name: getattr(held, name) for name in ("source", "subject_kind", "subject_uid")}
    return told | key | {"last_seen": at}


def _text(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    raise TypeError(type(value).__name__)
