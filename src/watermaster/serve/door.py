"""The cluster's door as its API server asks it: AdmissionReview v1 of admission.k8s.io.

It is a server of its own, beside the pages: it answers clusters only and nothing else of the
ledger can be asked through it. A fault of ours is answered with 500, upon which the cluster does
what its webhook configuration declares (failurePolicy).
"""

import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from watermaster.decide.release.named import workload
from watermaster.flows.door import admit
from watermaster.flows.door_open import BEAT_S, Beats
from watermaster.flows.open import Project
from watermaster.model.door import Answer, Asked, Workload
from watermaster.model.errors import BadInputError

API: Final = "admission.k8s.io/v1"
MOST_BYTES: Final = 8 << 20  # an object and what it was; a cluster keeps at most 1.5 MiB of one
MOST_MESSAGE: Final = 4000
LOG: Final = logging.getLogger(__name__)
_FIX: Final = "let a ValidatingWebhookConfiguration ask: wm door render"


def create_door(project: Project) -> Starlette:
    """The app over one ledger."""
    beats = Beats(project)

    async def asked(request: Request) -> Response:
        body = await _body(request)
        return await run_in_threadpool(_answer, project, beats, (request, body))

    async def live(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    routes = [
        Route("/admit/{environment}", asked, methods=["POST"]),
        Route("/live", live, methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=_beating(beats))


def _beating(beats: Beats) -> Callable[[Starlette], Any]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        ended = threading.Event()
        await run_in_threadpool(beats.begin)
        runner = threading.Thread(target=_beat, args=(beats, ended), name="beats")
        runner.start()
        try:
            yield
        finally:
            ended.set()
            runner.join()
            beats.beat(ended=True)

    return lifespan


def _beat(beats: Beats, ended: threading.Event) -> None:
    while not ended.wait(BEAT_S):
        try:
            beats.beat()
        except OSError as error:  # a full disk: the door itself may still answer
            LOG.warning("%s cannot be written: %s", beats.path, error)


async def _body(request: Request) -> bytes | None:
    """What was sent; None where it is too much."""
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > MOST_BYTES:
            return None
    return bytes(held)


def _answer(project: Project, beats: Beats, sent: tuple[Request, bytes | None]) -> Response:
    request, body = sent
    try:
        if body is None:
            return PlainTextResponse(f"more than {MOST_BYTES} bytes\n", 413)
        asked = read_review(body, request.path_params["environment"])
        told = admit(project, asked)
        beats.confess()
    except BadInputError as error:
        return PlainTextResponse(f"{error}\n", 400)
    except Exception as error:
        LOG.exception("the door failed to answer; the cluster does what it was declared to")
        beats.fault(f"{type(error).__name__}: {error}"[:200])
        return PlainTextResponse("the door failed to answer, see its log\n", 500)
    return JSONResponse(review_of(told))


def read_review(body: bytes, environment: str) -> Asked:
    """The question of an AdmissionReview; BadInputError where it is none."""
    try:
        told = json.loads(body)
        request = told["request"]
        uid, by = str(request["uid"]), str(request["userInfo"]["username"])
        is_v1 = told["apiVersion"] == API and told["kind"] == "AdmissionReview"
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInputError("AdmissionReview", "cannot be read", _FIX) from None
    if not is_v1 or not uid:
        raise BadInputError("AdmissionReview", f"is not of {API}", _FIX)
    found = request.get("object")
    if not isinstance(found, Mapping):
        raise BadInputError("AdmissionReview", "has no object", _FIX)
    was = request.get("oldObject")
    return Asked(
        uid=uid, environment=environment, by=by, operation=str(request.get("operation", "")),
        workload=_workload(found, request),
        was=_workload(was, request) if isinstance(was, Mapping) else None,
        is_rehearsal=bool(request.get("dryRun")),
        is_leaving=bool((found.get("metadata") or {}).get("deletionTimestamp")),
    )  # fmt: skip


def _workload(found: Mapping[str, Any], request: Mapping[str, Any]) -> Workload:
    about = found.get("metadata") or {}
    name = about.get("name") or request.get("name") or f"{about.get('generateName', '')}*"
    kind = (request.get("kind") or {}).get("kind") or found.get("kind") or "object"
    return workload(found, str(kind), str(request.get("namespace") or ""), str(name))


def review_of(answer: Answer) -> dict[str, Any]:
    """An answer as the API server reads it."""
    response: dict[str, Any] = {"uid": answer.uid, "allowed": answer.allowed}
    if not answer.allowed:
        message = answer.why[:MOST_MESSAGE]
        response["status"] = {"code": 403, "reason": "Forbidden", "message": message}
    if answer.warnings:
        response["warnings"] = [told[:250] for told in answer.warnings[:10]]
    if answer.looked:
        models = ", ".join(f"{one.model} {one.version}" for one in answer.looked)
        response["auditAnnotations"] = {"models": models[:MOST_MESSAGE]}
    return {"apiVersion": API, "kind": "AdmissionReview", "response": response}
