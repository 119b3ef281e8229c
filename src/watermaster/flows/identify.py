"""Who asks, and what they may: by a session's cookie, by a program's token."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.glass import all_glass
from watermaster.ledger.people import see_session, session_of
from watermaster.ledger.tokens import token_of, use_token
from watermaster.model.errors import NotSignedInError
from watermaster.model.estate import Estate, live_estate
from watermaster.model.identity import Grant, Person, Role, Session, Sort, Subject, Token

SEEN_S: Final = 60.0  # how exactly it is known when a session was last used
PREFIX: Final = "wmt_"  # so that scanners for leaked secrets know one
Members = Mapping[str, tuple[Grant, ...]]
_MEMBERS: Final[WeakKeyDictionary[sa.Engine, tuple[Estate, Members]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody in a session."""

    subject: Subject
    session: Session


def by_token(project: Project, secret: str) -> Subject:
    """The program that holds a token; NotSignedInError where it does not hold (any more)."""
    now = project.ledger.clock()
    with project.ledger.records.connect() as connection:
        token = token_of(connection, secret)
    if token is None or token.revoked_at is not None or token.ends_at <= now:
        what = "is unknown" if token is None else "is revoked" if token.revoked_at else "has ended"
        raise NotSignedInError("the token", what, "ask for another: wm token create")
    if token.used_at is None or now - token.used_at >= dt.timedelta(hours=1):
        with project.ledger.records.begin() as connection:
            use_token(connection, token.id, now)
    return of_token(token)


def of_token(token: Token) -> Subject:
    """Who a token stands for."""
    return Subject(
        name=f"token/{token.name}", sort=Sort.SERVICE, grants=token.grants, scopes=token.scopes,
        ends_at=token.ends_at,
    )  # fmt: skip


def by_session(project: Project, secret: str) -> Known | None:
    """Who is signed in with a cookie; None where nobody is (any more)."""
    spec = project.config.sign_in
    now = project.ledger.clock()
    with project.ledger.records.connect() as connection:
        found = session_of(connection, secret)
    if spec is None or found is None:
        return None
    session, person = found
    idle = dt.timedelta(minutes=spec.idle_minutes)
    if person.barred_at or session.ends_at <= now or now - session.seen_at > idle:
        return None
    if (now - session.seen_at).total_seconds() > SEEN_S:
        with project.ledger.records.begin() as connection:
            see_session(connection, session.hash, now)
    grants = grants_of(project, person)
    subject = Subject(
        name=person.name, sort=Sort.PERSON, grants=grants, ends_at=session.ends_at
    )  # fmt: skip
    return Known(subject, session)


def grants_of(project: Project, person: Person) -> tuple[Grant, ...]:
    """The roles of somebody: in Teams, by the settings, and by glass they broke."""
    spec = project.config.sign_in
    names, members = person.known_as, members_of(project)
    found = {grant for name in names for grant in members.get(name, ())}
    if spec is not None:
        found |= {Grant(role=Role.ADMIN) for one in spec.admins if as_named(one) in names}
        found |= {Grant(role=Role.AUDITOR) for one in spec.auditors if as_named(one) in names}
    with project.ledger.records.connect() as connection:
        broken = all_glass(connection, project.ledger.clock())
    found |= {Grant(role=b.role, team=b.team) for b in broken if b.subject == person.name}
    return tuple(sorted(found, key=lambda grant: (grant.role.value, grant.team or "")))


def members_of(project: Project) -> Members:
    """Whom the Teams name, with the roles they give."""
    estate = known_estate(project)
    held = _MEMBERS.get(project.ledger.records)
    if held is not None and held[0] is estate:
        return held[1]
    today = project.ledger.clock().date()
    found: dict[str, tuple[Grant, ...]] = {}
    for version in live_estate(estate).of("Team"):
        team, spec = version.resource.metadata.name, version.resource.spec
        if spec.until is not None and spec.until <= today:
            continue
        for member in spec.members:
            name = as_named(member.who)
            found[name] = (*found.get(name, ()), Grant(role=member.role, team=team))
    _MEMBERS[project.ledger.records] = estate, found
    return found


def as_named(who: str) -> str:
    """A person or group:NAME as names are compared: of people in any case.

    >>> as_named("Ada@Example.com"), as_named("group:ML Platform")
    ('ada@example.com', 'group:ML Platform')
    """
    return who if who.startswith("group:") else who.lower()
