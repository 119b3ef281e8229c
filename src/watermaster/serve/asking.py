"""What every request has: the project as who asks may see it. The engine is not needed for it."""

import copy
import dataclasses
import secrets
from typing import Final, Self

from fastapi import Request

from watermaster.flows.events import Refusals
from watermaster.flows.open import Project
from watermaster.model.errors import NotAllowedError
from watermaster.model.identity import Subject, local, onlooker

ASKED: Final = "watermaster"  # where a request holds what it has
NOBODY: Final = onlooker(frozenset())
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}  # of every answer


class Asking:
    """The project, and who asks; a request has one of its own, made by `asked_by`."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.asker: Subject | None = project.subject or local(project.actor)
        self.form_token = secrets.token_urlsafe(24)
        self.refusals = Refusals()  # for whoever watches security

    def asked_by(self, asker: Subject | None, form_token: str | None = None) -> Self:
        """The same for one request: flows see and do what `asker` may, and carry the name.

        form_token: what the forms of its session carry; None: those of this process.
        """
        mine = copy.copy(self)
        mine.asker = asker
        subject = asker or NOBODY
        mine.project = dataclasses.replace(self.project, actor=subject.name, subject=subject)
        mine.form_token = form_token or self.form_token
        return mine


def the_project(request: Request) -> Project:
    """The ledger as who sent a request may see and change it."""
    return the_asking(request).project


def the_asking(request: Request) -> Asking:
    """What a request that the guard looked at has."""
    asking: Asking | None = request.scope.get("state", {}).get(ASKED)
    if asking is None:
        raise NotAllowedError(request.url.path, "was not looked at", "ask through the guard")
    return asking
