"""Tokens of programs at rest: who made them, what they may, their secret only as its hash."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.identity_records import SERVICE_TOKENS
from watermaster.model.identity import Grant, Right, Role, Token

PREFIX: Final = "token/"  # what the name of a subject begins with that is a token


def hashed(secret: str) -> str:
    """What is kept of a secret: it has 256 bits of chance, so that no salt or stretching helps."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_token(connection: sa.Connection, token: Token, secret: str) -> None:
    """Keep a new token."""
    connection.execute(
        SERVICE_TOKENS.insert().values(
            id=token.id,
            name=token.name,
            hash=hashed(secret),
            grants=json.dumps([{"role": g.role.value, "team": g.team} for g in token.grants]),
            scopes=json.dumps(sorted(scope.value for scope in token.scopes)),
            made_at=token.made_at.isoformat(),
            made_by=token.made_by,
            ends_at=token.ends_at.isoformat(),
        )
    )


def tokens(connection: sa.Connection) -> list[Token]:
    """All of them, the newest first."""
    query = sa.select(SERVICE_TOKENS).order_by(SERVICE_TOKENS.c.made_at.desc(), SERVICE_TOKENS.c.id)
    return [_token(row) for row in connection.execute(query)]


def token_of(connection: sa.Connection, secret: str) -> Token | None:
    """The token that has this secret, as it stands."""
    query = sa.select(SERVICE_TOKENS).where(SERVICE_TOKENS.c.hash == hashed(secret))
    row = connection.execute(query).first()
    return _token(row) if row else None


def use_token(connection: sa.Connection, id_: str, hour: dt.datetime) -> None:
    """Remember the hour it was last used in."""
    at = hour.replace(minute=0, second=0, microsecond=0).isoformat()
    connection.execute(SERVICE_TOKENS.update().where(SERVICE_TOKENS.c.id == id_).values(used_at=at))


def revoke_tokens(connection: sa.Connection, ids: list[str], by: str, at: dt.datetime) -> None:
    """From now on they let nobody in."""
    connection.execute(
        SERVICE_TOKENS.update()
        .where(SERVICE_TOKENS.c.id.in_(ids), SERVICE_TOKENS.c.revoked_at.is_(None))
        .values(revoked_at=at.isoformat(), revoked_by=by)
    )


def _token(row: Any) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        grants=tuple(
            Grant(role=Role(one["role"]), team=one["team"]) for one in json.loads(row.grants)
        ),
        scopes=frozenset(Right(one) for one in json.loads(row.scopes)),
        made_at=_moment(row.made_at),
        made_by=row.made_by,
        ends_at=_moment(row.ends_at),
        used_at=_moment(row.used_at) if row.used_at else None,
        revoked_at=_moment(row.revoked_at) if row.revoked_at else None,
        revoked_by=row.revoked_by,
    )


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def people_behind(connection: sa.Connection, names: Iterable[str]) -> frozenset[str]:
    """These subjects, and whoever made the tokens among them: one pair of eyes."""
    found, new = set[str](), set(names)
    while new:
        found |= new
        tokens = {name.removeprefix(PREFIX) for name in new if name.startswith(PREFIX)}
        query = sa.select(SERVICE_TOKENS.c.made_by).where(SERVICE_TOKENS.c.name.in_(tokens))
        new = set(connection.scalars(query)) - found if tokens else set()
    return frozenset(found)
