"""People and their sessions at rest; of every secret only the hash is kept."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.identity_records import PEOPLE, SESSIONS, SIGN_INS
from watermaster.ledger.tokens import hashed
from watermaster.model.identity import Person, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that went to the provider and has not come back."""

    state: str
    browser: str  # what the cookie of the browser it was begun in holds
    nonce: str
    verifier: str  # PKCE
    back_to: str
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session just begun, with the secrets that only its browser is told."""

    secret: str
    form_token: str
    session: Session
    id_token: str | None = None  # shown to the provider at the end, where it wants it


def begin_sign_in(connection: sa.Connection, begun: Begun, now: dt.datetime) -> None:
    """Keep it until it comes back; what never came back is forgotten."""
    connection.execute(SIGN_INS.delete().where(SIGN_INS.c.ends_at < now.isoformat()))
    connection.execute(
        SIGN_INS.insert().values(
            state_hash=hashed(begun.state),
            browser_hash=hashed(begun.browser),
            nonce=begun.nonce,
            verifier=begun.verifier,
            back_to=begun.back_to,
            ends_at=begun.ends_at.isoformat(),
        )
    )


def take_sign_in(
    connection: sa.Connection, state: str, browser: str, now: dt.datetime
) -> Begun | None:
    """What was begun with this state in this browser, once: it is gone afterwards."""
    mine = (SIGN_INS.c.state_hash == hashed(state), SIGN_INS.c.browser_hash == hashed(browser))
    row = connection.execute(sa.select(SIGN_INS).where(*mine)).first()
    if row is None:
        return None
    gone = connection.execute(SIGN_INS.delete().where(*mine))
    if gone.rowcount != 1 or row.ends_at < now.isoformat():
        return None
    return Begun(
        state=state, browser=browser, nonce=row.nonce, verifier=row.verifier,
        back_to=row.back_to, ends_at=_moment(row.ends_at),
    )  # fmt: skip


def keep_person(connection: sa.Connection, person: Person) -> None:
    """As the provider tells them now; since when, and whether they are barred, stays."""
    told = {
        "name": person.name,
        "display": person.display,
        "groups": json.dumps(sorted(person.groups)),
        "last_at": person.last_at.isoformat(),
    }
    mine = (PEOPLE.c.issuer == person.issuer, PEOPLE.c.subject == person.subject)
    if connection.execute(PEOPLE.update().where(*mine).values(**told)).rowcount:
        return
    connection.execute(
        PEOPLE.insert().values(
            issuer=person.issuer, subject=person.subject,
            first_at=person.first_at.isoformat(), **told,
        )
    )  # fmt: skip


def people(connection: sa.Connection) -> list[Person]:
    """Everybody who ever signed in, by name."""
    return [_person(row) for row in connection.execute(sa.select(PEOPLE).order_by(PEOPLE.c.name))]


def person_named(connection: sa.Connection, name: str) -> Person | None:
    """Somebody by name."""
    row = connection.execute(sa.select(PEOPLE).where(PEOPLE.c.name == name)).first()
    return _person(row) if row else None


def person_told(connection: sa.Connection, issuer: str, subject: str) -> Person | None:
    """Somebody as the provider names them."""
    mine = (PEOPLE.c.issuer == issuer, PEOPLE.c.subject == subject)
    row = connection.execute(sa.select(PEOPLE).where(*mine)).first()
    return _person(row) if row else None


def bar(connection: sa.Connection, name: str, at: dt.datetime | None) -> None:
    """Keep somebody out from a moment on; None: let them in again."""
    value = at.isoformat() if at else None
    connection.execute(PEOPLE.update().where(PEOPLE.c.name == name).values(barred_at=value))


def forget(connection: sa.Connection, name: str) -> None:
    """As if they had never signed in."""
    connection.execute(SESSIONS.delete().where(SESSIONS.c.person == name))
    connection.execute(PEOPLE.delete().where(PEOPLE.c.name == name))


def open_session(connection: sa.Connection, opened: Opened) -> None:
    """Keep a session; those over for a month are forgotten."""
    one = opened.session
    past = (one.begun_at - dt.timedelta(days=30)).isoformat()
    connection.execute(SESSIONS.delete().where(SESSIONS.c.ends_at < past))
    connection.execute(
        SESSIONS.insert().values(
            hash=hashed(opened.secret), person=one.person, form_hash=hashed(opened.form_token),
            begun_at=one.begun_at.isoformat(), seen_at=one.seen_at.isoformat(),
            ends_at=one.ends_at.isoformat(), id_token_hint=opened.id_token,
        )
    )  # fmt: skip


def session_of(connection: sa.Connection, secret: str) -> tuple[Session, Person] | None:
    """The session of a cookie and whose it is, unless it was ended."""
    query = (
        sa.select(SESSIONS.c.hash, SESSIONS.c.begun_at, SESSIONS.c.seen_at, SESSIONS.c.ends_at,
                  PEOPLE)
        .join(PEOPLE, PEOPLE.c.name == SESSIONS.c.person)
        .where(SESSIONS.c.hash == hashed(secret), SESSIONS.c.ended_at.is_(None))
    )  # fmt: skip
    row = connection.execute(query).first()
    return (_session(row, row.name), _person(row)) if row else None


def sessions_of(connection: sa.Connection, person: str, now: dt.datetime) -> list[Session]:
    """The sessions of somebody that still hold, the newest first."""
    query = sa.select(SESSIONS).where(
        SESSIONS.c.person == person, SESSIONS.c.ended_at.is_(None),
        SESSIONS.c.ends_at > now.isoformat(),
    )  # fmt: skip
    rows = connection.execute(query.order_by(SESSIONS.c.begun_at.desc()))
    return [_session(row, row.person) for row in rows]


def see_session(connection: sa.Connection, hash_: str, at: dt.datetime) -> None:
    """It is still used."""
    mine = SESSIONS.c.hash == hash_
    connection.execute(SESSIONS.update().where(mine).values(seen_at=at.isoformat()))


def end_sessions(connection: sa.Connection, hashes: Sequence[str], at: dt.datetime) -> int:
    """End sessions by their hash; how many held until now."""
    held = (SESSIONS.c.hash.in_(list(hashes)), SESSIONS.c.ended_at.is_(None))
    return connection.execute(
        SESSIONS.update().where(*held).values(ended_at=at.isoformat(), id_token_hint=None)
    ).rowcount


def hint_of(connection: sa.Connection, hash_: str) -> str | None:
    """The token by which the provider knows the session, where it was kept."""
    query = sa.select(SESSIONS.c.id_token_hint).where(SESSIONS.c.hash == hash_)
    return connection.execute(query).scalar()


def _person(row: Any) -> Person:
    return Person(
        name=row.name, issuer=row.issuer, subject=row.subject, display=row.display,
        groups=tuple(json.loads(row.groups)), first_at=_moment(row.first_at),
        last_at=_moment(row.last_at),
        barred_at=_moment(row.barred_at) if row.barred_at else None,
    )  # fmt: skip


def _session(row: Any, person: str) -> Session:
    return Session(
        hash=row.hash, person=person, begun_at=_moment(row.begun_at),
        seen_at=_moment(row.seen_at), ends_at=_moment(row.ends_at),
    )  # fmt: skip


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
