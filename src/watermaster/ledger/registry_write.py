"""The registry's writes: each a part of the caller's transaction, which also audits it."""

import dataclasses
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.registry import count_tags, numbered
from watermaster.ledger.registry_records import (
    ALIASES,
    MODEL_TAGS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    STANDINGS,
    VERSION_TAGS,
)
from watermaster.model.registry import MOST_TAGS, BadValueError, ModelVersion, RegisteredModel

_M, _V, _S = REGISTERED_MODELS.c, MODEL_VERSIONS.c, STANDINGS.c


def insert_model(connection: sa.Connection, model: RegisteredModel) -> None:
    """A new model; its name must be free."""
    names = ("name", "created_ms", "updated_ms", "description", "team", "made_by")
    row = {name: getattr(model, name) for name in names}
    connection.execute(REGISTERED_MODELS.insert().values(**row, next_version=1))
    if model.tags:
        rows = [{"model": model.name, **tag} for tag in numbered(model.tags)]
        connection.execute(MODEL_TAGS.insert(), rows)


def next_version(connection: sa.Connection, name: str, at_ms: int) -> int:
    """The number of a model's next version; it is never given again."""
    query = sa.select(_M.next_version).where(_M.name == name)
    number = int(connection.execute(query).scalar_one())
    values = {"next_version": number + 1, "updated_ms": at_ms}
    connection.execute(REGISTERED_MODELS.update().where(_M.name == name).values(**values))
    return number


def insert_version(connection: sa.Connection, version: ModelVersion) -> None:
    """A new version."""
    row = dataclasses.asdict(version)
    tags, _ = row.pop("tags"), row.pop("aliases")
    connection.execute(MODEL_VERSIONS.insert().values(**row))
    if tags:
        key = {"model": version.model, "version": version.version}
        connection.execute(VERSION_TAGS.insert(), [key | tag for tag in numbered(tags)])


def change_model(connection: sa.Connection, name: str, /, **values: Any) -> None:
    """Other values of a model's row."""
    connection.execute(REGISTERED_MODELS.update().where(_M.name == name).values(**values))


def change_version(connection: sa.Connection, name: str, version: int, /, **values: Any) -> None:
    """Other values of a version's row."""
    one = MODEL_VERSIONS.update().where(_V.model == name, _V.version == version)
    connection.execute(one.values(**values))


def set_tag(connection: sa.Connection, of: tuple[str, int | None], key: str, value: str) -> None:
    """A tag of (model, None) or of (model, version); a new value of one that is there."""
    table, held = _tagged(of)
    one = table.update().where(*held, table.c.key == key).values(value=value)
    if connection.execute(one).rowcount:
        return
    if count_tags(connection, table, *held) >= MOST_TAGS:
        raise BadValueError(f"A model or version has at most {MOST_TAGS} tags.")
    last = connection.execute(sa.select(sa.func.max(table.c.position)).where(*held)).scalar()
    name, version = of
    key_of = {"model": name} if version is None else {"model": name, "version": version}
    row = key_of | {"key": key, "value": value, "position": (last or 0) + 1}
    connection.execute(table.insert().values(**row))


def delete_tag(connection: sa.Connection, of: tuple[str, int | None], key: str) -> bool:
    """Take a tag away; whether there was one."""
    table, held = _tagged(of)
    return bool(connection.execute(table.delete().where(*held, table.c.key == key)).rowcount)


def put_alias(connection: sa.Connection, name: str, alias: str, version: int) -> None:
    """Let an alias mean a version."""
    held = (ALIASES.c.model == name, ALIASES.c.alias == alias)
    one = ALIASES.update().where(*held).values(version=version)
    if not connection.execute(one).rowcount:
        row = {"model": name, "alias": alias, "version": version}
        connection.execute(ALIASES.insert().values(**row))


def drop_alias(connection: sa.Connection, name: str, alias: str) -> None:
    """Let an alias mean nothing."""
    held = (ALIASES.c.model == name, ALIASES.c.alias == alias)
    connection.execute(ALIASES.delete().where(*held))


def drop_model(connection: sa.Connection, name: str) -> None:
    """Take a model away with all it has; standings, evidence and audit log keep its history."""
    for table in (VERSION_TAGS, MODEL_TAGS, ALIASES, MODEL_VERSIONS):
        connection.execute(table.delete().where(table.c.model == name))
    connection.execute(REGISTERED_MODELS.delete().where(_M.name == name))


def rename(connection: sa.Connection, name: str, new: str, at_ms: int) -> None:
    """Another name for a model and all it has."""
    for table in (VERSION_TAGS, MODEL_TAGS, ALIASES):
        connection.execute(table.update().where(table.c.model == name).values(model=new))
    versions = MODEL_VERSIONS.update().where(_V.model == name)
    connection.execute(versions.values(model=new, updated_ms=at_ms))
    change_model(connection, name, name=new, updated_ms=at_ms)


def begin_standing(
    connection: sa.Connection, of: tuple[str, int], slot: str, at: str, **by: str | None
) -> None:
    """A version stands in a slot from now on. by: set_by, and ruling where a gate guards it."""
    row = {"model": of[0], "version": of[1], "slot": slot, "from_at": at}
    connection.execute(STANDINGS.insert().values(**row, **by))


def end_standings(
    connection: sa.Connection, name: str, at: str, by: str, *which: sa.ColumnElement[bool]
) -> None:
    """Nothing of a model stands from now on in the slots that `which` says; none: in any."""
    here = STANDINGS.update().where(_S.model == name, _S.to_at.is_(None), *which)
    connection.execute(here.values(to_at=at, ended_by=by))


def in_slot(slot: str) -> sa.ColumnElement[bool]:
    """Which: of this slot."""
    return _S.slot == slot


def by_version(version: int) -> sa.ColumnElement[bool]:
    """Which: of this version."""
    return _S.version == version


def _tagged(of: tuple[str, int | None]) -> tuple[sa.Table, tuple[sa.ColumnElement[bool], ...]]:
    name, version = of
    if version is None:
        return MODEL_TAGS, (MODEL_TAGS.c.model == name,)
    return VERSION_TAGS, (VERSION_TAGS.c.model == name, VERSION_TAGS.c.version == version)
