"""The pages Tokens and Roles, and the same as REST: what programs show, and who may do what."""

import datetime as dt
from typing import Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from watermaster.flows.estate import known_estate
from watermaster.flows.glass import break_glass, end_glass, every_glass
from watermaster.flows.people import admit_person, bar_person, who_may
from watermaster.flows.tokens import TokenAsked, create_token, list_tokens, revoke_token
from watermaster.model.errors import UsageError, WatermasterError
from watermaster.model.estate import live_estate
from watermaster.model.identity import RIGHTS, Glass, Right, Role
from watermaster.serve.api import answer
from watermaster.serve.api_findings import CHANGES
from watermaster.serve.forms import TheForm, back_to
from watermaster.serve.render import page
from watermaster.serve.rights import RIGHTS as ROUTES
from watermaster.serve.state import Shared, State

pages = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["identity"])
ROLES: Final = [role for role in Role if role is not Role.APPROVER]  # of a program


class TokenWanted(BaseModel):
    """What a program should be able to do, and for how long."""

    name: str
    role: Role
    teams: list[str] = []
    scopes: list[Right] = []
    days: int = Field(ge=1, le=366)


class GlassWanted(BaseModel):
    """A role that somebody takes in an emergency."""

    subject: str
    role: Role
    team: str | None = None
    why: str
    minutes: int = Field(60, ge=1, le=240)


@pages.get("/tokens")
def tokens(request: Request, state: Shared) -> Response:
    """Tokens one may see, and the form that makes one."""
    return _tokens(request, state)


@pages.post("/tokens")
def make_token(request: Request, state: Shared, form: TheForm) -> Response:
    """Make a token; its secret is on this answer and nowhere else."""
    try:
        wanted = TokenWanted(
            name=form.get("name", ""), role=_role(form.get("role", "")),
            teams=[form["team"]] if form.get("team") else [],
            scopes=[_right(form["scope"])] if form.get("scope") else [],
            days=_days(form.get("days", "")),
        )  # fmt: skip
        made = create_token(state.project, _asked(state, wanted))
    except WatermasterError as error:
        return _tokens(request, state, error=error)
    return _tokens(request, state, secret=made.secret, name=made.token.name)


@pages.post("/tokens/{name}/revoke")
def end_token(request: Request, state: Shared, name: str, form: TheForm) -> Response:
    """Let it in no more."""
    del form
    try:
        revoke_token(state.project, name)
    except WatermasterError as error:
        return _tokens(request, state, error=error)
    return back_to("/tokens")


@pages.get("/roles")
def roles(request: Request, state: Shared) -> Response:
    """Who may do what: people, names, roles, routes, broken glass."""
    now = state.project.ledger.clock()
    context = {"title": "Roles", "told": who_may(state.project), "rights": RIGHTS, "now": now,
               "routes": ROUTES, "command": "wm person list", "token": state.form_token,
               "open": Right.NOBODY}  # fmt: skip
    return page(request, "roles.html", context)


@pages.post("/roles/{name}/{act}")
def keep_out(state: Shared, name: str, act: str, form: TheForm) -> Response:
    """Bar somebody, or admit them again."""
    del form
    acts = {"bar": bar_person, "admit": admit_person}
    if act not in acts:
        raise UsageError("the form", f"there is no {act[:20]!r}", "bar, or admit")
    acts[act](state.project, name)
    return back_to("/roles")


@api.get("/tokens")
def get_tokens(state: Shared) -> Response:
    """Tokens one made; all of them for who administers or audits: `wm token list`."""
    return answer(list_tokens(state.project))


@api.post("/tokens", dependencies=CHANGES)
def post_token(state: Shared, wanted: TokenWanted) -> Response:
    """Make a token; the secret is in this answer and nowhere else: `wm token create`."""
    made = create_token(state.project, _asked(state, wanted))
    told = answer({"token": made.token, "secret": made.secret})
    told.headers["cache-control"] = "no-store"
    return told


@api.delete("/tokens/{name}")
def delete_token(state: Shared, name: str) -> Response:
    """Let it in no more: `wm token revoke`."""
    return answer(revoke_token(state.project, name))


@api.get("/roles")
def get_roles(state: Shared) -> Response:
    """Who may do what: `wm person list`."""
    return answer(who_may(state.project))


@api.get("/glass")
def get_glass(state: Shared) -> Response:
    """Every time the glass was broken: `wm glass list`."""
    return answer(every_glass(state.project))


@api.post("/glass", dependencies=CHANGES)
def post_glass(state: Shared, wanted: GlassWanted) -> Response:
    """Break the glass: `wm glass break`."""
    now = state.project.ledger.clock()
    asked = Glass(id="", subject=wanted.subject, role=wanted.role, team=wanted.team,
                  why=wanted.why, at=now,
                  ends_at=now + dt.timedelta(minutes=wanted.minutes))  # fmt: skip
    return answer(state.run(break_glass, asked))


@api.delete("/glass/{id_}")
def delete_glass(state: Shared, id_: str) -> Response:
    """End it before its time: `wm glass end`."""
    return answer(state.run(end_glass, id_))


def _tokens(
    request: Request, state: State, error: WatermasterError | None = None,
    secret: str | None = None, name: str = "",
) -> Response:  # fmt: skip
    teams = [v.resource.metadata.name for v in live_estate(known_estate(state.project)).of("Team")]
    context = {
        "title": "Tokens", "tokens": list_tokens(state.project), "error": error, "secret": secret,
        "name": name, "teams": sorted(set(teams)), "roles": ROLES, "token": state.form_token,
        "now": state.project.ledger.clock(), "command": "wm token list",
        "rights": [right for right in Right if right not in {Right.NOBODY, Right.APPROVE}],
    }  # fmt: skip
    told = page(request, "tokens.html", context, error.http_status if error else 200)
    if secret:
        told.headers["cache-control"] = "no-store"
    return told


def _asked(state: State, wanted: TokenWanted) -> TokenAsked:
    ends_at = state.project.ledger.clock() + dt.timedelta(days=wanted.days)
    return TokenAsked(name=wanted.name, role=wanted.role, teams=wanted.teams,
                      scopes=wanted.scopes, ends_at=ends_at)  # fmt: skip


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise UsageError("the form", "names no role", "choose one") from None


def _right(text: str) -> Right:
    try:
        return Right(text)
    except ValueError:
        raise UsageError("the form", "names no right", "choose one") from None


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text[:5]) <= 366:
        raise UsageError("the form", "names no number of days", "write 1 to 366")
    return int(text[:5])
