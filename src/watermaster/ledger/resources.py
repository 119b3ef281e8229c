"""Declared resources and their history: rows are only added, never changed.

A row says "from `valid_from` on (None: the beginning), as recorded at `recorded_at`, the resource
is this" or is gone. A row recorded later overrides what was said before about its time.
"""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from watermaster.ledger.records import RECORDS
from watermaster.model.resources import Resource, ResourceVersion, load_resource, store_resource

RESOURCES: Final = sa.Table(
    "resources",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("valid_from", sa.String),  # null: from the beginning
    sa.Column("recorded_at", sa.String, nullable=False, index=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("document", sa.Text, nullable=False),  # JSON of the whole resource
    sa.Column("file", sa.String, nullable=False),  # where it was declared
    sa.Column("plan", sa.String, nullable=False),  # id of the plan that recorded it
    sa.Index("resources_by_name", "kind", "name"),
)


@dataclass(frozen=True, slots=True)
class Recording:
    """Under which revision, plan and moment rows are added."""

    revision: int
    at: dt.datetime
    plan: str


@dataclass(frozen=True, slots=True)
class Row:
    """One statement about one resource; `resource` None says it is gone from `valid_from` on."""

    kind: str
    name: str
    valid_from: dt.datetime | None
    resource: Resource | None
    file: str = ""


def append(connection: sa.Connection, rows: Iterable[Row], recording: Recording) -> None:
    """Add rows, in order, to the transaction of `connection`."""
    values = [
        {
            "kind": row.kind,
            "name": row.name,
            "valid_from": row.valid_from and _text(row.valid_from),
            "recorded_at": _text(recording.at),
            "revision": recording.revision,
            "deleted": row.resource is None,
            "document": json.dumps(
                {} if row.resource is None else store_resource(row.resource),
                separators=(",", ":"),  # keys stay in order: foreign documents come back as given
            ),
            "file": row.file,
            "plan": recording.plan,
        }
        for row in rows
    ]
    if values:
        connection.execute(RESOURCES.insert(), values)


def history(
    connection: sa.Connection,
    as_known: dt.datetime | None = None,
    revision: int | None = None,
    kinds: Sequence[str] = (),
) -> list[ResourceVersion]:
    """Every version as known at `as_known` (None: now), by kind, name and time.

    revision: as of this revision of the ledger, which tells apart what one second recorded.
    kinds: of these alone; none: of all.

    Valid intervals of one resource do not overlap; between a delete and a new start there is none.
    """
    query = sa.select(RESOURCES).order_by(RESOURCES.c.kind, RESOURCES.c.name, RESOURCES.c.id)
    if as_known is not None:
        query = query.where(RESOURCES.c.recorded_at <= _text(as_known))
    if revision is not None:
        query = query.where(RESOURCES.c.revision <= revision)
    if kinds:
        query = query.where(RESOURCES.c.kind.in_(kinds))
    held: dict[tuple[str, str], list[ResourceVersion]] = {}
    for row in connection.execute(query):
        key = (row.kind, row.name)
        held[key] = _overridden(held.get(key, []), row)
    return [version for versions in held.values() for version in versions]


def last_statement(connection: sa.Connection) -> int | None:
    """The number of what was said last; None before anything was."""
    found: int | None = connection.execute(sa.select(sa.func.max(RESOURCES.c.id))).scalar()
    return found


def recorded(connection: sa.Connection, kind: str, name: str) -> Sequence[sa.Row[tuple[object]]]:
    """All that was ever said about one resource, in the order it was said."""
    query = sa.select(RESOURCES).where(RESOURCES.c.kind == kind, RESOURCES.c.name == name)
    return connection.execute(query.order_by(RESOURCES.c.id)).all()


def _overridden(
    versions: list[ResourceVersion], row: sa.Row[tuple[object]]
) -> list[ResourceVersion]:
    """What holds after one more statement: earlier ones are cut off where it begins."""
    start = row.valid_from and dt.datetime.fromisoformat(row.valid_from)
    kept = [
        version.model_copy(update={"valid_to": start})
        if version.valid_to is None or version.valid_to > start
        else version
        for version in versions
        if start is not None and (version.valid_from is None or version.valid_from < start)
    ]
    if row.deleted:
        return kept
    return [
        *kept,
        ResourceVersion(
            resource=load_resource(json.loads(row.document)),
            valid_from=start,
            recorded_at=dt.datetime.fromisoformat(row.recorded_at),
            file=row.file,
        ),
    ]


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat()
