"""Break the glass: take a role in an emergency, for a time, with a reason, told to everybody."""

import datetime as dt
import secrets
from typing import Final

from watermaster.flows.open import Project
from watermaster.flows.send import channels, send, sentence
from watermaster.flows.sight import need
from watermaster.flows.sign_in import settings
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.glass import all_glass, break_one, end_one
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.identity import EVERYWHERE, Glass, Right, Role

WHERE: Final = "wm glass break"
LONGEST: Final = dt.timedelta(hours=4)
MOST_WHY: Final = 2000


def break_glass(project: Project, asked: Glass) -> Glass:
    """Give somebody a role until it ends, at most four hours; channels for alerts are told.

    asked: who, which role, where, why and until when; its id and moment are set here.
    """
    settings(project)  # without sign-in there is nobody to give it to
    need(project, Right.ADMINISTER, None, WHERE)
    now = project.ledger.clock()
    _check(asked, now)
    made = Glass(
        id=secrets.token_hex(4), subject=asked.subject.lower(), role=asked.role, team=asked.team,
        why=asked.why.strip(), at=now, ends_at=asked.ends_at,
    )  # fmt: skip
    detail = {
        "glass": made.id, "subject": made.subject, "role": made.role.value, "team": made.team,
        "why": made.why, "ends_at": made.ends_at.isoformat(),
    }  # fmt: skip
    with chained(project.ledger.records) as connection:
        break_one(connection, made)
        append_audit(connection, now.isoformat(), project.actor, "glass-broken", detail)
    _tell(project, f"{project.actor} broke the glass: {in_words(made)}")
    return made


def end_glass(project: Project, id_: str) -> Glass:
    """End it before its time."""
    need(project, Right.ADMINISTER, None, "wm glass end")
    now = project.ledger.clock()
    found = [one for one in broken_glass(project) if id_ and one.id.startswith(id_)]
    if len(found) != 1:
        what = "is no broken glass that holds" if not found else "fits several"
        raise NotFoundError(f"glass {id_}", what, "see wm glass list")
    with chained(project.ledger.records) as connection:
        end_one(connection, found[0].id, now)
        detail = {"glass": found[0].id, "subject": found[0].subject}
        append_audit(connection, now.isoformat(), project.actor, "glass-ended", detail)
    _tell(project, f"{project.actor} ended it: {in_words(found[0])}")
    return found[0]


def broken_glass(project: Project) -> list[Glass]:
    """What holds now, the newest first."""
    with project.ledger.records.connect() as connection:
        return all_glass(connection, project.ledger.clock())


def every_glass(project: Project) -> list[Glass]:
    """Every time it was broken, the newest first."""
    with project.ledger.records.connect() as connection:
        return all_glass(connection)


def in_words(one: Glass) -> str:
    """A sentence for everybody."""
    where = f" in {one.team}" if one.team else ""
    return f"{one.subject} is {one.role.value}{where} until {one.ends_at:%H:%M} UTC: {one.why}"


def _check(asked: Glass, now: dt.datetime) -> None:
    if not asked.why.strip() or len(asked.why) > MOST_WHY:
        raise UsageError(WHERE, "says no reason, or too long a one", "add --why")
    if not asked.subject.strip() or not asked.subject.isprintable():
        raise UsageError(WHERE, "names nobody", "name who takes the role")
    if not now < asked.ends_at <= now + LONGEST:
        raise UsageError(WHERE, "must end within four hours", "write --minutes, 1 to 240")
    if asked.role in EVERYWHERE and asked.team:
        raise UsageError(WHERE, f"{asked.role.value} holds everywhere", "leave --team out")
    if asked.role is Role.VIEWER and asked.team is None:
        raise UsageError(WHERE, "to see is no emergency", "take the role auditor")


def _tell(project: Project, words: str) -> None:
    """Every channel that gets alerts; a fault of one is remembered there and stops nothing."""
    for channel in channels(project):
        if "alert" in channel.spec.sends:
            told = sentence(channel.spec, "glass", words, project.ledger.clock())
            send(project, channel, told)
