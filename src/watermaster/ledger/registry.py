"""The registry as SQL: models and versions read whole, each with one statement or two.

Statements are built once: to build them takes longer than to run them.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.registry_records import (
    ALIASES,
    MODEL_TAGS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    VERSION_TAGS,
)
from watermaster.model.registry import ModelVersion, RegisteredModel, Stage, Tags

_M, _V = REGISTERED_MODELS.c, MODEL_VERSIONS.c
_NAME: Final[sa.BindParameter[str]] = sa.bindparam("name")
_NUMBER: Final[sa.BindParameter[int]] = sa.bindparam("version")
_HELD: Final = _V.deleted_at.is_(None)
_TEAM: Final = sa.select(_M.name, _M.team).where(_M.name == _NAME)
_ALIASED: Final = sa.select(ALIASES.c.version).where(
    ALIASES.c.model == _NAME, ALIASES.c.alias == sa.bindparam("alias")
)
_LAST: Final = sa.select(
    sa.select(sa.func.max(_M.updated_ms)).scalar_subquery(),
    sa.select(sa.func.max(_V.updated_ms)).where(_HELD).scalar_subquery(),
)


def has_model(connection: sa.Connection, name: str) -> sa.Row[Any, Any] | None:
    """Name and team of a model, if there is one."""
    return connection.execute(_TEAM, {"name": name}).first()


def model_of(connection: sa.Connection, name: str) -> RegisteredModel | None:
    """A model whole."""
    row = connection.execute(_one_model(connection.dialect.name), {"name": name}).first()
    return None if row is None else _model(row, latest_of(connection, name))


def models_of(
    connection: sa.Connection, names: sa.Select[Any], order: Sequence[Any]
) -> list[RegisteredModel]:
    """Models whole, of those that a query of names finds, as a search lists them."""
    query = _models(connection.dialect.name).where(_M.name.in_(names)).order_by(*order)
    rows = connection.execute(query).all()
    newest = _newest(connection, [row.name for row in rows])
    return [_model(row, newest.get(row.name, ())) for row in rows]


def version_of(connection: sa.Connection, name: str, version: int) -> ModelVersion | None:
    """A version that was not deleted, with its aliases."""
    told = {"name": name, "version": version}
    row = connection.execute(_one_version(connection.dialect.name), told).first()
    return None if row is None else _version(row)


def versions_of(
    connection: sa.Connection, keys: sa.Select[Any], order: Sequence[Any] = ()
) -> list[ModelVersion]:
    """Versions with tags and aliases, of those that a query of (model, version) finds."""
    page = keys.subquery()
    same = sa.and_(page.c.model == _V.model, page.c.version == _V.version)
    query = _versions(connection.dialect.name).join(page, same).order_by(*order)
    return [_version(row) for row in connection.execute(query)]


def aliased(connection: sa.Connection, name: str, alias: str) -> int | None:
    """The number of the version an alias means."""
    found: int | None = connection.execute(_ALIASED, {"name": name, "alias": alias}).scalar()
    return found


def latest_of(connection: sa.Connection, name: str) -> list[ModelVersion]:
    """The newest version of each stage, with aliases; the stage a model had first comes first."""
    row = connection.execute(_ENDS, {"name": name}).one()
    newest, first = row[: len(Stage)], row[len(Stage) :]
    pairs = sorted((low, high) for low, high in zip(first, newest, strict=True) if high)
    found = (version_of(connection, name, number) for _, number in pairs)
    return [one for one in found if one is not None]


def slots_of(connection: sa.Connection, name: str) -> dict[int, frozenset[str]]:
    """The slots that versions of a model stand in, by the number of the version."""
    standing: dict[int, set[str]] = {}
    aliases = sa.select(ALIASES.c.version, ALIASES.c.alias).where(ALIASES.c.model == name)
    for row in connection.execute(aliases):
        standing.setdefault(row.version, set()).add(f"alias/{row.alias}")
    active = (Stage.STAGING.value, Stage.PRODUCTION.value)
    staged = sa.select(_V.version, _V.stage).where(_V.model == name, _HELD, _V.stage.in_(active))
    for row in connection.execute(staged):
        standing.setdefault(row.version, set()).add(f"stage/{row.stage}")
    return {version: frozenset(slots) for version, slots in standing.items()}


def last_ms(connection: sa.Connection) -> int:
    """The newest time that any model or version carries."""
    row = connection.execute(_LAST).one()
    return max(row[0] or 0, row[1] or 0)


def count_tags(connection: sa.Connection, table: sa.Table, *of: Any) -> int:
    """How many tags a model or version has."""
    query = sa.select(sa.func.count()).select_from(table).where(*of)
    return int(connection.execute(query).scalar_one())


def numbered(tags: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Tags as rows, in their order."""
    return [{"key": key, "value": value, "position": at} for at, (key, value) in enumerate(tags)]


def _newest(connection: sa.Connection, names: list[str]) -> dict[str, list[ModelVersion]]:
    """The newest version of each stage of some models, by stage, as MLflow lists them."""
    held: dict[str, list[ModelVersion]] = {}
    if names:
        query = _newest_query(connection.dialect.name)
        for row in connection.execute(query, {"names": names}):
            held.setdefault(row.model, []).append(_version(row))
    return held


@functools.cache
def _newest_query(dialect: str) -> sa.Select[Any]:
    asked: sa.BindParameter[Any] = sa.bindparam("names", expanding=True)
    keys = sa.union_all(*(_newest_in(stage, asked) for stage in Stage)).subquery()
    same = sa.and_(keys.c.model == _V.model, keys.c.version == _V.version)
    return _versions(dialect).join(keys, same).order_by(_V.stage)


def _newest_in(stage: Stage, names: sa.BindParameter[Any]) -> sa.Select[Any]:
    here = (_V.model == _M.name, _V.stage == stage.value, _HELD)
    query = sa.select(_V.version).where(*here).order_by(_V.version.desc()).limit(1)
    newest = query.correlate(REGISTERED_MODELS).scalar_subquery()
    name = _M.name.label("model")
    return sa.select(name, newest.label("version")).where(_M.name.in_(names))


def _end(stage: Stage, way: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    query = sa.select(_V.version).where(_V.model == _NAME, _V.stage == stage.value, _HELD)
    return query.order_by(way).limit(1).scalar_subquery()


_ENDS: Final = sa.select(
    *(_end(stage, _V.version.desc()).label(f"newest_{stage}") for stage in Stage),
    *(_end(stage, _V.version.asc()).label(f"first_{stage}") for stage in Stage),
)


@functools.cache
def _one_model(dialect: str) -> sa.Select[Any]:
    return _models(dialect).where(_M.name == _NAME)


@functools.cache
def _one_version(dialect: str) -> sa.Select[Any]:
    return _versions(dialect).where(_V.model == _NAME, _V.version == _NUMBER, _HELD)


@functools.cache
def _models(dialect: str) -> sa.Select[Any]:
    tags = _tags(MODEL_TAGS, MODEL_TAGS.c.model == _M.name).correlate(REGISTERED_MODELS)
    aliases = _aliases(ALIASES.c.model == _M.name).correlate(REGISTERED_MODELS)
    return sa.select(
        REGISTERED_MODELS,
        _listed(dialect, tags).label("tags"),
        _listed(dialect, aliases).label("aliases"),
    )


@functools.cache
def _versions(dialect: str) -> sa.Select[Any]:
    of_tags = sa.and_(VERSION_TAGS.c.model == _V.model, VERSION_TAGS.c.version == _V.version)
    of_aliases = sa.and_(ALIASES.c.model == _V.model, ALIASES.c.version == _V.version)
    tags = _tags(VERSION_TAGS, of_tags).correlate(MODEL_VERSIONS)
    return sa.select(
        MODEL_VERSIONS,
        _listed(dialect, tags).label("tags"),
        _listed(dialect, _aliases(of_aliases).correlate(MODEL_VERSIONS)).label("aliases"),
    )


def _tags(table: sa.Table, of: sa.ColumnElement[bool]) -> sa.Select[Any]:
    query = sa.select(table.c.key.label("one"), table.c.value.label("two"))
    return query.where(of).order_by(table.c.position)


def _aliases(of: sa.ColumnElement[bool]) -> sa.Select[Any]:
    query = sa.select(ALIASES.c.alias.label("one"), ALIASES.c.version.label("two"))
    return query.where(of).order_by(ALIASES.c.alias)


def _listed(dialect: str, pairs: sa.Select[Any]) -> sa.ScalarSelect[Any]:
    """Pairs as one JSON text, so that rows come whole in one statement."""
    held = pairs.subquery()
    if dialect == "sqlite":
        pair = sa.func.json_array(held.c.one, held.c.two)
        return sa.select(sa.func.json_group_array(pair)).scalar_subquery()
    pair = sa.func.json_build_array(held.c.one, held.c.two)
    return sa.select(sa.cast(sa.func.json_agg(pair), sa.Text)).scalar_subquery()


def _read(text: str | None) -> list[list[Any]]:
    if not text or text == "[]":
        return []
    found: list[list[Any]] = json.loads(text)
    return found


def _pairs(text: str | None) -> Tags:
    return tuple((one, two) for one, two in _read(text))


def _model(row: sa.Row[Any, Any], latest: Iterable[ModelVersion]) -> RegisteredModel:
    return RegisteredModel(
        name=row.name, created_ms=row.created_ms, updated_ms=row.updated_ms,
        description=row.description, team=row.team, made_by=row.made_by, tags=_pairs(row.tags),
        aliases=tuple((one, two) for one, two in _read(row.aliases)), latest=tuple(latest),
    )  # fmt: skip


def _version(row: sa.Row[Any, Any]) -> ModelVersion:
    return ModelVersion(
        model=row.model, version=row.version, created_ms=row.created_ms,
        updated_ms=row.updated_ms, description=row.description, user_id=row.user_id,
        made_by=row.made_by, stage=row.stage, source=row.source or "", storage=row.storage,
        run_id=row.run_id, run_link=row.run_link, logged_model=row.logged_model,
        status=row.status, status_message=row.status_message, lineage=row.lineage,
        digest=row.digest, tags=_pairs(row.tags),
        aliases=tuple(str(one) for one, _ in _read(row.aliases)),
    )  # fmt: skip
