"""The page Tags: how much cost carries the tags it should, and what wrong ones should be."""

from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.decide.cost.tag_fix import SURE
from watermaster.flows.scope import is_empty
from watermaster.flows.tag_view import tag_view
from watermaster.model.reports import TagLine
from watermaster.model.tag_fixes import TagFix
from watermaster.serve.charts.spark import spark
from watermaster.serve.questions import TheAsked
from watermaster.serve.render import page
from watermaster.serve.state import Shared
from watermaster.units.text import points, share

FIXES_SHOWN: Final = 12
FIGURES_SHOWN: Final = 5
router = APIRouter(include_in_schema=False)


@router.get("/tags")
def tags(request: Request, state: Shared, asked: TheAsked) -> Response:
    """Coverage of each required tag by unit with its trend, and near misses with their cost."""
    if state.run(is_empty):
        return page(request, "empty.html", {"title": "Tags"})
    scoped = state.scope(asked)
    found = state.run(tag_view, scoped)
    every = request.query_params.get("all") == "1"
    context = {
        "title": "Tags", "found": found, "scope": scoped.scope,
        "currency": scoped.scope.currency,
        "figures": [_figure(one) for one in found.tags[:FIGURES_SHOWN]],
        "lines": [_shown(one) for one in found.units], "sure": SURE, "every": every,
        "fixes": [_cost(one) for one in (found.fixes if every else found.fixes[:FIXES_SHOWN])],
        "more": len(found.fixes),
        "command": f"wm tag coverage --by unit,month --month {found.month}",
        "fix_command": f"wm tag fix --month {found.month}",
    }  # fmt: skip
    return page(request, "tags.html", context)


def _figure(one: TagLine) -> dict[str, Any]:
    """A key figure: the share after repair, and what was delivered."""
    delivered = f"{share(one.coverage)} as delivered"
    return {"label": one.tag, "value": share(one.after), "note": delivered}


def _shown(one: TagLine) -> dict[str, Any]:
    name = f"{one.tag} of {one.unit or 'no unit'} by month"
    known = [None if value is None else Decimal(value) for value in one.trend]
    told = "" if one.change is None else points(one.after, one.after - one.change)
    return {"line": one, "spark": spark(known, name), "change": told}


def _cost(one: TagFix) -> tuple[TagFix, list[tuple[str, Decimal]]]:
    return one, sorted(one.costs.items())
