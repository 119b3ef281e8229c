"""Signing in and out, and the account of who is signed in."""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from watermaster.flows.sign_in import begin, end, finish, leave, own_page, settings
from watermaster.flows.who import who_asks
from watermaster.model.errors import NotSignedInError, WatermasterError
from watermaster.serve.api import answer
from watermaster.serve.callers import BEGUN, SESSION, cookie_name, drop_cookie, set_cookie
from watermaster.serve.forms import TheForm, back_to
from watermaster.serve.guard import the_caller, the_callers, told_of
from watermaster.serve.render import page
from watermaster.serve.state import Shared

MINUTES_S: Final = 600
HOUR_S: Final = 3600
pages = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["identity"])


@pages.get("/sign-in")
def sign_in(request: Request, state: Shared) -> Response:
    """What signing in means here, and the way to it."""
    spec, to = settings(state.project), own_page(request.query_params.get("to", "/"))
    if state.asker is not None:
        return back_to(to)
    context = {"title": "Sign in", "begin": f"/sign-in/begin?{urlencode({'to': to})}",
               "issuer": spec.issuer, "error": None}  # fmt: skip
    return page(request, "sign_in.html", context)


@pages.get("/sign-in/begin")
def sign_in_begin(request: Request, state: Shared) -> Response:
    """To the provider of identities."""
    the_callers(request).attempt(request)
    address, browser = begin(state.project, request.query_params.get("to", "/"))
    told = RedirectResponse(address, 303, {"cache-control": "no-store"})
    set_cookie(told, settings(state.project), BEGUN, browser, MINUTES_S)
    return told


@pages.get("/sign-in/back")
def sign_in_back(request: Request, state: Shared) -> Response:
    """From the provider; what is wrong is told on the page where one can try again."""
    spec = settings(state.project)
    told: Response
    try:
        query = dict(request.query_params)
        opened, to = finish(state.project, query, request.cookies.get(cookie_name(BEGUN, spec), ""))
        told = RedirectResponse(to, 303, {"cache-control": "no-store"})
        set_cookie(told, spec, SESSION, opened.secret, int(spec.session_hours * HOUR_S))
    except WatermasterError as error:
        told_of(request, error)
        the_callers(request).attempt(request)
        context = {"title": "Sign in", "begin": "/sign-in/begin", "issuer": spec.issuer,
                   "error": error}  # fmt: skip
        told = page(request, "sign_in.html", context, error.http_status)
    drop_cookie(told, spec, BEGUN)
    return told


@pages.post("/sign-out")
def sign_out(request: Request, state: Shared, form: TheForm) -> Response:
    """End this session, here and at the provider where it has a place for that."""
    del form
    session = the_caller(request).session
    if session is None:
        raise NotSignedInError("sign-out", "nobody is signed in", "close the browser")
    to = leave(state.project, session) or "/sign-in"
    # led on by the page: a browser follows no redirect of a form to another site
    context = {"title": "Signed out", "to": to, "refresh": f"0; url={to}"}
    told = page(request, "signed_out.html", context | {"asker": None, "ages": []})
    drop_cookie(told, settings(state.project), SESSION)
    return told


@pages.get("/account")
def account(request: Request, state: Shared) -> Response:
    """Who asks, what they may, where they are signed in."""
    if state.asker is None:
        return back_to("/sign-in?to=/account")
    told = who_asks(state.project)
    context = {"title": "Account", "told": told, "here": the_caller(request).session,
               "token": state.form_token, "command": "wm whoami"}  # fmt: skip
    return page(request, "account.html", context)


@pages.post("/account/sessions")
def end_session(state: Shared, form: TheForm) -> Response:
    """End another session of one's own, or all of them."""
    mine = [one.hash for one in who_asks(state.project).sessions]
    wanted = form.get("session", "")
    end(state.project, state.project.asker.name, mine if wanted == "all" else [wanted])
    return back_to("/account")


@api.get("/whoami")
def get_whoami(state: Shared) -> Response:
    """Who asks, by what, and what they may: `wm whoami`."""
    if state.asker is None:
        raise NotSignedInError("/api/v1/whoami", "nobody is signed in", "sign in, or send a token")
    return answer(who_asks(state.project))
