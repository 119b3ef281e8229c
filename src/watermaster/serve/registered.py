"""The page Registry and its REST: models, their versions, what gates say, what stood when."""

import dataclasses
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from watermaster.flows.registered import (
    ROWS,
    list_registered,
    moment_of,
    registered,
    registered_version,
)
from watermaster.flows.scope import is_empty
from watermaster.model.entities import Noun
from watermaster.model.errors import NotFoundError
from watermaster.model.gates import Verdict
from watermaster.model.identity import Right
from watermaster.model.registered import Dossier, RegisteredList, VersionDossier
from watermaster.serve.api import answer
from watermaster.serve.questions import page_of, place
from watermaster.serve.render import page
from watermaster.serve.state import Shared, State

MARKS: Final = {
    Verdict.ALLOWED.value: ("good", "●", "Allowed"),
    Verdict.REFUSED.value: ("bad", "■", "Refused"),
    Verdict.MISSING.value: ("warn", "▲", "Evidence missing"),
}
pages = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["registry"])


@pages.get("/models")
def models(request: Request, state: Shared) -> Response:
    """Every registered model with what stands where, searched and 50 a page."""
    query = request.query_params
    text, at = query.get("q", ""), page_of(query.get("page"))
    found = list_registered(state.project, text, at)
    context = {
        "title": "Registry", "found": found, "text": text, "page": at,
        "pages": -(-found.count // ROWS),
    }  # fmt: skip
    return page(request, "registered.html", context)


@pages.get("/models/{name}")
def model(request: Request, state: Shared, name: str, at: str | None = None) -> Response:
    """One model: what stands, who put it there on what evidence, at any moment."""
    found = registered(state.project, name, moment_of(at))
    used = _used(state, found)
    context = {
        "title": name, "found": found, "asked": at or "", "marks": MARKS,
        "above": (place(request).to("/models"), "Registry"), "now": found.now,
        "may_audit": state.project.asker.may(Right.AUDIT), "used": used,
        "known": state.known(None) if used else frozenset(),
        "command": f"wm model history {name}" + (f" --at {at}" if at else ""),
    }  # fmt: skip
    return page(request, "registered_model.html", context)


@pages.get("/models/{name}/{version}")
def version(request: Request, state: Shared, name: str, version: str) -> Response:
    """One version: what was shown of it, and every reason of every gate."""
    found = registered_version(state.project, name, version)
    context = {
        "title": f"{name} {found.version.version}", "found": found, "one": found.version,
        "marks": MARKS, "above": (place(request).to(f"/models/{name}"), name), "now": found.now,
        "may_audit": state.project.asker.may(Right.AUDIT), "run": _run(state, found),
        "command": f"wm gate check {name}/{found.version.version}",
    }  # fmt: skip
    return page(request, "registered_version.html", context)


@api.get("/registry/models", response_model=RegisteredList, name="get_registered_models")
def get_models(
    state: Shared,
    q: Annotated[str, Query(description="part of a name or team")] = "",
    page: Annotated[int, Query(ge=1, description="50 a page")] = 1,
) -> Response:
    """Every registered model with what stands where: `wm model versions`."""
    return answer(list_registered(state.project, q, page))


@api.get("/registry/models/{name}", response_model=Dossier, name="get_registered_model")
def get_model(
    state: Shared,
    name: str,
    at: Annotated[str | None, Query(description="what stood then: a day or a moment, UTC")] = None,
) -> Response:
    """One registered model whole; what was in production at a moment: `wm model history`."""
    return answer(_told(state, registered(state.project, name, moment_of(at))))


@api.get(
    "/registry/models/{name}/versions/{version}", response_model=VersionDossier,
    name="get_registered_version",
)  # fmt: skip
def get_version(state: Shared, name: str, version: str) -> Response:
    """One version whole: evidence, and what every gate says of it now."""
    return answer(_told(state, registered_version(state.project, name, version)))


def _told(state: State, found: Any) -> Any:
    """Without the access log, where who asks may not see it."""
    if state.project.asker.may(Right.AUDIT):
        return found
    return dataclasses.replace(found, accesses=[])


def _used(state: State, found: Dossier) -> Any:
    """Its passport with costs and deployments, for who may see the costs of all."""
    if not found.declared or state.project.asker.teams is not None or state.run(is_empty):
        return None
    try:
        return state.passport(Noun.MODEL, found.model.name, None)
    except NotFoundError:
        return None


def _run(state: State, found: VersionDossier) -> Any:
    """The training run as it was seen in the newest month; None where it was not."""
    run_id = found.version.run_id
    if not run_id or state.project.asker.teams is not None or state.run(is_empty):
        return None
    return next((one for one in state.seen().things if one.uid == run_id), None)
