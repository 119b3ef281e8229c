"""Searches of the registry: along indexes, however many versions there are.

What is found is first found as keys. A tag that few things have is looked up by its value and
the few are sorted; else the index in the asked order is walked until the page is full.
"""

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.registry import models_of, versions_of
from watermaster.ledger.registry_records import (
    BEGINS,
    MODEL_TAGS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    VERSION_TAGS,
    begins,
)
from watermaster.model.registry import PROMPT, ModelVersion, RegisteredModel
from watermaster.model.registry_search import Clause, Search

_SIGNS: Final[dict[str, Callable[[Any, Any], sa.ColumnElement[bool]]]] = {
    "=": operator.eq, "!=": operator.ne, ">": operator.gt, ">=": operator.ge,
    "<": operator.lt, "<=": operator.le,
}  # fmt: skip
FEW: Final = 2_000  # so many are sorted rather than walked to
FEW_MODELS: Final = 50
_M, _V = REGISTERED_MODELS.c, MODEL_VERSIONS.c
_COLUMNS: Final[dict[str, sa.ColumnElement[Any]]] = {
    "name": _V.model,
    "version_number": _V.version,
    "run_id": _V.run_id,
    "source_path": _V.source,
    "creation_timestamp": _V.created_ms,
    "last_updated_timestamp": _V.updated_ms,
}
_OF_MODELS: Final[dict[str, sa.ColumnElement[Any]]] = {
    "name": _M.name,
    "timestamp": _M.updated_ms,
    "last_updated_timestamp": _M.updated_ms,
}


def search_models(connection: sa.Connection, asked: Search) -> tuple[list[RegisteredModel], bool]:
    """One page of models, and whether there are more."""
    dialect = connection.dialect.name
    of = MODEL_TAGS.c.model == _M.name
    query = sa.select(_M.name).where(
        *(_told(dialect, _OF_MODELS, one) for one in asked.clauses if not one.is_tag),
        *(_has_tag(dialect, one, MODEL_TAGS, of) for one in asked.clauses if one.is_tag),
        _sort_of(MODEL_TAGS, _M.name, asked),
    )
    order = [_way(_OF_MODELS[one.key], one.is_down) for one in asked.orders]
    page = query.order_by(*order).limit(asked.most + 1).offset(asked.offset)
    found = models_of(connection, _fenced(page, "name"), order)
    return found[: asked.most], len(found) > asked.most


def search_versions(connection: sa.Connection, asked: Search) -> tuple[list[ModelVersion], bool]:
    """One page of versions, and whether there are more."""
    dialect = connection.dialect.name
    order = [_way(_COLUMNS[one.key], one.is_down) for one in asked.orders]
    few, rest = _fewest(connection, replace(asked, clauses=_named(connection, asked.clauses)))
    of = sa.and_(VERSION_TAGS.c.model == _V.model, VERSION_TAGS.c.version == _V.version)
    query = sa.select(_V.model, _V.version).where(
        _V.deleted_at.is_(None),
        *(_told(dialect, _COLUMNS, one) for one in rest if not one.is_tag),
        *(_has_tag(dialect, one, VERSION_TAGS, of) for one in rest if one.is_tag),
        _sort_of(VERSION_TAGS, _V.model, asked),
    )
    if few is not None:
        page_of = few.limit(FEW).subquery()
        query = query.join(
            page_of, sa.and_(page_of.c.model == _V.model, page_of.c.version == _V.version)
        )
    page = query.order_by(*order).limit(asked.most + 1).offset(asked.offset)
    found = versions_of(connection, page, order)
    return found[: asked.most], len(found) > asked.most


def _named(connection: sa.Connection, clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
    """Clauses with a pattern of names as the names themselves, where few models fit it.

    There are fewer models than versions, so the pattern is held against the models first.
    """
    held = []
    for one in clauses:
        found = None
        if one.key == "name" and not one.is_tag and one.sign in {"LIKE", "ILIKE"}:
            fits = _compared(connection.dialect.name, _M.name, one.sign, one.value)
            names = sa.select(_M.name).where(fits).limit(FEW_MODELS + 1)
            found = list(connection.execute(names).scalars())
        is_few = found is not None and len(found) <= FEW_MODELS
        held.append(Clause("name", "IN", tuple(found or ())) if is_few else one)
    return tuple(held)


def _fewest(connection: sa.Connection, asked: Search) -> tuple[sa.Select[Any] | None, list[Clause]]:
    """A query of the few versions that have one of the asked tags, if few have; other clauses."""
    equal = [one for one in asked.clauses if one.is_tag and one.sign == "="]
    for one in equal:
        few = _tagged(one.key, str(one.value))
        count = sa.select(sa.func.count()).select_from(few.limit(FEW + 1).subquery())
        if connection.execute(count).scalar_one() <= FEW:
            return few, [other for other in asked.clauses if other is not one]
    return None, list(asked.clauses)


def _tagged(key: str, value: str) -> sa.Select[Any]:
    tags = VERSION_TAGS.c
    return sa.select(tags.model, tags.version).where(tags.key == key, _same(tags.value, value))


def _same(column: sa.ColumnElement[str], value: str) -> sa.ColumnElement[bool]:
    """A long text is this one, found by the index of how such texts begin."""
    begun = begins(column) == value[:BEGINS]
    # joined to nothing, else SQLite writes the value into what the index holds, and misses it
    return begun if len(value) < BEGINS else sa.and_(begun, column + "" == value)


def _sort_of(table: sa.Table, name: sa.ColumnElement[Any], asked: Search) -> sa.ColumnElement[bool]:
    """Prompts live among models, and are found only by who asks for them."""
    told = sa.and_(table.c.key == PROMPT, begins(table.c.value) == "true")
    if not asked.prompts:
        return name.not_in(sa.select(table.c.model).where(told))
    if table is MODEL_TAGS:
        return name.in_(sa.select(table.c.model).where(told))
    keys = sa.select(table.c.model, table.c.version).where(told)
    return sa.tuple_(_V.model, _V.version).in_(keys)


def _has_tag(
    dialect: str, one: Clause, table: sa.Table, of: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """A thing without the tag has no value equal to anything, so `!=` finds it."""
    sign = "=" if one.sign == "!=" else one.sign
    told = _compared(dialect, table.c.value, sign, one.value)
    held = sa.exists().where(of, table.c.key == one.key, told)
    return sa.not_(held) if one.sign == "!=" else held


def _told(
    dialect: str, columns: dict[str, sa.ColumnElement[Any]], one: Clause
) -> sa.ColumnElement[bool]:
    column = columns[one.key]
    if column is _V.source and one.sign == "=":
        return _same(column, str(one.value))
    return _compared(dialect, column, one.sign, one.value)


def _compared(
    dialect: str, column: sa.ColumnElement[Any], sign: str, value: Any
) -> sa.ColumnElement[bool]:
    match sign:
        case "LIKE" if dialect == "sqlite":  # its LIKE ignores case
            # joined to nothing, else it walks the names by index and sorts all that fits
            return (column + "").op("GLOB", is_comparison=True)(_glob(value))
        case "LIKE":
            return column.like(_unescaped(value))
        case "ILIKE":
            return column.ilike(value if dialect == "sqlite" else _unescaped(value))
        case "IN":
            return column.in_(value)
        case "NOT IN":
            return column.not_in(value)
        case _:
            return _SIGNS[sign](column, value)


def _glob(pattern: str) -> str:
    """LIKE's pattern as GLOB's, which minds case.

    >>> _glob("a_b%[c*]")
    'a?b*[[]c[*]]'
    """
    words = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(words.get(letter, letter) for letter in pattern)


def _unescaped(pattern: str) -> str:
    """PostgreSQL takes a backslash for an escape; MLflow's grammar has none."""
    return pattern.replace("\\", "\\\\")


def _way(column: sa.ColumnElement[Any], is_down: object) -> sa.ColumnElement[Any]:
    return column.desc() if is_down else column.asc()


def _fenced(page: sa.Select[Any], name: str) -> sa.Select[Any]:
    """A page as a query of its own: no database reorders over its limit."""
    return sa.select(page.subquery().c[name])
