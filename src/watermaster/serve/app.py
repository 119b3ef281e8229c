"""The server: pages for people, REST for programs, metrics for monitoring."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.metadata import version
from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, RedirectResponse, Response

from watermaster.flows.open import Project
from watermaster.flows.sign_in import own_page
from watermaster.model.errors import (
    NotSignedInError,
    TooOftenError,
    UsageError,
    WatermasterError,
)
from watermaster.serve import (
    api,
    api_artefacts,
    api_findings,
    api_gates,
    api_review,
    assets,
    capacity,
    costs,
    entities,
    estate,
    findings,
    live,
    metrics,
    otlp,
    overview,
    registered,
    review,
    roles,
    sheet,
    sign_in,
    tags,
    things,
)
from watermaster.serve.asking import HEADERS
from watermaster.serve.guard import Guard, Table
from watermaster.serve.hosts import hosts_of
from watermaster.serve.mlflow import routes as mlflow_routes
from watermaster.serve.mlflow.wire import refusal
from watermaster.serve.render import page
from watermaster.serve.state import State

PROGRAMS: Final = ("/api/", "/v1/", "/metrics", "/live")  # they read JSON, not pages
MLFLOW: Final = ("/api/2.0/mlflow/", "/api/3.0/mlflow/")  # its clients read errors in its form
LOG: Final = logging.getLogger(__name__)


ROUTERS: Final = (
    *(
        one.router
        for one in (
            overview,
            costs,
            estate,
            findings,
            review,
            capacity,
            tags,
            sheet,
            assets,
            metrics,
            otlp,
            live,
            api,
            api_artefacts,
            api_findings,
            api_gates,
            api_review,
        )
    ),
    things.router,
    things.api,
    entities.pages,
    entities.api,
    registered.pages,
    registered.api,
    sign_in.pages,
    sign_in.api,
    mlflow_routes.router,
    roles.pages,
    roles.api,
)  # in the order in which a path is tried


def create_app(project: Project) -> FastAPI:
    """The app over one ledger; WatermasterError where a route has no right in serve/rights.py."""
    app = FastAPI(
        title="Watermaster",
        version=version("watermaster"),
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page would load from outside
        redoc_url=None,
    )
    table = Table([*app.routes, *(route for router in ROUTERS for route in router.routes)])
    app.state.watermaster = State(project)
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(WatermasterError, _on_purpose)
    app.add_exception_handler(RequestValidationError, _bad_request)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Guard, table=table, state=app.state.watermaster, tell=_refused)
    app.middleware("http")(_guarded)
    app.add_middleware(GZipMiddleware, minimum_size=800)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts_of(project))
    return app


async def _guarded(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Security headers on every answer; a defect becomes a page with an id, and a log line."""
    try:
        response = await answer(request)
    except Exception:
        mark = secrets.token_hex(4)
        LOG.exception("request %s %s failed, id %s", request.method, request.url.path, mark)
        error = WatermasterError(
            request.url.path, "the server failed to answer", "try again; tell us the id if it stays"
        )
        response = _told(request, error, mark)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _on_purpose(request: Request, error: Exception) -> Response:
    if not isinstance(error, WatermasterError):
        raise error
    return _told(request, error, secrets.token_hex(4))


def _refused(request: Request, error: WatermasterError) -> Response:
    """People who are not signed in are led to where they can; programs are told."""
    is_page = request.method == "GET" and not request.url.path.startswith(PROGRAMS)
    if isinstance(error, NotSignedInError) and is_page:
        to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        sign_in_at = f"/sign-in?{urlencode({'to': own_page(to)})}"
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"hx-redirect": sign_in_at})
        return RedirectResponse(sign_in_at, 303, {"cache-control": "no-store"})
    told = _told(request, error, secrets.token_hex(4))
    if isinstance(error, NotSignedInError):
        told.headers["www-authenticate"] = "Bearer"
    if isinstance(error, TooOftenError):
        told.headers["retry-after"] = "60"
    return told


async def _bad_request(request: Request, error: Exception) -> Response:
    what = "is not what it should be"
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        what = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    told = UsageError(request.url.path, what, "mend the address")
    return _told(request, told, secrets.token_hex(4))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    told = WatermasterError(
        request.url.path, HTTPStatus(status).phrase.lower(), "begin at the first page"
    )
    return _told(request, told, secrets.token_hex(4), status)


def _told(
    request: Request, error: WatermasterError, mark: str, status: int | None = None
) -> Response:
    """Where, what, what to do, and an id to quote."""
    if request.url.path.startswith(MLFLOW):
        return refusal(error, mark, status)
    status = status or error.http_status
    if request.url.path.startswith(PROGRAMS):
        told = {"where": error.where, "what": error.what, "fix": error.fix, "id": mark}
        return JSONResponse({"error": told}, status)
    context = {"title": "Error", "error": error, "mark": mark, "status": status}
    return page(request, "error.html", context, status)
