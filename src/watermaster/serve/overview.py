"""The page Overview."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.flows.decide_finding import decisions_due
from watermaster.flows.scope import is_empty
from watermaster.model.decided import Status
from watermaster.model.overview import Better, KeyFigure, Measure, Overview, SourceState
from watermaster.serve.charts.bars import Bars, Series, stacked
from watermaster.serve.charts.heat import heat
from watermaster.serve.charts.spark import spark
from watermaster.serve.questions import Place, TheAsked, command, place
from watermaster.serve.render import oldest, page
from watermaster.serve.state import Shared
from watermaster.serve.tokens import ACTIVITY_COLOURS
from watermaster.units.money import MISSING, compact
from watermaster.units.text import change, points, share, short_month

FIGURE_COLOURS: Final = {"reserved": "c3", "used": "c3", "idle": "c2", "unallocated": "c5"}
GREY: Final = "c0"
router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A source with all the tables it fills."""

    source: str
    tables: list[str]
    first: str
    last: str
    rows: int
    delivered_at: dt.datetime
    age_s: int


@router.get("/")
def overview(request: Request, state: Shared, asked: TheAsked) -> Response:
    """A month at a glance; a first start says what to do."""
    if state.run(is_empty):
        return page(request, "empty.html", {"title": "Overview"})
    found = state.overview(asked)
    where = place(request)
    month = found.scope.month
    scoped = {"unit": (found.scope.unit,)} if found.scope.unit else {}
    due = state.run(decisions_due)
    context = {
        "title": "Overview",
        "due": sum(due.values()),
        "overdue": due.get(Status.OVERDUE, 0),
        "found": found,
        "scope": found.scope,
        "sources": found.sources,
        "held": _held(found.sources),
        "oldest": oldest(found.sources),
        "figures": [_figure(figure, found) for figure in found.figures],
        "bars": _bars(found, where),
        "series": _series(found),
        "hours": _heat(found),
        "sparks": {thing.name: _spark(thing.name, thing.by_day) for thing in found.moved},
        "say_change": change,
        "commands": {
            "days": command("cost by activity,day", month, scoped),
            "moved": command("cost moved", month, scoped),
            "unowned": command("cost by rule,service", month, scoped | {"kind": ("unallocated",)}),
        },
    }
    return page(request, "overview.html", context)


def _figure(figure: KeyFigure, found: Overview) -> dict[str, Any]:
    """A key figure in words: value, change and its tone, trend."""
    currency = found.scope.currency
    value, before = figure.value, figure.before
    is_money = figure.measure is Measure.MONEY
    text = compact(value, currency) if is_money else share(value)
    told, tone = "", "plain"
    if value is not None and before is not None:
        told = change(value, before) if is_money else points(value, before)
        tone = "plain" if told[:1] in {"", "0", "n", "g"} else _tone(figure, value - before)
    colour = FIGURE_COLOURS.get(figure.name, "c1")
    return {
        "figure": figure,
        "value": text,
        "told": told,
        "tone": tone,
        "since": short_month(_before(found)) if told else "",
        "spark": spark(_known(figure.months), f"{figure.label}, last 12 months", colour, (180, 24)),
    }


def _held(sources: Sequence[SourceState]) -> list[Held]:
    """One line for each source; what is old in any of its tables makes it old."""
    by_source: dict[str, list[SourceState]] = {}
    for one in sources:
        by_source.setdefault(one.source, []).append(one)
    return [
        Held(
            source=name,
            tables=[one.table.replace("_", " ").replace("gpu", "GPU") for one in states],
            first=min(one.first for one in states),
            last=max(one.last for one in states),
            rows=sum(one.rows for one in states),
            delivered_at=max(one.delivered_at for one in states),
            age_s=max(one.age_s for one in states),
        )
        for name, states in by_source.items()
    ]


def _known(months: dict[str, Decimal | None]) -> list[Decimal | None]:
    """From the first month that has a figure; later gaps stay."""
    values = list(months.values())
    first = next((i for i, value in enumerate(values) if value is not None), 0)
    return values[first:]


def _before(found: Overview) -> str:
    first = dt.date.fromisoformat(f"{found.scope.month}-01")
    return f"{first - dt.timedelta(days=1):%Y-%m}"


def _tone(figure: KeyFigure, moved: Decimal) -> str:
    if figure.better is Better.NEITHER or not moved:
        return "plain"
    is_good = (moved < 0) == (figure.better is Better.LESS)
    return "good" if is_good else "bad"


def _series(found: Overview) -> list[Series]:
    """Activities with a colour of their own, then all others as one."""
    coloured = [
        Series(name.capitalize(), ACTIVITY_COLOURS[name], values)
        for name, values in found.by_day.items()
        if name in ACTIVITY_COLOURS and name != "idle"
    ]
    if "idle" in found.by_day:
        coloured.append(Series("Idle", ACTIVITY_COLOURS["idle"], found.by_day["idle"]))
    rest = [name for name in found.by_day if name not in ACTIVITY_COLOURS]
    if rest:
        columns = zip(*(found.by_day[name] for name in rest), strict=True)
        summed = [sum(column, Decimal(0)) for column in columns]
        *others, last = rest
        name = f"{', '.join(others)} and {last}" if others else last
        coloured.append(Series(name.capitalize(), GREY, summed))
    return coloured


def _bars(found: Overview, where: Place) -> str:
    wide = 800 if found.by_hour else 1240
    currency = found.scope.currency
    return stacked(
        Bars(
            days=found.days,
            series=_series(found),
            name="Spend by day, stacked by what it went into",
            money=lambda amount: compact(amount, currency),
            link=lambda day: where.to("/costs", {"day": (day.isoformat(),)}),
        ),
        (wide, 252),
    )


def _heat(found: Overview) -> str | None:
    if not found.by_hour:
        return None
    name = "Reserved share of supplied GPUs by hour of day and platform, UTC"
    return heat(found.by_hour, name, "Reserved")


def _spark(name: str, values: list[Decimal]) -> str:
    return spark(values, f"{name} by day") if values else MISSING
