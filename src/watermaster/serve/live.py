"""/live: whether the server answers at all, for what starts and watches it."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

router = APIRouter(include_in_schema=False)


@router.get("/live")
async def live() -> Response:
    """Says nothing of the ledger, so that everybody may ask."""
    return PlainTextResponse("ok\n")
