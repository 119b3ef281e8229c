"""The page Free now: accelerators nothing holds, who lends them, and how long people wait."""

import datetime as dt
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from watermaster.decide.capacity.free import BY
from watermaster.flows.capacity_free import FreeAsked, capacity_free
from watermaster.model.capacity import Free, FreeReport
from watermaster.model.errors import UsageError
from watermaster.serve.charts.week import week
from watermaster.serve.render import page
from watermaster.serve.state import Shared

WAITS_SHOWN: Final = 12
router = APIRouter(include_in_schema=False)
At = Annotated[
    str | None, Query(description="what was free then, e.g. 2026-10-30T14:00; none: now")
]


@router.get("/capacity")
def capacity(request: Request, state: Shared, at: At = None) -> Response:
    """What could start now or when, by pool and lender, with the last 7 days."""
    found = state.run(capacity_free, FreeAsked(at=moment_of(at)))
    every = request.query_params.get("all") == "1"
    told = f" --at {found.at:%Y-%m-%dT%H:%M}" if at else ""
    context = {
        "title": "Free now", "found": found,"then": at,
        "figures": _figures(found), "weeks": [_week(one, found) for one in found.free if one.week],
        "waits": found.waits if every else found.waits[:WAITS_SHOWN], "more": len(found.waits),
        "command": f"wm capacity free{told}",
    }  # fmt: skip
    return page(request, "capacity.html", context)


def free_asked(by: str, at: str | None) -> FreeAsked:
    """The question of an address: dimensions, comma separated, and a moment."""
    names = tuple(name.strip() for name in by.split(",") if name.strip())
    return FreeAsked(by=names or BY, at=moment_of(at))


def moment_of(text: str | None) -> dt.datetime | None:
    """A moment as an address writes it, in UTC."""
    if not text:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("at", f"{text!r} is no date", "write 2026-10-30T14:00") from None
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _figures(found: FreeReport) -> list[dict[str, Any]]:
    known = [one for one in found.free if one.free is not None]
    free = sum(one.free or 0 for one in known)
    supplied = sum(one.supplied or 0 for one in known)
    most = max((one.on_one_node or 0 for one in known), default=0)
    n = sum(one.n for one in found.waits)
    waiting = sum(one.waiting for one in found.waits)
    silent = len(found.free) - len(known)
    told = [
        ("Free", free if known else None, f"of {supplied:,} supplied"),
        ("On one node", most if known else None, "the most of any pool"),
        ("Pools without data", silent, f"of {len(found.free)}; never called free"),
        ("Waiting", waiting if known else None, f"{n:,} jobs started in 30 days"),
    ]
    return [{"label": label, "value": value, "note": note} for label, value, note in told]


def _week(one: Free, found: FreeReport) -> dict[str, Any]:
    where = one.pool or f"no pool, {one.platform}"
    days: dict[dt.date, list[int]] = {}
    for hour in one.week:
        days.setdefault(hour.hour.date(), []).append(hour.free)
    return {
        "name": where, "accelerator": one.accelerator, "supplied": one.week[-1].supplied,
        "plot": week(one.week, found.at, f"Free accelerators of {where} by hour, 7 days"),
        "days": [(f"{day:%a} {day.day} {day:%b}", min(held), max(held), len(held))
                 for day, held in sorted(days.items())],
    }  # fmt: skip
