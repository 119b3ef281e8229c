"""Hours of the day by row: a one-hue heat map."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from watermaster.serve.charts.paint import SCREEN, Paint, drawing, label, titled
from watermaster.units.text import share

HOURS, STEPS = 24, 7
LEFT, FOOT = 92, 20
ROW, TALL_ROW, FEW = 29, 44, 4


def heat(
    rows: Mapping[str, Sequence[Decimal | None]],
    name: str,
    what: str,
    width: int = 376,
    paint: Paint = SCREEN,
) -> str:
    """One row of 24 ratios each; a missing hour is left empty, which is not zero."""
    tall = TALL_ROW if len(rows) <= FEW else ROW
    wide, height = (width - LEFT) / HOURS, tall * len(rows) + FOOT
    marks = ""
    for index, (row, values) in enumerate(rows.items()):
        top = index * tall
        marks += (
            f'<text x="0" y="{top + tall / 2 + 3}" {paint.text("ink", 11.5, 500)}>'
            f"{label(row, 14)}</text>"
        )
        for hour, value in enumerate(values):
            place = (
                f'x="{LEFT + hour * wide:.1f}" y="{top}" '
                f'width="{wide - 1.5:.1f}" height="{tall - 2}"'
            )
            marks += _cell(place, f"{row}, {hour:02d}:00", (what, value), paint)
    for hour in range(0, HOURS, 4):
        across = LEFT + hour * wide + wide / 2
        marks += (
            f'<text x="{across:.1f}" y="{height - 4}" text-anchor="middle" '
            f"{paint.text()}>{hour:02d}</text>"
        )
    return drawing(width, height, marks, name, "heat")


def _cell(place: str, head: str, figure: tuple[str, Decimal | None], paint: Paint) -> str:
    what, value = figure
    shape = f'<rect {place} rx="2"'
    words = titled(head, [(what, share(value), "")])
    if value is None:
        return f'{shape} fill="none" {paint.stroke("line")} {words}</rect>'
    step = min(STEPS - 1, max(0, int(value * STEPS)))
    return f"{shape} {paint.fill(f'h{step}')} {words}</rect>"
