"""Who asks, and what they may."""

from dataclasses import dataclass

from watermaster.flows.open import Project
from watermaster.flows.sight import sight
from watermaster.ledger.people import person_named, sessions_of
from watermaster.model.identity import Grant, Person, Right, Session, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """A subject as they are shown to themselves."""

    subject: Subject
    rights: tuple[Right, ...]  # held anywhere
    units: tuple[str, ...] | None  # whose costs they see; None: all
    grants: tuple[Grant, ...]
    person: Person | None
    sessions: tuple[Session, ...]


def who_asks(project: Project) -> Who:
    """The subject of this request or command."""
    subject, mine = project.asker, sight(project)
    with project.ledger.records.connect() as connection:
        person = person_named(connection, subject.name)
        sessions = sessions_of(connection, subject.name, project.ledger.clock())
    return Who(
        subject=subject,
        rights=tuple(right for right in Right if right is not Right.NOBODY and subject.may(right)),
        units=None if mine is None else tuple(sorted(mine.units)),
        grants=subject.grants,
        person=person,
        sessions=tuple(sessions),
    )
