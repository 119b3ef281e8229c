"""The model registry alone: a server without the engine and the pages, so it is small."""

import logging
import secrets
from typing import Final

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from watermaster.flows.open import Project
from watermaster.model.errors import NotSignedInError, TooOftenError, WatermasterError
from watermaster.serve import live
from watermaster.serve.asking import HEADERS, Asking
from watermaster.serve.guard import Guard, Table, served_names
from watermaster.serve.hosts import hosts_of
from watermaster.serve.mlflow import routes
from watermaster.serve.mlflow.wire import refusal
from watermaster.serve.rights import RIGHTS

LOG: Final = logging.getLogger(__name__)


def create_registry_app(project: Project) -> FastAPI:
    """The app over the records of one ledger: the same routes, rights and sign-in as the whole."""
    app = FastAPI(title="Watermaster", openapi_url=None, docs_url=None, redoc_url=None)
    served = [*live.router.routes, *routes.router.routes]
    app.router.routes.extend(served)
    app.add_exception_handler(WatermasterError, _on_purpose)
    table = Table(served, {name: RIGHTS[name] for name in served_names(served)})
    app.state.watermaster = Asking(project)
    app.add_middleware(Guard, table=table, state=app.state.watermaster, tell=_refused)
    app.add_middleware(Safe)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts_of(project))
    return app


class Safe:
    """Security headers on every answer; a defect becomes an answer with an id, and a log line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing but a request is looked at."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def safely(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, safely)
        except Exception:
            if has_begun:
                raise
            mark = secrets.token_hex(4)
            LOG.exception("request %s %s failed, id %s", scope["method"], scope["path"], mark)
            what = "the server failed to answer"
            error = WatermasterError(scope["path"], what, "try again")
            await refusal(error, mark)(scope, receive, safely)


async def _on_purpose(request: Request, error: Exception) -> Response:
    if not isinstance(error, WatermasterError):
        raise error
    return _refused(request, error)


def _refused(request: Request, error: WatermasterError) -> Response:
    del request
    told = refusal(error, secrets.token_hex(4))
    if isinstance(error, NotSignedInError):
        told.headers["www-authenticate"] = "Bearer"
    if isinstance(error, TooOftenError):
        told.headers["retry-after"] = "60"
    return told
