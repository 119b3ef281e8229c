"""The estate as declared and known."""

import datetime as dt
from typing import Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.resources import history, last_statement
from watermaster.model.estate import Estate

Key = tuple[int | None, dt.datetime | None]  # the last statement, and as known when
_READ: Final[WeakKeyDictionary[sa.Engine, tuple[Key, Estate]]] = WeakKeyDictionary()


def known_estate(project: Project, as_known: dt.datetime | None = None) -> Estate:
    """Every resource version as known at `as_known` (None: now).

    Statements are only ever added, so what was read up to the last of them holds until the next.
    """
    with project.ledger.records.connect() as connection:
        key = last_statement(connection), as_known
        held = _READ.get(project.ledger.records)
        if held is not None and held[0] == key:
            return held[1]
        estate = Estate(tuple(history(connection, as_known)))
    _READ[project.ledger.records] = key, estate
    return estate
