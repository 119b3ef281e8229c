"""Who sends a request: a person by the cookie of a session, a program by a token, or this machine.

Sessions and tokens are looked up for every request, so that what is ended or revoked ends at once.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from watermaster.flows.identify import PREFIX, by_session, by_token
from watermaster.flows.sign_in import count_attempt, form_token
from watermaster.model.config import SignIn
from watermaster.model.errors import NotSignedInError, TooOftenError
from watermaster.model.identity import Session, Subject
from watermaster.serve.asking import Asking

SESSION: Final = "watermaster"
BEGUN: Final = "watermaster-begun"
MOST_KNOWN: Final = 10_000
UNKNOWN: Final = "somewhere"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and by what: a session's forms carry a token of its own."""

    subject: Subject | None
    form_token: str | None = None
    session: Session | None = None
    is_program: bool = False  # it showed a token, which no page of another site can


class Callers:
    """Finds out who sends requests, and makes those wait who guess."""

    def __init__(self, state: Asking) -> None:
        self._state = state
        self._spec = state.project.config.sign_in
        self._waiting: dict[str, str] = {}  # address to the minute it must see the end of

    def of(self, request: Request) -> Caller:
        """NotSignedInError for a token that lets nobody in; nobody where nothing was shown."""
        secret = token_in(request)
        if secret is not None:
            return self._program(request, secret)
        if self._spec is None:
            return Caller(self._state.asker)
        cookie = request.cookies.get(cookie_name(SESSION, self._spec))
        known = by_session(self._state.project, cookie) if cookie else None
        if cookie is None or known is None:
            return Caller(None)
        return Caller(known.subject, form_token(cookie), known.session)

    def know(self, request: Request) -> bool:
        """Whether it is known at once who asks: whoever uses this machine, without a token."""
        return self._spec is None and token_in(request) is None

    def attempt(self, request: Request) -> None:
        """Count one; TooOftenError where this address must wait."""
        if self._spec is None:
            return
        source = request.client.host if request.client else UNKNOWN
        minute = f"{self._state.project.ledger.clock():%Y-%m-%dT%H:%M}"
        if self._waiting.get(source) == minute:  # told without asking the database again
            raise TooOftenError("sign-in", "too many attempts from this address in a minute",
                                "wait for the next minute")  # fmt: skip
        try:
            count_attempt(self._state.project, source)
        except TooOftenError:
            if len(self._waiting) >= MOST_KNOWN:
                self._waiting.clear()
            self._waiting[source] = minute
            raise

    def _program(self, request: Request, secret: str) -> Caller:
        try:
            return Caller(by_token(self._state.project, secret), is_program=True)
        except NotSignedInError:
            self.attempt(request)
            raise


def token_in(request: Request) -> str | None:
    """Our token in the Authorization header: as Bearer, or as the password of Basic."""
    kind, _, told = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            told = base64.b64decode(told.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif kind.lower() != "bearer":
        return None
    return told.strip() if told.strip().startswith(PREFIX) else None


def cookie_name(name: str, spec: SignIn) -> str:
    """With the prefix by which browsers hold a cookie to this host and to encrypted connections."""
    return f"__Host-{name}" if spec.is_https else name


def set_cookie(answer: Response, spec: SignIn, name: str, value: str, longest_s: int) -> None:
    """A cookie that no script reads and that other sites' requests do not carry."""
    answer.set_cookie(
        cookie_name(name, spec), value, max_age=longest_s, path="/", secure=spec.is_https,
        httponly=True, samesite="lax",
    )  # fmt: skip


def drop_cookie(answer: Response, spec: SignIn, name: str) -> None:
    """Forget one."""
    answer.delete_cookie(
        cookie_name(name, spec), path="/", secure=spec.is_https, httponly=True, samesite="lax"
    )
