"""Sign people in with the provider of identities, and out again."""

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa

from watermaster.act.secret import secret_of
from watermaster.flows.open import Project
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.glass import attempt
from watermaster.ledger.people import (
    Begun,
    Opened,
    begin_sign_in,
    end_sessions,
    hint_of,
    keep_person,
    open_session,
    person_named,
    person_told,
    sessions_of,
    take_sign_in,
)
from watermaster.ledger.tokens import hashed
from watermaster.model.config import SignIn
from watermaster.model.errors import NotAllowedError, NotSignedInError, TooOftenError, UsageError
from watermaster.model.identity import Person, Session
from watermaster.observe import oidc

MINUTES: Final = 10  # for signing in at the provider
WHERE: Final = "sign-in"
BACK: Final = "/sign-in/back"
LONGEST: Final = 2000


def begin(project: Project, back_to: str) -> tuple[str, str]:
    """Where to send the browser to sign in, and what its cookie holds until it is back."""
    spec = settings(project)
    made, browser, now = oidc.new_secrets(), secrets.token_urlsafe(32), project.ledger.clock()
    address = oidc.where_to(spec, made, spec.public_url.rstrip("/") + BACK)
    begun = Begun(
        state=made.state, browser=browser, nonce=made.nonce, verifier=made.verifier,
        back_to=own_page(back_to), ends_at=now + dt.timedelta(minutes=MINUTES),
    )  # fmt: skip
    with project.ledger.records.begin() as connection:
        begin_sign_in(connection, begun, now)
    return address, browser


def finish(project: Project, answer: Mapping[str, str], browser: str) -> tuple[Opened, str]:
    """The session of who comes back from the provider, and the page they wanted.

    answer: what the provider put into the address. NotSignedInError where it does not belong to a
    sign-in that this browser began in the last minutes, or is not to be believed.
    """
    spec = settings(project)
    begun = _taken(project, answer, browser)
    if "error" in answer:
        said = " ".join(answer["error"].split())[:100]
        raise NotSignedInError(WHERE, f"the provider says {said!r}", "sign in again")
    if answer.get("iss", spec.issuer) != spec.issuer or not answer.get("code"):
        raise NotSignedInError(WHERE, "the answer is not of our provider", "sign in again")
    if "iss" not in answer and oidc.provider_of(spec).names_itself:
        raise NotSignedInError(WHERE, "the answer does not say who answers", "sign in again")
    made = oidc.Secrets(state=begun.state, nonce=begun.nonce, verifier=begun.verifier)
    secret = secret_of(spec.client_secret, WHERE) if spec.client_secret else None
    told = oidc.exchange(spec, answer["code"], spec.public_url.rstrip("/") + BACK, made, secret)
    return _opened(project, spec, told), begun.back_to


def leave(project: Project, session: Session) -> str | None:
    """End a session; where its person is signed out of the provider too, if there is a place."""
    spec = settings(project)
    with project.ledger.records.connect() as connection:
        hint = hint_of(connection, session.hash)
    end(project, session.person, [session.hash])
    try:
        return oidc.where_out(spec, hint, spec.public_url.rstrip("/") + "/sign-in")
    except NotSignedInError:
        return None


def end(project: Project, person: str, hashes: list[str]) -> int:
    """End some of somebody's sessions, at once; how many held until now."""
    now = project.ledger.clock()
    with chained(project.ledger.records) as connection:
        mine = {one.hash for one in sessions_of(connection, person, now)}
        count = end_sessions(connection, sorted(mine.intersection(hashes)), now)
        if count:
            told = {"person": person, "sessions": count}
            append_audit(connection, now.isoformat(), project.actor, "sign-out", told)
    return count


def count_attempt(project: Project, source: str) -> None:
    """One more attempt from an address; TooOftenError where there were too many in this minute."""
    spec = settings(project)
    now = project.ledger.clock()
    with chained(project.ledger.records) as connection:
        before = attempt(connection, source, now)
    if before >= spec.attempts_a_minute:
        raise TooOftenError(
            WHERE, "too many attempts from this address in a minute", "wait for the next minute"
        )


def settings(project: Project) -> SignIn:
    """How people sign in; UsageError where nothing says how."""
    if project.config.sign_in is None:
        raise UsageError(
            WHERE, "nobody signs in here", "write signIn in config.yaml: docs/how-to/sign-in.md"
        )
    return project.config.sign_in


def own_page(address: str) -> str:
    """The path of a page of ours, never of another site.

    >>> own_page("/costs?unit=Claims"), own_page("//evil.example/x"), own_page("https://evil")
    ('/costs?unit=Claims', '/', '/')
    """
    parts = urlsplit(address)
    is_ours = address.startswith("/") and not parts.scheme and not parts.netloc
    is_plain = "\\" not in address and address.isprintable() and not address.startswith("//")
    return address if is_ours and is_plain and len(address) <= LONGEST else "/"


def _taken(project: Project, answer: Mapping[str, str], browser: str) -> Begun:
    now, state = project.ledger.clock(), answer.get("state", "")
    with chained(project.ledger.records) as connection:
        begun = take_sign_in(connection, state, browser, now) if state and browser else None
    if begun is None:
        raise NotSignedInError(
            WHERE, "it was not begun in this browser in the last minutes", "sign in again"
        )
    return begun


def _opened(project: Project, spec: SignIn, told: oidc.Told) -> Opened:
    now = project.ledger.clock()
    secret = secrets.token_urlsafe(32)
    ends_at = now + dt.timedelta(hours=spec.session_hours)
    with chained(project.ledger.records) as connection:
        person = _known(connection, spec, told, now)
        session = Session(
            hash=hashed(secret), person=person.name, begun_at=now, seen_at=now, ends_at=ends_at
        )
        opened = Opened(
            secret=secret, form_token=form_token(secret), session=session,
            id_token=told.id_token if oidc.provider_of(spec).leave else None,
        )  # fmt: skip
        keep_person(connection, person)
        open_session(connection, opened)
        detail = {"person": person.name, "issuer": spec.issuer, "ends_at": ends_at.isoformat()}
        append_audit(connection, now.isoformat(), person.name, "sign-in", detail)
    return opened


def form_token(secret: str) -> str:
    """What the forms of a session carry: follows from its cookie, and does not give it away."""
    return hashed(f"form:{secret}")


def _known(connection: sa.Connection, spec: SignIn, told: oidc.Told, now: dt.datetime) -> Person:
    """Who was told of. Two accounts of the provider are never one person, whatever they claim."""
    name = _name(spec, told.claims)
    before = person_told(connection, spec.issuer, told.subject)
    other = person_named(connection, name)
    if other is not None and (other.issuer, other.subject) != (spec.issuer, told.subject):
        raise NotAllowedError(
            WHERE, f"{name} is the name of another account of the provider",
            "ask an administrator: wm person forget",
        )  # fmt: skip
    if before is not None and before.name != name:
        raise NotAllowedError(
            WHERE, f"this account was {before.name} until now, and is {name} at the provider",
            "ask an administrator: wm person forget",
        )  # fmt: skip
    if before is not None and before.barred_at is not None:
        raise NotAllowedError(WHERE, f"{name} is barred", "ask an administrator")
    groups = told.claims.get(spec.groups_claim)
    return Person(
        name=name,
        issuer=spec.issuer,
        subject=told.subject,
        display=str(told.claims.get("name") or name)[:200],
        groups=_groups(groups),
        first_at=before.first_at if before else now,
        last_at=now,
    )


def _name(spec: SignIn, claims: Mapping[str, Any]) -> str:
    found = claims.get(spec.name_claim)
    if not isinstance(found, str) or not found.strip() or len(found) > 320:
        raise NotAllowedError(
            WHERE, f"the provider tells no {spec.name_claim}", "mend scopes or nameClaim of signIn"
        )
    if spec.name_claim == "email" and claims.get("email_verified") is False:
        raise NotAllowedError(
            WHERE, "the provider has not verified this address", "verify it there, then sign in"
        )
    name = found.strip().lower()
    if not name.isprintable() or name.startswith(("group:", "token/", "local")):
        raise NotAllowedError(WHERE, f"{name[:40]!r} is no name", "mend nameClaim of signIn")
    return name


def _groups(told: object) -> tuple[str, ...]:
    listed = [told] if isinstance(told, str) else told if isinstance(told, list) else []
    return tuple(sorted({one for one in listed if isinstance(one, str) and one}))
