"""From one total to the next: what each cause added or took."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from watermaster.serve.charts.paint import SCREEN, Paint, drawing, titled
from watermaster.serve.charts.scale import steps

LEFT, TOP, BOTTOM, RIGHT = 54, 16, 26, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The first total, what changed it in order, and how figures are written."""

    first: tuple[str, Decimal]
    changes: Sequence[tuple[str, Decimal]]
    last: str
    name: str
    money: Callable[[Decimal], str]
    signed: Callable[[Decimal], str]


def waterfall(told: Waterfall, size: tuple[int, int] = (800, 240), paint: Paint = SCREEN) -> str:
    """Totals stand on zero; a rise hangs in the colour of worse, a fall in that of better."""
    width, height = size
    levels = [told.first[1]]
    for _, amount in told.changes:
        levels.append(levels[-1] + amount)
    grid = steps(float(min(levels)), float(max(levels)))
    tall, span = height - TOP - BOTTOM, grid[-1] - grid[0]

    def down(value: float) -> float:
        return TOP + tall - (value - grid[0]) / span * tall

    marks = ""
    for value in grid:
        y = down(value)
        marks += (
            f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'{paint.stroke("line")}/><text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" '
            f"{paint.text()}>{told.money(Decimal(str(value)))}</text>"
        )
    wide = (width - LEFT - RIGHT) / (len(told.changes) + 2)
    bars = [(told.first[0], Decimal(0), told.first[1], "h5")]
    for at, (name, amount) in enumerate(told.changes):
        bars.append((name, levels[at], levels[at + 1], "bad" if amount > 0 else "good"))
    bars.append((told.last, Decimal(0), levels[-1], "h5"))
    for at, (name, start, end, colour) in enumerate(bars):
        top, low = down(float(max(start, end))), down(float(min(start, end)))
        is_total = at in {0, len(bars) - 1}
        figure = told.money(end) if is_total else told.signed(end - start)
        left = LEFT + at * wide
        marks += (
            f'<g {titled(name, [("", figure, "")])}<rect x="{left + wide * 0.16:.1f}" '
            f'y="{top:.1f}" width="{wide * 0.68:.1f}" height="{max(low - top, 1.5):.1f}" rx="2" '
            f"{paint.fill(colour)}/></g>"
            f'<text x="{left + wide / 2:.1f}" y="{top - 5:.1f}" text-anchor="middle" '
            f"{paint.text('ink', 11, 560)}>{figure}</text>"
            f'<text x="{left + wide / 2:.1f}" y="{height - 8}" text-anchor="middle" '
            f"{paint.text()}>{name}</text>"
        )
    return drawing(width, height, marks, told.name, "bars")
