"""Accelerators free by hour: steps on zero, with the hours nobody told left out and shaded."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from watermaster.model.capacity import FreeHour
from watermaster.serve.charts.paint import SCREEN, Paint, drawing, titled
from watermaster.units.text import day_name

HOURS: Final = 7 * 24
HOUR: Final = dt.timedelta(hours=1)
LEFT, TOP, BOTTOM, RIGHT = 34, 8, 20, 4


def week(
    told: Sequence[FreeHour],
    until: dt.datetime,
    name: str,
    size: tuple[int, int] = (1160, 124),
    paint: Paint = SCREEN,
) -> str:
    """The 7 days before `until`; one mark a day carries its words."""
    width, height = size
    last = until.replace(minute=0, second=0, microsecond=0)
    hours = [last - HOUR * (HOURS - index) for index in range(HOURS)]
    held = {one.hour: one for one in told}
    top = max([one.free for one in told], default=0) or 1
    wide, tall = (width - LEFT - RIGHT) / HOURS, height - TOP - BOTTOM

    def bar(index: int, free: int) -> str:
        high = free / top * tall
        return f"M{LEFT + index * wide:.1f} {TOP + tall:.1f}v{-high:.1f}h{wide:.2f}v{high:.1f}z"

    free = "".join(bar(i, held[h].free) for i, h in enumerate(hours) if h in held and held[h].free)
    gaps = "".join(bar(i, top) for i, h in enumerate(hours) if h not in held)
    marks = _grid(top, width, (TOP, TOP + tall), paint)
    marks += f'<path d="{gaps}" {paint.fill("line")} opacity=".6"/>' if gaps else ""
    marks += f'<path d="{free}" {paint.fill("c2")}/>' if free else ""
    days = sorted({hour.date() for hour in hours})
    marks += "".join(_day(day, hours, held, (wide, tall), paint) for day in days)
    return drawing(width, height, marks, name, "week")


def _grid(top: int, width: int, ends: tuple[float, float], paint: Paint) -> str:
    lines = ""
    for value, down, colour in ((top, ends[0], "line"), (0, ends[1], "line2")):
        lines += (
            f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{down:.1f}" y2="{down:.1f}" '
            f'{paint.stroke(colour)} stroke-width="1"/>'
            f'<text x="{LEFT - 6}" y="{down + 4:.1f}" text-anchor="end" '
            f"{paint.text()}>{value}</text>"
        )
    return lines


def _day(
    day: dt.date,
    hours: Sequence[dt.datetime],
    held: dict[dt.datetime, FreeHour],
    size: tuple[float, float],
    paint: Paint,
) -> str:
    """A day's name under it, and what was free in it for every reader."""
    wide, tall = size
    mine = [index for index, hour in enumerate(hours) if hour.date() == day]
    told = [held[hours[index]].free for index in mine if hours[index] in held]
    across, broad = LEFT + mine[0] * wide, len(mine) * wide
    tip = [("Free", "no data", "")]
    if told:
        tip = [("Least free", str(min(told)), "c2"), ("Most free", str(max(told)), "c2")]
    mark = (
        f"<g {titled(f'{day:%a} {day_name(day)}', tip)}"
        f'<rect x="{across:.1f}" y="{TOP}" width="{broad:.1f}" height="{tall}" '
        'fill-opacity="0"/></g>'
    )
    if len(mine) < 12:
        return mark
    return mark + (
        f'<text x="{across + broad / 2:.1f}" y="{TOP + tall + 14:.1f}" text-anchor="middle" '
        f"{paint.text()}>{day_name(day)}</text>"
    )
