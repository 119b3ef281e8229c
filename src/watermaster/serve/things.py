"""The page of native things with its facets, and the page of one of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.flows.scope import is_empty
from watermaster.model.entities import ThingRow
from watermaster.serve.questions import place
from watermaster.serve.render import page
from watermaster.serve.state import Shared

FACETS: Final = ("kind", "platform", "source", "state", "owned", "team")
ROWS_A_PAGE: Final = 50
router = APIRouter(include_in_schema=False)


@router.get("/estate/things")
def things(request: Request, state: Shared) -> Response:
    """Everything that was seen in a month: searched, filtered, 50 a page, the dearest first."""
    if state.run(is_empty):
        return page(request, "empty.html", {"title": "Things"})
    query = request.query_params
    every = state.things(query.get("month") or None)
    chosen = {name: query[name] for name in FACETS if query.get(name)}
    text = query.get("q", "")
    rows = [one for one in every if _fits(one, chosen, text)]
    at = max(1, int(query["page"])) if query.get("page", "").isdecimal() else 1
    context = {
        "title": "Things", "above": (place(request).to("/estate"), "Estate"), "text": text,
        "rows": rows[(at - 1) * ROWS_A_PAGE : at * ROWS_A_PAGE], "count": len(rows), "page": at,
        "pages": -(-len(rows) // ROWS_A_PAGE), "seen": len(every), "currency": state.currency(),
        "facets": [(name, chosen.get(name, ""), _counts(every, name)) for name in FACETS],
        "command": "wm estate show -o wide",
    }  # fmt: skip
    return page(request, "things.html", context)


@router.get("/estate/thing/{kind}/{platform}/{uid:path}")
def thing(
    request: Request, state: Shared, kind: str, platform: str, uid: str
) -> Response:  # fmt: skip
    """One native thing: what it is, whose, what it costs and uses, what is wrong."""
    found = state.thing((kind, platform, uid), request.query_params.get("month"))
    one = found.row.thing
    context = {
        "title": one.name or one.uid, "found": found, "one": one, "row": found.row,
        "above": (place(request).to("/estate/things"), "Things"),
        "currency": found.currency or "USD", "facts": _facts(found.row),
        "command": "wm estate show",
    }  # fmt: skip
    return page(request, "thing.html", context)


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


def _fits(one: ThingRow, chosen: Mapping[str, str], text: str) -> bool:
    if any(_value(one, name) != value for name, value in chosen.items()):
        return False
    held = one.thing
    return not text or text.lower() in (
        f"{held.uid} {held.name} {held.namespace} {held.workload} {held.team} {held.model}".lower()
    )


def _value(one: ThingRow, facet: str) -> str:
    if facet == "state":
        return one.presence.value
    if facet == "owned":
        return one.owned.value
    return str(getattr(one.thing, facet) or "-")


def _counts(rows: Iterable[ThingRow], facet: str) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in rows:
        value = _value(one, facet)
        counts[value] = counts.get(value, 0) + 1
    return sorted(counts.items(), key=lambda held: (-held[1], held[0]))
