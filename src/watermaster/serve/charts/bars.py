"""Parts of a whole by day: stacked bars."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from watermaster.serve.charts.paint import SCREEN, Paint, drawing, linked, titled
from watermaster.serve.charts.scale import steps
from watermaster.units.text import day_name

LEFT, TOP, BOTTOM, RIGHT = 50, 10, 24, 8


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of the bars: a value for each day."""

    name: str
    colour: str
    values: Sequence[Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What to draw: series from the baseline up, how figures are written, where a day leads."""

    days: Sequence[dt.date]
    series: Sequence[Series]
    name: str
    money: Callable[[Decimal], str]
    link: Callable[[dt.date], str] | None = None


def stacked(bars: Bars, size: tuple[int, int] = (800, 252), paint: Paint = SCREEN) -> str:
    """Bars stand on zero; credits hang below it."""
    width, height = size
    highest = [_sum(bars, day, 1) for day in range(len(bars.days))]
    lowest = [_sum(bars, day, -1) for day in range(len(bars.days))]
    grid = steps(float(min(lowest, default=0)), float(max(highest, default=0)))
    tall, span = height - TOP - BOTTOM, grid[-1] - grid[0]

    def down(value: float) -> float:
        return TOP + tall - (value - grid[0]) / span * tall

    marks = "".join(_line(value, width, down(value), bars, paint) for value in grid)
    wide = (width - LEFT - RIGHT) / max(len(bars.days), 1)
    for index, day in enumerate(bars.days):
        left = LEFT + index * wide
        stack = _stack(bars, index, (left + wide * 0.14, wide * 0.72), down, paint)
        whole = f'<rect x="{left:.1f}" y="{TOP}" width="{wide:.1f}" height="{tall}" '
        stack = f'<g {titled(_day(day), _tip(bars, index))}{stack}{whole}fill-opacity="0"/></g>'
        address = bars.link(day) if bars.link else None
        marks += linked(address, f"{_day(day)}, {bars.money(_total(bars, index))}", stack)
        if day.day in (1, 8, 15, 22, 29):
            marks += (
                f'<text x="{left + wide / 2:.1f}" y="{height - 8}" text-anchor="middle" '
                f"{paint.text()}>{day_name(day)}</text>"
            )
    return drawing(width, height, marks, bars.name, "bars")


def _line(value: float, width: int, down: float, bars: Bars, paint: Paint) -> str:
    text = bars.money(Decimal(str(value))) if value else "0"
    return (
        f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{down:.1f}" y2="{down:.1f}" '
        f'{paint.stroke("line" if value else "line2")} stroke-width="1"/>'
        f'<text x="{LEFT - 8}" y="{down + 3.5:.1f}" text-anchor="end" '
        f"{paint.text()}>{text}</text>"
    )


def _stack(
    bars: Bars,
    index: int,
    place: tuple[float, float],
    down: Callable[[float], float],
    paint: Paint,
) -> str:
    left, wide = place
    marks, above, below = "", 0.0, 0.0
    for series in bars.series:
        value = float(series.values[index])
        if not value:
            continue
        start = above if value > 0 else below
        top, end = sorted([down(start), down(start + value)])
        marks += (
            f'<rect x="{left:.1f}" y="{top:.2f}" width="{wide:.1f}" '
            f'height="{max(end - top - 0.8, 0.2):.2f}" {paint.fill(series.colour)}/>'
        )
        above, below = above + max(value, 0), below + min(value, 0)
    return marks


def _tip(bars: Bars, index: int) -> list[tuple[str, str, str]]:
    rows = [
        (series.name, bars.money(series.values[index]), series.colour)
        for series in reversed(bars.series)
        if series.values[index]
    ]
    return [*rows, ("Total", bars.money(_total(bars, index)), "")]


def _sum(bars: Bars, index: int, sign: int) -> Decimal:
    values = (series.values[index] for series in bars.series)
    return sum((value for value in values if value * sign > 0), Decimal(0))


def _total(bars: Bars, index: int) -> Decimal:
    return sum((series.values[index] for series in bars.series), Decimal(0))


def _day(day: dt.date) -> str:
    return f"{day:%a} {day_name(day)}"
