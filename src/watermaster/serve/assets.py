"""Files that pages load: read once, compressed once, named by their content."""

import functools
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.model.errors import NotFoundError
from watermaster.serve.tokens import stylesheet

FOLDER: Final = Path(__file__).parent / "static"
TYPES: Final = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "inter.woff2": "font/woff2",
}
YEAR: Final = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes as they are and compressed (None: it is already)."""

    body: bytes
    zipped: bytes | None
    kind: str
    digest: str


@functools.cache
def asset(name: str) -> Asset:
    """A file by its name."""
    if name not in TYPES:
        raise NotFoundError(f"/static/{name}", "there is no such file", "reload the page")
    body = (FOLDER / name).read_bytes()
    if name == "app.css":
        font = address("inter.woff2").encode()
        body = stylesheet().encode() + body.replace(b"/static/inter.woff2", font)
    zipped = None if name.endswith(".woff2") else gzip.compress(body, 9, mtime=0)
    return Asset(body, zipped, TYPES[name], hashlib.sha256(body).hexdigest()[:12])


def address(name: str) -> str:
    """Where a page loads a file from; another content has another address."""
    return f"/static/{name}?v={asset(name).digest}"


@router.get("/static/{name}")
def static(name: str, request: Request) -> Response:
    """One file, to be kept for a year."""
    held = asset(name)
    headers = {"cache-control": YEAR, "vary": "accept-encoding", "etag": f'"{held.digest}"'}
    takes_gzip = "gzip" in request.headers.get("accept-encoding", "")
    if held.zipped is None or not takes_gzip:
        return Response(held.body, media_type=held.kind, headers=headers)
    headers["content-encoding"] = "gzip"
    return Response(held.zipped, media_type=held.kind, headers=headers)
