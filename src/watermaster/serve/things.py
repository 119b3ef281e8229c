"""The page of native things with its facets, and the page of one of them."""

import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from watermaster.flows.native_things import FACETS, ThingsAsked
from watermaster.flows.scope import is_empty
from watermaster.model.entities import ThingList, ThingRow, ThingTold
from watermaster.serve.api import answer
from watermaster.serve.questions import command, page_of, place
from watermaster.serve.render import page as shown
from watermaster.serve.state import Shared

ROWS_A_PAGE: Final = 50
HEADS: Final = {
    "uid": "Thing", "platform": "Platform", "workload": "Workload", "team": "Team",
    "state": "State", "last_seen": "Last seen", "source": "Source", "cost": "Cost",
}  # fmt: skip
SORTED_BY: Final = frozenset({"uid", "workload", "last_seen", "cost"})  # facets find the others
MOST_CHOICES: Final = 100  # of a facet, the most frequent; the search finds the others
router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["estate"])
Month = Annotated[str | None, Query(description="billing month YYYY-MM; none: the newest")]


@router.get("/estate/things")
def things(request: Request, state: Shared) -> Response:
    """Everything that was seen in a month: searched, filtered, 50 a page, the dearest first."""
    if state.run(is_empty):
        return shown(request, "empty.html", {"title": "Things"})
    query = request.query_params
    chosen = {name: query[name] for name in FACETS if query.get(name)}
    at = page_of(query.get("page"))
    asked = ThingsAsked(chosen=chosen, text=query.get("q", ""), sort=query.get("sort") or "-cost",
                        first=(at - 1) * ROWS_A_PAGE, most=ROWS_A_PAGE)  # fmt: skip
    found = state.things(asked, query.get("month") or None)
    context = {
        "title": "Things", "above": (place(request).to("/estate"), "Estate"), "found": found,
        "text": asked.text, "page": at, "pages": -(-found.count // ROWS_A_PAGE),
        "seen": sum(found.facets["state"].values()), "currency": found.currency or "USD",
        "facets": [(name, chosen.get(name, ""), _choices(found.facets[name], chosen.get(name)))
                   for name in FACETS],
        "columns": HEADS.items(), "sorted_by": SORTED_BY, "sort": asked.sort,
        "command": _command(asked, query),
    }  # fmt: skip
    return shown(request, "things.html", context)


@router.get("/estate/thing/{where:path}")
def thing(request: Request, state: Shared, where: str, month: str | None = None) -> Response:
    """One native thing: what it is, whose, what it costs and uses, what is wrong."""
    found = state.thing(where, month)
    one = found.row.thing
    context = {
        "known": state.known(month),
        "title": one.name or one.uid, "found": found, "one": one, "row": found.row,
        "above": (place(request).to("/estate/things"), "Things"),
        "currency": found.currency or "USD", "facts": _facts(found.row),
        "command": shlex.join(["wm", "estate", "thing", where]),
    }  # fmt: skip
    return shown(request, "thing.html", context)


@api.get("/things", response_model=ThingList)
def get_things(
    state: Shared,
    request: Request,
    month: Month = None,
    q: Annotated[str, Query(description="text in names, workload, team or model")] = "",
    sort: Annotated[str, Query(description="a column, - before it: the greatest first")] = "-cost",
    page: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """Native things, 50 a page; kind, platform, source, state, owned, team as parameters."""
    query = request.query_params
    chosen = {name: query[name] for name in FACETS if query.get(name)}
    asked = ThingsAsked(chosen=chosen, text=q, sort=sort,
                        first=(page - 1) * ROWS_A_PAGE, most=ROWS_A_PAGE)  # fmt: skip
    return answer(state.things(asked, month))


@api.get("/things/{where:path}", response_model=ThingTold)
def get_thing(state: Shared, where: str, month: Month = None) -> Response:
    """One native thing whole, kind/platform/uid: `wm estate thing`."""
    return answer(state.thing(where, month))


def _choices(counts: Mapping[str, int], chosen: str | None) -> list[tuple[str, int]]:
    found = list(counts.items())[:MOST_CHOICES]
    return (
        found if not chosen or chosen in dict(found) else [(chosen, counts.get(chosen, 0)), *found]
    )


def _command(asked: ThingsAsked, query: Mapping[str, str]) -> str:
    wanted = {name: [value] for name, value in asked.chosen.items()}
    told = command("estate things", query.get("month"), wanted)
    return f"{told} --find {shlex.quote(asked.text)}" if asked.text else told


def _facts(row: ThingRow) -> list[tuple[str, str]]:
    one = row.thing
    told: list[tuple[str, Any]] = [
        ("Platform", one.platform), ("Namespace", one.namespace), ("Account", one.account),
        ("Creator", one.creator), ("State", one.state), ("Resource id", one.resource_id),
        ("Artefact", one.artefact), ("Model", one.model), ("Accelerator", one.accelerator),
        ("GPUs", one.gpus), ("Bytes", f"{one.bytes:,}" if one.bytes else None),
        ("Requests in the month", one.requests), ("Source", one.source),
    ]  # fmt: skip
    labels = [(f"Label {key}", value) for key, value in sorted(one.labels.items())]
    return [(name, str(value)) for name, value in [*told, *labels] if value not in {None, ""}]
