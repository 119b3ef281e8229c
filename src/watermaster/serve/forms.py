"""Forms that change something: from our own page, in this process's lifetime, and small."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from watermaster.model.errors import NotAllowedError, UsageError
from watermaster.serve.state import the_state

MOST_BYTES: Final = 64 * 1024
TYPE: Final = "application/x-www-form-urlencoded"
FIELD: Final = "token"


async def the_form(request: Request) -> Mapping[str, str]:
    """The fields of a form that our own page sent; NotAllowedError where another site did.

    A page of another site can send a form here, but neither read the token that our pages carry
    nor hide its origin.
    """
    where = request.url.path
    if request.headers.get("content-type", "").partition(";")[0].strip() != TYPE:
        raise UsageError(where, "is no form", f"send {TYPE}")
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > MOST_BYTES:
            raise UsageError(where, "is too long", f"send {MOST_BYTES // 1024} KiB at most")
    try:
        told = parse_qsl(held.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise UsageError(where, "is no form in UTF-8", "send it from the page") from None
    fields = dict(told)
    if not _is_ours(request, fields.pop(FIELD, "")):
        raise NotAllowedError(
            where, "the form is not from a page of this server as it runs now",
            "load the page again and send it once more",
        )  # fmt: skip
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def _is_ours(request: Request, token: str) -> bool:
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    wanted = the_state(request).form_token
    return site in {"same-origin", "none"} and same and secrets.compare_digest(
        token.encode(), wanted.encode()
    )  # fmt: skip


def back_to(address: str) -> Response:
    """After a change: show the page, so that loading it again sends nothing twice."""
    return RedirectResponse(address, 303)


TheForm = Annotated[Mapping[str, str], Depends(the_form)]
