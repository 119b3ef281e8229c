"""The 22 routes of MLflow's model registry: what each reads, the flow it runs, what it tells.

Flows of the registry need the records alone, not the engine, so requests run side by side.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from watermaster.flows import registry, registry_read
from watermaster.flows.lineage import Told
from watermaster.flows.open import Project
from watermaster.model.registry import Stage
from watermaster.model.registry_search import MODELS, VERSIONS, Searched, read_search, token_of
from watermaster.serve.asking import the_project
from watermaster.serve.mlflow.bodies import (
    MOST_BYTES,
    Field,
    HugeBodyError,
    Kind,
    needed,
    read_body,
    read_query,
)
from watermaster.serve.mlflow.wire import model_told, version_told

_MODEL: Final = "registered-models/"
_OF_VERSION: Final = "model-versions/"
PREFIX: Final = "/api/2.0/mlflow/"
Told_ = dict[str, Any]
Work = Callable[[Project, Mapping[str, Any]], Told_]
NAME, VERSION, KEY, ALIAS = needed("name"), needed("version"), needed("key"), needed("alias")
VALUE, DESCRIPTION = Field("value"), Field("description")
TAGS: Final = Field("tags", Kind.TAGS)
ASKED: Final = (Field("filter"), Field("order_by", Kind.TEXTS), Field("page_token"))
# a look at one key: no writer makes it wait, and it is done in a fifth of a millisecond
QUICK: Final = frozenset(
    ("GET", path) for path in (f"{_MODEL}get", f"{_MODEL}alias", f"{_OF_VERSION}get")
)
A_PAGE: Final = {MODELS: 100, VERSIONS: 10_000}


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the registry."""

    verb: str  # of HTTP
    path: str
    fields: tuple[Field, ...]
    work: Work


def _create_model(project: Project, told: Mapping[str, Any]) -> Told_:
    made = registry.create_model(
        project, told["name"], told["tags"] or (), told["description"] or ""
    )
    return {"registered_model": model_told(made)}


def _rename_model(project: Project, told: Mapping[str, Any]) -> Told_:
    return {
        "registered_model": model_told(
            registry.rename_model(project, told["name"], told["new_name"])
        )
    }


def _update_model(project: Project, told: Mapping[str, Any]) -> Told_:
    held = registry.describe_model(project, told["name"], told["description"] or "")
    return {"registered_model": model_told(held)}


def _delete_model(project: Project, told: Mapping[str, Any]) -> Told_:
    registry.delete_model(project, told["name"])
    return {}


def _get_model(project: Project, told: Mapping[str, Any]) -> Told_:
    return {"registered_model": model_told(registry_read.get_model(project, told["name"]))}


def _search_models(project: Project, told: Mapping[str, Any]) -> Told_:
    asked = _search(MODELS, told)
    found, is_more = registry_read.find_models(project, asked)
    held = {"registered_models": [model_told(one) for one in found]} if found else {}
    return held | _next(asked.offset + asked.most, is_more)


def _tag_model(project: Project, told: Mapping[str, Any]) -> Told_:
    registry.tag_model(project, told["name"], told["key"], told["value"] or "")
    return {}


def _untag_model(project: Project, told: Mapping[str, Any]) -> Told_:
    registry.untag_model(project, told["name"], told["key"])
    return {}


def _latest(project: Project, told: Mapping[str, Any]) -> Told_:
    found = registry_read.get_latest(project, told["name"], told["stages"] or [])
    return {"model_versions": [version_told(one) for one in found]} if found else {}


def _set_alias(project: Project, told: Mapping[str, Any]) -> Told_:
    registry.set_alias(project, told["name"], told["alias"], told["version"])
    return {}


def _drop_alias(project: Project, told: Mapping[str, Any]) -> Told_:
    registry.drop_alias(project, told["name"], told["alias"])
    return {}


def _get_alias(project: Project, told: Mapping[str, Any]) -> Told_:
    held = registry_read.get_aliased(project, told["name"], told["alias"])
    return {"model_version": version_told(held)}


def _create_version(project: Project, told: Mapping[str, Any]) -> Told_:
    new = registry.NewVersion(
        model=told["name"],
        told=Told(source=told["source"], run_id=told["run_id"], logged_model=told["model_id"]),
        run_link=told["run_link"] or "",
        description=told["description"] or "",
        tags=told["tags"] or (),
    )
    return {"model_version": version_told(registry.create_version(project, new))}


def _get_version(project: Project, told: Mapping[str, Any]) -> Told_:
    held = registry_read.get_version(project, told["name"], told["version"])
    return {"model_version": version_told(held)}


def _update_version(project: Project, told: Mapping[str, Any]) -> Told_:
    held = registry.describe_version(project, told["name"], told["version"], told["description"])
    return {"model_version": version_told(held)}


def _delete_version(project: Project, told: Mapping[str, Any]) -> Told_:
    registry.delete_version(project, told["name"], told["version"])
    return {}


def _search_versions(project: Project, told: Mapping[str, Any]) -> Told_:
    asked = _search(VERSIONS, told)
    found, is_more = registry_read.find_versions(project, asked)
    told_ = [version_told(one, with_aliases=False) for one in found]
    held = {"model_versions": told_} if found else {}
    return held | _next(asked.offset + asked.most, is_more)


def _move_version(project: Project, told: Mapping[str, Any]) -> Told_:
    others = Stage.ARCHIVED if told["archive_existing_versions"] else None
    held = registry.move_version(project, told["name"], told["version"], told["stage"], others)
    return {"model_version": version_told(held)}


def _place(project: Project, told: Mapping[str, Any]) -> Told_:
    place = registry_read.download_place(project, told["name"], told["version"])
    return {"artifact_uri": place}


def _tag_version(project: Project, told: Mapping[str, Any]) -> Told_:
    value = told["value"] or ""
    registry.tag_version(project, told["name"], told["version"], told["key"], value)
    return {}


def _untag_version(project: Project, told: Mapping[str, Any]) -> Told_:
    registry.untag_version(project, told["name"], told["version"], told["key"])
    return {}


def _searched(things: Searched) -> tuple[Field, ...]:
    return (*ASKED, Field("max_results", Kind.NUMBER, most=things.most))


_STAGES: Final = Field("stages", Kind.TEXTS)
METHODS: Final = (
    Method("POST", f"{_MODEL}create", (NAME, TAGS, DESCRIPTION), _create_model),
    Method("POST", f"{_MODEL}rename", (NAME, needed("new_name")), _rename_model),
    Method("PATCH", f"{_MODEL}update", (NAME, DESCRIPTION), _update_model),
    Method("DELETE", f"{_MODEL}delete", (NAME,), _delete_model),
    Method("GET", f"{_MODEL}get", (NAME,), _get_model),
    Method("GET", f"{_MODEL}search", _searched(MODELS), _search_models),
    Method("POST", f"{_MODEL}set-tag", (NAME, KEY, VALUE), _tag_model),
    Method("DELETE", f"{_MODEL}delete-tag", (NAME, KEY), _untag_model),
    Method("GET", f"{_MODEL}get-latest-versions", (NAME, _STAGES), _latest),
    Method("POST", f"{_MODEL}get-latest-versions", (NAME, _STAGES), _latest),
    Method("POST", f"{_MODEL}alias", (NAME, ALIAS, VERSION), _set_alias),
    Method("DELETE", f"{_MODEL}alias", (NAME, ALIAS), _drop_alias),
    Method("GET", f"{_MODEL}alias", (NAME, ALIAS), _get_alias),
    Method(
        "POST",
        f"{_OF_VERSION}create",
        (
            NAME,
            needed("source"),
            Field("run_id"),
            TAGS,
            Field("run_link"),
            DESCRIPTION,
            Field("model_id"),
        ),
        _create_version,
    ),
    Method("GET", f"{_OF_VERSION}get", (NAME, VERSION), _get_version),
    Method("PATCH", f"{_OF_VERSION}update", (NAME, VERSION, DESCRIPTION), _update_version),
    Method("DELETE", f"{_OF_VERSION}delete", (NAME, VERSION), _delete_version),
    Method("GET", f"{_OF_VERSION}search", _searched(VERSIONS), _search_versions),
    Method("GET", f"{_OF_VERSION}get-download-uri", (NAME, VERSION), _place),
    Method(
        "POST",
        f"{_OF_VERSION}transition-stage",
        (NAME, VERSION, needed("stage"), Field("archive_existing_versions", Kind.FLAG)),
        _move_version,
    ),
    Method("POST", f"{_OF_VERSION}set-tag", (NAME, VERSION, KEY, VALUE), _tag_version),
    Method("DELETE", f"{_OF_VERSION}delete-tag", (NAME, VERSION, KEY), _untag_version),
)


def _endpoint(method: Method) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        if method.verb == "GET":
            told = read_query(request.query_params, method.fields)
        else:
            kind = request.headers.get("content-type", "")
            told = read_body(await _body(request), kind, method.fields)
        project = the_project(request)
        if (method.verb, method.path) in QUICK and project.ledger.records.dialect.name == "sqlite":
            return JSONResponse(method.work(project, told))  # sooner than a thread could begin
        return JSONResponse(await run_in_threadpool(method.work, project, told))

    return answer


async def _body(request: Request) -> bytes:
    """The whole body, and no more than may be sent."""
    parts, held = [], 0
    try:
        async for part in request.stream():
            held += len(part)
            if held > MOST_BYTES:
                raise HugeBodyError
            parts.append(part)
    except ClientDisconnect:
        return b""  # nobody waits for the answer
    return b"".join(parts)


def _search(things: Searched, told: Mapping[str, Any]) -> Any:
    most = A_PAGE[things] if told["max_results"] is None else told["max_results"]
    return read_search(
        things, told["filter"] or "", told["order_by"] or [], most, told["page_token"] or ""
    )


def _next(offset: int, is_more: object) -> Told_:
    return {"next_page_token": token_of(offset)} if is_more else {}


router = APIRouter()
for one in METHODS:
    router.add_route(PREFIX + one.path, _endpoint(one), methods=[one.verb], include_in_schema=False)
