"""Before anything of a request is read: which route it asks for, who asks, and whether they may."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from watermaster.flows.open import Project
from watermaster.flows.sight import need, see_all
from watermaster.model.errors import (
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    WatermasterError,
)
from watermaster.model.identity import Right, Subject
from watermaster.model.ocsf import Refusal
from watermaster.serve.asking import ASKED, Asking, the_asking
from watermaster.serve.callers import Caller, Callers
from watermaster.serve.rights import RIGHTS, Of, Rule, Sight, held_against

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CALLER: Final = "watermaster-caller"
CALLERS: Final = "watermaster-callers"
OWN_SITE: Final = frozenset({"same-origin", "none"})
Tell = Callable[[Request, WatermasterError], Response]


@dataclass(frozen=True, slots=True)
class Asked:
    """A route that a request fits."""

    rule: Rule
    names: Mapping[str, Any]  # what its path names


class Table:
    """The routes of an app as its router tries them, each with its rule."""

    def __init__(self, routes: Iterable[BaseRoute], table: Mapping[str, Rule] = RIGHTS) -> None:
        held = [(method, path) for path, methods in _served(routes) for method in methods]
        held_against((f"{method} {path}" for method, path in held), table)
        self._plain: dict[tuple[str, str], Rule] = {}
        self._named: list[tuple[str, re.Pattern[str], Mapping[str, Any], Rule]] = []
        for method, path in held:
            pattern, _, convertors = compile_path(path)
            rule = table[f"{method} {path}"]
            if not convertors and not self._fits(method, path):
                self._plain.setdefault((method, path), rule)
            else:
                self._named.append((method, pattern, convertors, rule))

    def find(self, method: str, path: str) -> Asked:
        """What a request asks for; NotFoundError where nothing serves it."""
        method = "GET" if method == "HEAD" else method
        plain = self._plain.get((method, path))
        if plain is not None:
            return Asked(plain, {})
        for held, pattern, convertors, rule in self._named:
            match = pattern.match(path) if held == method else None
            if match:
                told = {k: convertors[k].convert(v) for k, v in match.groupdict().items()}
                return Asked(rule, told)
        raise NotFoundError(path, f"{method} not found", "begin at the first page")

    def is_plain(self, request: Request) -> bool:
        """Whether a request's right hangs on its route alone, so that no database is asked."""
        rule = self._plain.get((request.method, request.scope["path"]))
        return rule is not None and rule.of is Of.NOBODY

    def _fits(self, method: str, path: str) -> bool:
        """Whether a route tried earlier takes this path."""
        return any(m == method and p.match(path) for m, p, _, _ in self._named)


class Guard:
    """Lets a request through with its State, or answers why not."""

    def __init__(self, app: ASGIApp, table: Table, state: Asking, tell: Tell) -> None:
        self.app, self.table, self.state, self.tell = app, table, state, tell
        self.callers = Callers(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever is neither HTTP nor the app's own beginning and end is closed."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        if self.table.is_plain(request) and self.callers.know(request):
            refused = self._refused(request)  # sooner than a thread could begin
        else:
            refused = await run_in_threadpool(self._refused, request)
        await (refused or self.app)(scope, receive, send)

    def _refused(self, request: Request) -> Response | None:
        """The answer to who may not; None where the request may go on, with its State."""
        self._give(request, Caller(None))  # a refusal is told to nobody in particular
        try:
            caller = self.callers.of(request)
            self._give(request, caller)
            asked = self.table.find(request.method, request.scope["path"])
            _from_own_site(request, caller)
            self._allow(request, asked, caller.subject)
        except WatermasterError as error:
            told_of(request, error)
            return self.tell(request, error)
        return None

    def _give(self, request: Request, caller: Caller) -> None:
        mine = self.state.asked_by(caller.subject, caller.form_token)
        held = request.scope.setdefault("state", {})
        held |= {ASKED: mine, CALLER: caller, CALLERS: self.callers}

    def _allow(self, request: Request, asked: Asked, subject: Subject | None) -> None:
        where, rule = request.url.path, asked.rule
        if rule.right is Right.NOBODY:
            return
        if subject is None:
            raise NotSignedInError(where, "nobody is signed in", "sign in, or send a token")
        project = replace(self.state.project, subject=subject)
        need(project, rule.right, None, where)
        if rule.sight is Sight.ALL:
            see_all(project, where)
        if rule.of is not Of.NOBODY:
            need(project, rule.right, _owner(rule.of, project, asked.names), where)


def told_of(request: Request, error: WatermasterError) -> None:
    """Keep a refusal for whoever watches security; that a page wants sign-in first is none."""
    state = the_asking(request)
    is_asking = isinstance(error, NotSignedInError) and not (
        "authorization" in request.headers or request.query_params.get("code")
    )
    if is_asking or not isinstance(error, NotAllowedError) or not state.project.config.events:
        return
    state.refusals.add(
        Refusal(
            at=state.project.ledger.clock(), actor=_name_of(request),
            address=request.client.host if request.client else "", method=request.method,
            path=request.url.path, status=error.http_status, what=error.what,
        )
    )  # fmt: skip


def _name_of(request: Request) -> str | None:
    subject = the_caller(request).subject
    return subject.name if subject else None


def the_caller(request: Request) -> Caller:
    """Who sent a request that was let through."""
    caller: Caller = request.scope["state"][CALLER]
    return caller


def the_callers(request: Request) -> Callers:
    """What finds out who asks, and makes those wait who try too often."""
    callers: Callers = request.scope["state"][CALLERS]
    return callers


def served_names(routes: Iterable[BaseRoute]) -> list[str]:
    """Every route as the table of rights names it."""
    return [f"{method} {path}" for path, methods in _served(routes) for method in methods]


def _served(routes: Iterable[BaseRoute]) -> Iterable[tuple[str, list[str]]]:
    """Path and methods of every route, HEAD being GET."""
    for route in routes:
        if not isinstance(route, Route):
            told = f"{route!r} is no route whose right could be declared"
            raise WatermasterError("serve/app.py", told, "serve it through a router")
        yield route.path, sorted((route.methods or set()) - {"HEAD"})


def _from_own_site(request: Request, caller: Caller) -> None:
    """A change that a page of another site sends with the reader's cookie, or none, is refused."""
    if request.method in SAFE or caller.is_program:
        return
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    if site not in OWN_SITE or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise NotAllowedError(request.url.path, "was asked from another site", "ask it directly")


def _owner(of: Of, project: Project, names: Mapping[str, Any]) -> str | None:
    """The team that owns what a path names."""
    # what knows findings brings the engine, which not every server has
    from watermaster.flows.owners import team_of_declared, team_of_finding, team_of_fix

    match of:
        case Of.FINDING:
            return team_of_finding(project, str(names.get("finding") or names["id_"]))
        case Of.FIX:
            return team_of_fix(project, str(names.get("fix") or names["id_"]))
        case _:
            return team_of_declared(project, str(names["noun"]), str(names["name"]))
