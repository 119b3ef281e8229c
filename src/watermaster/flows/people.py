"""Who may do what, and keeping somebody out."""

from dataclasses import dataclass

from watermaster.flows.glass import every_glass
from watermaster.flows.identify import grants_of, members_of
from watermaster.flows.open import Project
from watermaster.flows.sight import need
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.people import (
    bar,
    end_sessions,
    forget,
    people,
    person_named,
    sessions_of,
)
from watermaster.ledger.tokens import revoke_tokens, tokens
from watermaster.model.errors import NotFoundError, RefusedError
from watermaster.model.identity import Glass, Grant, Person, Right


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Somebody who signed in, with what they may and in how many browsers they are signed in."""

    person: Person
    grants: tuple[Grant, ...]
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A person or group that a Team or the settings name."""

    who: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoMay:
    """Everybody who may do something here."""

    people: tuple[Known, ...]
    named: tuple[Named, ...]
    glass: tuple[Glass, ...]


def who_may(project: Project) -> WhoMay:
    """People who signed in, names that hold roles, and glass that was broken."""
    need(project, Right.AUDIT, None, "who may do what")
    now = project.ledger.clock()
    with project.ledger.records.connect() as connection:
        found = people(connection)
        count = {one.name: len(sessions_of(connection, one.name, now)) for one in found}
    return WhoMay(
        people=tuple(
            Known(person=one, grants=grants_of(project, one), sessions=count[one.name])
            for one in found
        ),
        named=tuple(
            Named(who=who, grants=grants) for who, grants in sorted(members_of(project).items())
        ),
        glass=tuple(every_glass(project)),
    )


def bar_person(project: Project, name: str) -> Person:
    """Keep somebody out, at once: sessions end, tokens they made are revoked."""
    person, now = _person(project, name), project.ledger.clock()
    if person.name == project.asker.name:
        raise RefusedError(name, "is yourself", "let another administrator do it")
    with chained(project.ledger.records) as connection:
        bar(connection, person.name, now)
        held = [one.hash for one in sessions_of(connection, person.name, now)]
        end_sessions(connection, held, now)
        theirs = [one for one in tokens(connection)
                  if one.made_by == person.name and one.revoked_at is None]  # fmt: skip
        revoke_tokens(connection, [one.id for one in theirs], project.asker.name, now)
        told = {"person": person.name, "sessions": len(held), "tokens": [t.name for t in theirs]}
        append_audit(connection, now.isoformat(), project.actor, "person-barred", told)
    return person


def admit_person(project: Project, name: str) -> Person:
    """Let somebody sign in again who was barred."""
    person, now = _person(project, name), project.ledger.clock()
    with chained(project.ledger.records) as connection:
        bar(connection, person.name, None)
        told = {"person": person.name}
        append_audit(connection, now.isoformat(), project.actor, "person-admitted", told)
    return person


def forget_person(project: Project, name: str) -> Person:
    """Unbind a name from its account at the provider, so that another account may take it.

    What was done under the name stays in the audit log. Sessions end.
    """
    person, now = _person(project, name), project.ledger.clock()
    if person.barred_at is not None:
        raise RefusedError(name, "is barred, and would be let in as new", "admit them first")
    with chained(project.ledger.records) as connection:
        held = [one.hash for one in sessions_of(connection, person.name, now)]
        end_sessions(connection, held, now)
        forget(connection, person.name)
        told = {"person": person.name, "issuer": person.issuer, "subject": person.subject}
        append_audit(connection, now.isoformat(), project.actor, "person-forgotten", told)
    return person


def _person(project: Project, name: str) -> Person:
    need(project, Right.ADMINISTER, None, f"person {name}")
    with project.ledger.records.connect() as connection:
        found = person_named(connection, name.lower())
    if found is None:
        raise NotFoundError(f"person {name}", "never signed in", "see wm person list")
    return found
