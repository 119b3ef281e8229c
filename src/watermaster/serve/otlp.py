"""OTLP over HTTP: `/v1/metrics` and `/v1/traces`, protobuf or JSON, packed or not."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from watermaster.flows.receive import LONGEST_BYTES, TooLargeError, check
from watermaster.flows.receive import Request as Received
from watermaster.model.errors import BadInputError, WatermasterError
from watermaster.serve.state import Shared, State

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
AGAIN_S: Final = 30  # when a client should try again where the disk is full
_CODES: Final = {400: 3, 404: 5, 413: 3, 415: 3, 503: 14}  # google.rpc.Code
router = APIRouter(include_in_schema=False)


@router.post("/v1/metrics")
async def metrics(request: Request, state: Shared) -> Response:
    """Points of the GenAI conventions; all others are kept and not used."""
    return await _received(request, state, "metrics")


@router.post("/v1/traces")
async def traces(request: Request, state: Shared) -> Response:
    """Spans of the GenAI conventions; all others are kept and not used."""
    return await _received(request, state, "traces")


async def _received(request: Request, state: State, signal: str) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    packing = request.headers.get("content-encoding", "identity").lower()
    if kind not in (PROTOBUF, JSON) or packing not in ("identity", "gzip"):
        what = f"content type {kind or '(none)'} in {packing} is not read"
        return _refused(kind, 415, f"{what}; send {PROTOBUF} or {JSON}, plain or gzip")
    try:
        body = await _body(request)
        received = Received(signal, kind == JSON, packing == "gzip", body)
        digest = await run_in_threadpool(check, received)
        source = state.receiver.source(request.headers.get("x-watermaster-source"))
        await asyncio.wrap_future(state.receiver.take(source, received, digest))
    except WatermasterError as error:
        status = 400 if error.http_status == 422 else error.http_status  # as OTLP has it
        return _refused(kind, status, f"{error.where}: {error.what}; {error.fix}")
    except OSError as error:
        told = _refused(kind, 503, f"cannot be stored ({error.strerror}); try again later")
        told.headers["retry-after"] = str(AGAIN_S)
        return told
    return Response(b"{}" if kind == JSON else b"", 200, media_type=kind)


async def _body(request: Request) -> bytes:
    """The body, of which no more is read than is taken."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > LONGEST_BYTES:
            what = f"is longer than {LONGEST_BYTES >> 20} MiB"
            raise TooLargeError("OTLP", what, "send less at once")
        parts.append(part)
    if not length:
        raise BadInputError("OTLP", "is empty", "mend the exporter")
    return b"".join(parts)


def _refused(kind: str, status: int, message: str) -> Response:
    """A google.rpc.Status in the form the client speaks."""
    code = _CODES.get(status, 2)
    if kind == JSON:
        return JSONResponse({"code": code, "message": message}, status)
    text = message.encode()[:2000]
    length, size = b"", len(text)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return Response(
        bytes([0x08, code, 0x12]) + length + bytes([size]) + text, status, media_type=PROTOBUF
    )
