"""A trend beside a figure."""

from collections.abc import Sequence
from decimal import Decimal

from watermaster.serve.charts.paint import SCREEN, Paint, drawing

WIDTH, HEIGHT = 92, 22


def spark(
    values: Sequence[Decimal | None],
    name: str,
    colour: str = "c1",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    paint: Paint = SCREEN,
) -> str:
    """Values of equal steps in time; a missing one leaves a gap; the last has a dot."""
    width, height = size
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return drawing(width, height, "", f"{name}: no trend yet", "spark")
    low, span = min(known), (max(known) - min(known)) or Decimal(1)

    def point(index: int, value: Decimal) -> tuple[float, float]:
        across = 2 + index * (width - 6) / (len(values) - 1)
        return across, height - 3 - float((value - low) / span) * (height - 6)

    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(point(index, value))
    marks = "".join(_run(run, height, colour, paint) for run in runs if run)
    if values[-1] is not None:
        across, down = runs[-1][-1]
        marks += f'<circle cx="{across:.1f}" cy="{down:.1f}" r="2.2" {paint.fill(colour)}/>'
    return drawing(width, height, marks, name, "spark")


def _run(run: Sequence[tuple[float, float]], height: int, colour: str, paint: Paint) -> str:
    line = "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down in run)
    under = f"{line}L{run[-1][0]:.1f} {height}L{run[0][0]:.1f} {height}Z"
    return (
        f'<path d="{under}" {paint.fill(colour)} opacity=".1"/>'
        f'<path d="{line}" fill="none" {paint.stroke(colour)} stroke-width="1.5" '
        'stroke-linejoin="round"/>'
    )
