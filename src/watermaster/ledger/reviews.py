"""Reviews of months: what each was opened with is kept as it was, by snapshot and as a record."""

import datetime as dt
import json
from collections.abc import Mapping

import sqlalchemy as sa

from watermaster.ledger.head import Head
from watermaster.ledger.records import REVIEWS


def add_review(
    connection: sa.Connection, month: str, at: dt.datetime, actor: str, kept: tuple[Head, str]
) -> None:
    """kept: the head it was computed at, and the record as JSON."""
    head, text = kept
    connection.execute(
        REVIEWS.insert().values(
            month=month, opened_at=at.isoformat(), actor=actor, revision=head.revision,
            snapshots=json.dumps(dict(head.snapshots)), held=text,
        )
    )  # fmt: skip


def end_review(connection: sa.Connection, month: str, at: dt.datetime, text: str) -> None:
    """Close it, with the record as it is then."""
    connection.execute(
        REVIEWS.update().where(REVIEWS.c.month == month).values(closed_at=at.isoformat(), held=text)
    )


def review_texts(records: sa.Engine) -> Mapping[str, str]:
    """Every review's record as JSON, the newest month first."""
    query = sa.select(REVIEWS.c.month, REVIEWS.c.held).order_by(REVIEWS.c.month.desc())
    with records.connect() as connection:
        return {row.month: row.held for row in connection.execute(query)}


def head_of_review(records: sa.Engine, month: str) -> Head | None:
    """The head it was computed at."""
    query = sa.select(REVIEWS.c.revision, REVIEWS.c.snapshots).where(REVIEWS.c.month == month)
    with records.connect() as connection:
        row = connection.execute(query).first()
    return Head(row.revision, json.loads(row.snapshots)) if row else None
