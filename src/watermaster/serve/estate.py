"""The page Estate: what runs, whose it is, what does not fit; and one workload of it."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.flows.scope import is_empty
from watermaster.model.findings import Finding
from watermaster.model.inventory import Inventory, WorkloadState
from watermaster.serve.entities import passport_lines
from watermaster.serve.questions import TheAsked, page_of, place
from watermaster.serve.render import page
from watermaster.serve.state import Shared

FACETS: Final = ("team", "platform", "purpose", "stage")
SORTS: Final = ("name", "team", "purpose", "gpus", "used_ratio", "last_seen", "cost", "findings")
NUMBERS: Final = frozenset({"gpus", "used_ratio", "cost", "findings"})
HEADS: Final = {
    "name": "Workload", "team": "Team", "purpose": "Purpose", "gpus": "GPUs", "used_ratio": "Use",
    "last_seen": "Last seen", "cost": "Cost", "findings": "Findings",
}  # fmt: skip
FINDINGS_SHOWN: Final = 12
ROWS_A_PAGE: Final = 50
router = APIRouter(include_in_schema=False)


@router.get("/estate")
def estate(request: Request, state: Shared, asked: TheAsked) -> Response:
    """Key figures, findings, and every declared workload with what was seen of it."""
    if state.run(is_empty):
        return page(request, "empty.html", {"title": "Estate"})
    scope = state.scope(asked).scope
    found = _of_unit(state.inventory(scope.month), scope.unit)
    query = request.query_params
    chosen = {name: query[name] for name in FACETS if query.get(name)}
    text, rule = query.get("q", ""), query.get("rule", "")
    sort = query.get("sort", "-cost")
    rows = _sorted([one for one in found.workloads if _fits(one, chosen, text)], sort)
    at = page_of(query.get("page"))
    told = [one for one in found.findings if not rule or one.rule == rule]
    every = query.get("all") == "1" or bool(rule)
    context = {
        "known": state.known(scope.month),
        "title": "Estate", "found": found, "scope": scope,
        "figures": _figures(found), "rules": _rules(found.findings), "rule": rule,
        "told": told if every else told[:FINDINGS_SHOWN], "more": len(told), "every": every,
        "facets": [(name, chosen.get(name, ""), _choices(found, name)) for name in FACETS],
        "chips": list(chosen.items()), "text": text, "columns": [(n, HEADS[n]) for n in SORTS],
        "numbers": NUMBERS, "sort": sort, "rows": rows[(at - 1) * ROWS_A_PAGE : at * ROWS_A_PAGE],
        "count": len(rows), "page": at, "pages": -(-len(rows) // ROWS_A_PAGE),
        "total": sum((one.cost for one in rows), Decimal(0)), "currency": found.currency or "USD",
        "command": f"wm estate show --month {found.month}",
        "finding_command": "wm finding list" + (f" --rule {rule}" if rule else ""),
    }  # fmt: skip
    return page(request, "estate.html", context)


@router.get("/estate/workload/{name}")
def workload(request: Request, state: Shared, name: str, month: str | None = None) -> Response:
    """The passport of one workload."""
    found = state.entity(name, month)
    context = {
        "known": state.known(month),
        "title": name, "found": found, "passport": passport_lines(found.document),
        "currency": found.currency or "USD",
        "above": (place(request).to("/estate"), "Estate"),
        "most": max((cost for _, cost in found.months), default=Decimal(0)),
        "command": f"wm describe workload {name}",
    }  # fmt: skip
    return page(request, "workload.html", context)


def _of_unit(found: Inventory, unit: str | None) -> Inventory:
    """The workloads of a unit, and the findings its teams own or are guessed to."""
    if unit is None:
        return found
    rows = [one for one in found.workloads if one.unit == unit]
    teams = {one.team for one in rows}
    told = [one for one in found.findings if (one.team or one.guess) in teams]
    return replace(found, workloads=rows, findings=told)


def _figures(found: Inventory) -> list[dict[str, Any]]:
    """What the row of key figures shows: label, money or count, a note."""
    loose = [one for one in found.findings if one.rule.startswith(("undeclared", "unowned"))]
    still = [one for one in found.findings if one.rule == "inactive-gpu"]
    seen = sum(1 for one in found.workloads if one.things or one.cost)
    share = found.owned / found.cost if found.cost else None
    return [
        {"label": "Workloads", "count": len(found.workloads), "note": f"{seen} seen or billed"},
        {"label": "Things seen", "count": found.things, "note": "pods, jobs, endpoints, volumes"},
        {"label": "Cost with an owner", "ratio": share, "note": "of all that was allocated"},
        {"label": "Nobody's", "money": _cost(loose), "note": f"{len(loose)} findings"},
        {"label": "Held, not used", "money": _cost(still), "note": f"{len(still)} findings"},
    ]


def _cost(findings: Sequence[Finding]) -> Decimal:
    return sum((one.cost or Decimal(0) for one in findings), Decimal(0))


def _rules(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in findings:
        counts[one.rule] = counts.get(one.rule, 0) + 1
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _fits(one: WorkloadState, chosen: dict[str, str], text: str) -> bool:
    if text and text.lower() not in f"{one.name} {one.team} {one.model}".lower():
        return False
    return all(value in _values(one, name) for name, value in chosen.items())


def _values(one: WorkloadState, name: str) -> tuple[str, ...]:
    if name == "platform":
        return one.platforms
    value = getattr(one, name)
    return (value,) if value else ()


def _choices(found: Inventory, name: str) -> list[str]:
    return sorted({value for one in found.workloads for value in _values(one, name)})


def _sorted(rows: list[WorkloadState], sort: str) -> list[WorkloadState]:
    name = sort.removeprefix("-")
    if name not in SORTS:
        return rows
    known = [one for one in rows if getattr(one, name) is not None]
    unknown = [one for one in rows if getattr(one, name) is None]
    known.sort(key=lambda one: (getattr(one, name), one.name), reverse=sort.startswith("-"))
    return [*known, *unknown]
