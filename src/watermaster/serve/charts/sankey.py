"""Where money flows: bands between columns, only the last step coloured."""

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from watermaster.serve.charts.paint import SCREEN, Paint, drawing, label, linked, titled
from watermaster.units.text import share

NODE, GAP = 12, 11
LEFT, RIGHT = 118, 138
PASSES = 6
Node = tuple[int, str]  # column, name


@dataclass(frozen=True, slots=True)
class Band:
    """Money that goes from a node to one of the next column; `value` above zero."""

    column: int
    start: str
    end: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What to draw, how it is written and where its parts lead."""

    columns: Sequence[Sequence[str]]
    bands: Sequence[Band]
    name: str
    money: Callable[[float], str]
    colour: Callable[[int, str], str]  # of a node; of a band, that of its end
    link: Callable[[int, str, str | None], str | None]


@dataclass(slots=True)
class _Layout:
    flow: Flow
    width: float
    height: float
    order: list[list[str]] = field(default_factory=list)
    top: dict[Node, float] = field(default_factory=dict)
    size: dict[Node, float] = field(default_factory=dict)
    scale: float = 1.0

    def across(self, column: int) -> float:
        steps = max(len(self.flow.columns) - 1, 1)
        return LEFT + column * (self.width - LEFT - RIGHT - NODE) / steps


def sankey(flow: Flow, size: tuple[int, int] = (1120, 400), paint: Paint = SCREEN) -> str:
    """Nodes are ordered so that few bands cross."""
    layout = _laid_out(flow, *size)
    bands = "".join(_band(layout, paint, *place) for place in _placed(layout))
    nodes = "".join(
        _node(layout, paint, (column, name))
        for column, names in enumerate(layout.order)
        for name in names
    )
    return drawing(*size, bands + nodes, flow.name, "sankey")


def _laid_out(flow: Flow, width: float, height: float) -> _Layout:
    layout = _Layout(flow, width, height)
    into: dict[Node, float] = defaultdict(float)
    out: dict[Node, float] = defaultdict(float)
    for band in flow.bands:
        out[band.column, band.start] += band.value
        into[band.column + 1, band.end] += band.value
    layout.size = {node: max(into[node], out[node]) for node in [*into, *out]}
    layout.order = [
        sorted(names, key=functools.partial(_smallness, layout, column))
        for column, names in enumerate(flow.columns)
    ]
    most = max(len(names) for names in flow.columns)
    whole = max(
        sum(layout.size[column, name] for name in names)
        for column, names in enumerate(flow.columns)
    )
    layout.scale = (height - GAP * (most - 1) - 8) / whole
    _place(layout)
    for turn in range(PASSES):
        _untangle(layout, is_forward=turn % 2 == 0)
    return layout


def _place(layout: _Layout) -> None:
    for column, names in enumerate(layout.order):
        tall = sum(layout.size[column, name] for name in names) * layout.scale
        down = (layout.height - tall - GAP * (len(names) - 1)) / 2
        for name in names:
            layout.top[column, name] = down
            down += layout.size[column, name] * layout.scale + GAP


def _untangle(layout: _Layout, *, is_forward: bool) -> None:
    count = len(layout.order)
    for column in range(1, count) if is_forward else range(count - 2, -1, -1):
        pulled: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for band in layout.flow.bands:
            if is_forward and band.column == column - 1:
                pulled[band.end].append((_middle(layout, (column - 1, band.start)), band.value))
            if not is_forward and band.column == column:
                pulled[band.start].append((_middle(layout, (column + 1, band.end)), band.value))
        layout.order[column].sort(key=functools.partial(_pull, pulled))
        _place(layout)


def _middle(layout: _Layout, node: Node) -> float:
    return layout.top[node] + layout.size[node] * layout.scale / 2


def _smallness(layout: _Layout, column: int, name: str) -> float:
    return -layout.size[column, name]


def _pull(pulled: Mapping[str, Sequence[tuple[float, float]]], name: str) -> float:
    return _mean(pulled.get(name, ()))


def _mean(pulls: Sequence[tuple[float, float]]) -> float:
    weight = sum(value for _, value in pulls)
    return sum(place * value for place, value in pulls) / weight if weight else 0.0


def _placed(layout: _Layout) -> list[tuple[Band, float, float]]:
    """Bands with the places where they leave and arrive, in the order of the nodes."""
    rank = {(c, name): i for c, names in enumerate(layout.order) for i, name in enumerate(names)}
    left: dict[Node, float] = {}
    right: dict[Node, float] = {}
    found = []
    for band in sorted(
        layout.flow.bands,
        key=lambda b: (b.column, rank[b.column, b.start], rank[b.column + 1, b.end]),
    ):
        start, end = (band.column, band.start), (band.column + 1, band.end)
        leaves = left.get(start, layout.top[start])
        arrives = right.get(end, layout.top[end])
        found.append((band, leaves, arrives))
        left[start] = leaves + band.value * layout.scale
        right[end] = arrives + band.value * layout.scale
    return found


def _band(layout: _Layout, paint: Paint, band: Band, leaves: float, arrives: float) -> str:
    flow, tall = layout.flow, band.value * layout.scale
    start, end = layout.across(band.column) + NODE, layout.across(band.column + 1)
    half = (start + end) / 2
    is_last = band.column == len(flow.columns) - 2
    colour = flow.colour(band.column + 1, band.end) if is_last else "h3"
    shape = (
        f"M{start:.1f} {leaves:.1f}C{half:.1f} {leaves:.1f} {half:.1f} {arrives:.1f} "
        f"{end:.1f} {arrives:.1f}L{end:.1f} {arrives + tall:.1f}C{half:.1f} {arrives + tall:.1f} "
        f"{half:.1f} {leaves + tall:.1f} {start:.1f} {leaves + tall:.1f}Z"
    )
    whole = sum(one.value for one in flow.bands if one.column == band.column)
    head, cost = f"{band.start} → {band.end}", flow.money(band.value)
    part = _share(band.value, whole)
    words = titled(head, [("Cost", cost, ""), ("Share of all", part, "")])
    opacity = ".55" if is_last else ".34"
    mark = f'<path d="{shape}" {paint.fill(colour)} opacity="{opacity}" {words}</path>'
    address = flow.link(band.column, band.start, band.end)
    return linked(address, f"{band.start} to {band.end}, {cost}", mark)


def _node(layout: _Layout, paint: Paint, node: Node) -> str:
    flow, (column, name) = layout.flow, node
    left, top, tall = layout.across(column), layout.top[node], layout.size[node] * layout.scale
    is_last = column == len(flow.columns) - 1
    hue = flow.colour(column, name) if is_last else "h5"
    whole = sum(layout.size[column, other] for other in layout.order[column])
    cost, part = flow.money(layout.size[node]), _share(layout.size[node], whole)
    at, anchor = (left - 8, "end") if column == 0 else (left + NODE + 8, "start")
    words = titled(name, [("Cost", cost, ""), ("Share of all", part, "")])
    text = f'<text text-anchor="{anchor}" {paint.text("ink", 12, 560)} {paint.halo()}'
    short = label(name, 18)
    if tall > 26:
        told = (
            f'{text}><tspan x="{at:.1f}" y="{top + tall / 2 - 2:.1f}">{short}</tspan>'
            f'<tspan x="{at:.1f}" dy="15" {paint.text("muted", 11.5)}>{cost} · {part}</tspan>'
            "</text>"
        )
    else:
        told = (
            f'{text} x="{at:.1f}" y="{top + tall / 2 + 4:.1f}">{short} '
            f"<tspan {paint.text('muted', 11.5)}>{cost}</tspan></text>"
        )
    mark = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{NODE}" height="{max(tall, 1.5):.1f}" '
        f'rx="1.5" {paint.fill(hue)} {words}</rect>'
    )
    return linked(flow.link(column, name, None), f"{name}, {cost}", mark + told)


def _share(value: float, whole: float) -> str:
    return share(Decimal(str(value)) / Decimal(str(whole))) if whole else share(None)
