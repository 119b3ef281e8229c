"""Versions of the registry found by what names them, and where they stand since when."""

import datetime as dt
import json

import sqlalchemy as sa

from watermaster.ledger.registry_records import (
    ALIASES,
    MODEL_VERSIONS,
    RULINGS,
    STANDINGS,
)
from watermaster.model.door import Named, Way
from watermaster.model.gates import Ruling, read_ruling
from watermaster.model.registered import Stood

Version = tuple[str, int]
_OF = MODEL_VERSIONS.c


def versions_named(connection: sa.Connection, named: Named) -> list[Version]:
    """The versions that something names, newest first; a deleted one is none."""
    if named.way is Way.UNREADABLE:
        return []
    query = sa.select(_OF.model, _OF.version).where(_OF.deleted_at.is_(None), _fits(named))
    ordered = query.order_by(_OF.created_ms.desc(), _OF.version.desc()).limit(50)
    return [(row.model, row.version) for row in connection.execute(ordered)]


def _fits(named: Named) -> sa.ColumnElement[bool]:
    if named.way is Way.VERSION:
        return sa.and_(_OF.model == named.model, _OF.version == named.version)
    if named.way is Way.LATEST:
        newest = sa.select(sa.func.max(_OF.version)).where(_OF.model == named.model)
        return sa.and_(_OF.model == named.model, _OF.version == newest.scalar_subquery())
    if named.way is Way.LOGGED:
        return _OF.logged_model == named.rest
    if named.way is Way.PLACE:
        return _OF.source.in_([named.rest, f"{named.rest}/"])
    if named.way is Way.SLOT:
        return sa.and_(_OF.model == named.model, _in_slot(named))
    if named.way is Way.IMAGE:
        return sa.or_(_OF.digest == named.rest, _OF.source.endswith(f"@{named.rest}"))
    return _OF.digest == named.rest


def _in_slot(named: Named) -> sa.ColumnElement[bool]:
    kind, _, word = named.rest.partition("/")
    if kind == "stage":
        return _OF.stage == word
    held = sa.select(ALIASES.c.version).where(
        ALIASES.c.model == named.model, ALIASES.c.alias == word
    )
    return _OF.version == held.scalar_subquery()


def digest_of(connection: sa.Connection, version: Version) -> str | None:
    """The digest of a version's artefact; None where nobody told it."""
    query = sa.select(_OF.digest).where(_OF.model == version[0], _OF.version == version[1])
    found: str | None = connection.scalar(query)
    return found


def standings(
    connection: sa.Connection, model: str, version: int | None = None, *, now_only: bool = False
) -> list[Stood]:
    """Where versions of a model stand and stood, the newest first."""
    of = STANDINGS.c
    query = (
        sa.select(STANDINGS, RULINGS.c.verdict, RULINGS.c.digest, RULINGS.c.told)
        .outerjoin(RULINGS, RULINGS.c.id == of.ruling)
        .where(of.model == model)
    )
    if version is not None:
        query = query.where(of.version == version)
    if now_only:
        query = query.where(of.to_at.is_(None))
    rows = connection.execute(query.order_by(of.from_at.desc(), of.id.desc())).mappings()
    return [_stood(row) for row in rows]


def _stood(row: sa.RowMapping) -> Stood:
    told = json.loads(row["told"]) if row["told"] else {}
    names = ("model", "version", "slot", "set_by", "ruling", "ended_by", "verdict", "digest")
    waivers = {one["waiver"] for one in told.get("reasons", ()) if one.get("waiver")}
    return Stood(
        **{name: row[name] for name in names},
        from_at=dt.datetime.fromisoformat(row["from_at"]),
        to_at=row["to_at"] and dt.datetime.fromisoformat(row["to_at"]),
        waivers=tuple(sorted(waivers)), gates=tuple(told.get("gates", ())),
        evidence=tuple(told.get("evidence", ())),
    )  # fmt: skip


def rulings_of(
    connection: sa.Connection, model: str, version: int | None = None, limit: int = 50
) -> list[Ruling]:
    """What gates said of a model or a version, the newest first."""
    query = sa.select(RULINGS.c.told).where(RULINGS.c.model == model)
    if version is not None:
        query = query.where(RULINGS.c.version == version)
    found = connection.scalars(query.order_by(RULINGS.c.at.desc()).limit(limit))
    return [read_ruling(told) for told in found]
