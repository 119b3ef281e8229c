"""Pages and REST of models, datasets and platforms: lists, and the passport of one."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from watermaster.flows.registered import is_registered
from watermaster.flows.scope import is_empty
from watermaster.model.entities import EntityList, EntityRow, Noun, Passport
from watermaster.model.errors import NotFoundError
from watermaster.serve.api import answer
from watermaster.serve.questions import page_of, place
from watermaster.serve.render import page
from watermaster.serve.state import Shared, State

PLURALS: Final = {f"{noun.lower()}s": noun for noun in Noun}
USED_BY: Final = {Noun.MODEL: "Run by", Noun.DATASET: "Used by", Noun.PLATFORM: "Runs"}
ROWS_A_PAGE: Final = 50
pages = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["estate"])


@pages.get("/estate/{plural}")
def entities(request: Request, state: Shared, plural: str) -> Response:
    """Every declared one of a kind with its cost and use, searched and 50 a page."""
    noun = _noun(plural)
    if state.run(is_empty):
        return page(request, "empty.html", {"title": plural.capitalize()})
    query = request.query_params
    found = state.entities(noun, query.get("month") or None)
    text, team = query.get("q", ""), query.get("team", "")
    rows = [one for one in found.rows if _fits(one, text, team)]
    at = page_of(query.get("page"))
    context = {
        "title": plural.capitalize(), "found": found, "plural": plural, "noun": noun.lower(),
        "above": (place(request).to("/estate"), "Estate"), "text": text, "team": team,
        "teams": sorted({one.owner for one in found.rows if one.owner}), "page": at,
        "pages": -(-len(rows) // ROWS_A_PAGE), "count": len(rows),
        "rows": rows[(at - 1) * ROWS_A_PAGE : at * ROWS_A_PAGE],
        "total": sum((one.cost for one in rows), Decimal(0)), "currency": found.currency or "USD",
        "command": f"wm {noun.lower()} list",
    }  # fmt: skip
    return page(request, "entities.html", context)


@pages.get("/estate/{noun}/{name}")
def entity(
    request: Request, state: Shared, noun: str, name: str, month: str | None = None
) -> Response:
    """The passport of one model, dataset or platform."""
    found = state.passport(_noun(f"{noun}s"), name, month)
    context = {
        "known": state.known(month),
        "title": name, "found": found, "row": found.row, "used_by": USED_BY.get(found.noun),
        "passport": passport_lines(found.document), "currency": found.currency or "USD",
        "above": (place(request).to(f"/estate/{noun}s"), f"{noun.capitalize()}s"),
        "most": max((cost for _, cost in found.months), default=Decimal(0)),
        "command": f"wm {noun} show {name}", "most_users": ROWS_A_PAGE,
        "is_registered": found.noun is Noun.MODEL and is_registered(state.project, name),
    }  # fmt: skip
    return page(request, "entity.html", context)


def passport_lines(document: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """What was declared, without what was left empty."""
    told = [(name, _lines(value)) for name, value in document.get("spec", {}).items()]
    return [(name, lines) for name, lines in told if lines]


def _lines(value: object) -> list[str]:
    if isinstance(value, Mapping):
        parts = [(name, _lines(held)) for name, held in value.items()]
        return [", ".join(f"{name} {' and '.join(held)}" for name, held in parts if held)]
    if isinstance(value, list):
        return [line for held in value for line in _lines(held) if line]
    return [str(value)] if value not in {None, ""} else []


def _noun(plural: str) -> Noun:
    if plural not in PLURALS:
        raise NotFoundError(f"/estate/{plural}", "is no page", f"take {', '.join(PLURALS)}")
    return PLURALS[plural]


def _fits(one: EntityRow, text: str, team: str) -> bool:
    words = f"{one.name} {one.owner} {one.about}".lower()
    return text.lower() in words and team in {"", one.owner}


def _list(state: State, noun: Noun, month: str | None) -> Response:
    return answer(state.entities(noun, month))


def _add(noun: Noun) -> None:
    """The two routes of a noun: the list, and one of them."""
    word = noun.lower()

    def every(
        state: Shared,
        month: str | None = Query(None, description="billing month YYYY-MM; none: the newest"),
    ) -> Response:
        return _list(state, noun, month)

    def one(
        state: Shared, name: str,
        month: str | None = Query(None, description="billing month YYYY-MM; none: the newest"),
    ) -> Response:  # fmt: skip
        return answer(state.passport(noun, name, month))

    api.add_api_route(
        f"/{word}s", every, response_model=EntityList, name=f"get_{word}s",
        description=f"Every declared {word}, the dearest first: `wm {word} list`.",
    )  # fmt: skip
    api.add_api_route(
        f"/{word}s/{{name}}", one, response_model=Passport, name=f"get_{word}",
        description=f"One {word} whole: `wm {word} show`.",
    )  # fmt: skip


for _one in Noun:
    _add(_one)
