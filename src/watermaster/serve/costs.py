"""The page Costs: where the money flows, and every part of every charge."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.decide.cost.charges import ROWS_A_PAGE, SORTS, Group
from watermaster.decide.cost.flow import folded
from watermaster.flows.charges import ChargesAsked, charges
from watermaster.flows.cost import why
from watermaster.flows.cost_moved import NONE
from watermaster.flows.scope import is_empty
from watermaster.model.overview import ChargesReport, FlowReport
from watermaster.serve.charts.sankey import Band, Flow, sankey
from watermaster.serve.questions import Place, TheCharges, command, place
from watermaster.serve.render import is_fragment, page
from watermaster.serve.state import Shared, State
from watermaster.serve.tokens import ACTIVITY_COLOURS
from watermaster.units.money import compact

HEADS: Final = {
    "day": "Day", "workload": "Workload", "team": "Team", "unit": "Unit", "platform": "Platform",
    "service": "Service", "resource": "Resource", "activity": "Went into", "use": "Use",
    "cost": "Cost", "parts": "Charges",
}  # fmt: skip
GROUPS: Final = {
    Group.CHARGE: "Charge", Group.WORKLOAD: "Workload", Group.UNIT: "Unit", Group.TEAM: "Owner",
    Group.SERVICE: "Service", Group.DAY: "Day",
}  # fmt: skip
ENDINGS: Final = {
    "Money and quantity": ("Cost", "Price", "Quantity", "Currency", "Unit"),
    "Time": ("Start", "End", "billing_month"),
}
NUMBERS: Final = {"use", "cost", "parts"}
REST: Final = "others"
NOBODY: Final = {
    "provider": "No provider", "platform": "No platform", "unit": "No unit", "activity": "Other",
}  # fmt: skip
router = APIRouter(include_in_schema=False)


@router.get("/costs")
def costs(request: Request, state: Shared, question: TheCharges) -> Response:
    """The whole page, or its table alone for htmx."""
    if state.run(is_empty):
        return page(request, "empty.html", {"title": "Costs"})
    report = state.run(charges, question, state.scope(question.asked))
    context = _table(report, question) | {"is_fragment": is_fragment(request)}
    if context["is_fragment"]:
        return page(request, "rows.html", context)
    return page(request, "costs.html", context | _beside(state, report, question, place(request)))


@router.get("/costs/{charge_file}/{charge_row}")
def charge(request: Request, state: Shared, charge_file: str, charge_row: int) -> Response:
    """One charge: the bill row, and each part with its rule."""
    found = state.run(why, charge_file, charge_row)
    currency = str(found.charge.get("BillingCurrency", ""))
    context = {
        "title": "Charge",
        "found": found,
        "currency": currency,
        "above": ("/costs", "Costs"),
        "sections": _sections(found.charge),
        "billed": sum((part.costs["billed_cost"] for part in found.parts), Decimal(0)),
        "effective": sum((part.costs["effective_cost"] for part in found.parts), Decimal(0)),
        "command": f"wm cost why {charge_file}:{charge_row}",
    }
    return page(request, "charge.html", context)


def _sections(charge: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The columns of a bill row by what they tell, in the order of the bill."""
    found: dict[str, dict[str, object]] = {"Money and quantity": {}, "Time": {}, "What it was": {}}
    for name, value in charge.items():
        if value is not None and value != "":
            section = next((s for s, ends in ENDINGS.items() if name.endswith(ends)), "What it was")
            found[section][name] = value
    return {section: held for section, held in found.items() if held}


def _table(report: ChargesReport, question: ChargesAsked) -> dict[str, object]:
    group = Group(report.group)
    first = (report.page - 1) * ROWS_A_PAGE + 1
    return {
        "report": report,
        "group": group,
        "columns": [
            (name, HEADS.get(name, GROUPS[group]), name in NUMBERS) for name in SORTS[group]
        ],
        "name": report.sort.removeprefix("-"),
        "is_descending": report.sort.startswith("-"),
        "first": first,
        "last": min(first + ROWS_A_PAGE - 1, report.count),
        "colours": ACTIVITY_COLOURS,
        "numbers": NUMBERS,
        "group_by": "" if group is Group.CHARGE else group.value,
        "asked": question,
        "groups": [(group.value, text) for group, text in GROUPS.items()],
        "command": command(
            "cost show" if group is Group.CHARGE else f"cost by {group.value}",
            report.scope.month,
            _unit(report) | dict(question.wanted),
        ),
    }


def _unit(report: ChargesReport) -> dict[str, Sequence[str]]:
    return {"unit": [report.scope.unit]} if report.scope.unit else {}


def _beside(
    state: State, report: ChargesReport, question: ChargesAsked, where: Place
) -> dict[str, object]:
    """All of the page but the table."""
    found = state.flow(question.asked)
    filters = {name: list(values) for name, values in question.wanted.items()}
    return {
        "title": "Costs",
        "scope": report.scope,
        "sankey": _sankey(found, where, filters),
        "flow": found,
        "nobody": NOBODY,
        "commands": {"flow": command("cost flow", report.scope.month, _unit(report))},
        "chips": [(name, value) for name, values in filters.items() for value in values],
        "selects": [
            (name, text, report.scope.choices[name], filters.get(name, [""])[0])
            for name, text in (("platform", "Any platform"), ("activity", "Anything it went into"))
        ],
    }


def _sankey(found: FlowReport, where: Place, filters: Mapping[str, Sequence[str]]) -> str | None:
    """The drawing; None where there is nothing above zero to draw."""
    kept = [link for link in folded(found.links, REST) if link.cost > 0]
    if not kept:
        return None
    columns: defaultdict[int, dict[str, None]] = defaultdict(dict)
    bands = []
    for link in kept:
        start, end = _name(found, link.step, link.start), _name(found, link.step + 1, link.end)
        columns[link.step][start], columns[link.step + 1][end] = None, None
        bands.append(Band(link.step, start, end, float(link.cost)))

    def leads(step: int, start: str, end: str | None) -> str | None:
        wanted = {name: values for name, values in filters.items() if name not in found.steps}
        names = {found.steps[step]: start} | ({found.steps[step + 1]: end} if end else {})
        if REST in names.values():
            return None
        for name, value in names.items():
            wanted[name] = [NONE if value == NOBODY[name] and name != "activity" else value]
            if name == "activity":
                wanted[name] = [value.lower()]
        return where.to("/costs", wanted)

    drawn = Flow(
        columns=[list(columns[step]) for step in range(len(found.steps))],
        bands=bands,
        name="Flow of cost from provider through platform and unit to what it went into",
        money=lambda amount: compact(Decimal(str(amount)), found.currency),
        colour=lambda _, name: ACTIVITY_COLOURS.get(name.lower(), "c0"),
        link=leads,
    )
    tallest = max(len(names) for names in drawn.columns)
    return sankey(drawn, (1120, 300 if tallest < 5 else 400))


def _name(found: FlowReport, step: int, value: str | None) -> str:
    if found.steps[step] == "activity":
        return (value or NOBODY["activity"]).capitalize()
    return value or NOBODY[found.steps[step]]
