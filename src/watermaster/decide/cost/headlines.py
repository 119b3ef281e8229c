"""Six figures that tell a ledger in a glance: what was spent, and what of it served nobody."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure, and the words `wm cost by kind,rule` shows it under."""

    what: str
    cost: Decimal
    where: str


def _kind(name: str) -> Callable[[Row], bool]:
    return lambda row: row["kind"] == name


def _unused(row: Row) -> bool:
    return str(row["rule"]).startswith("commitment-unused")


_FIGURES: Final[tuple[tuple[str, Callable[[Row], bool], str], ...]] = (
    ("effective cost", lambda _: True, "all"),
    ("GPUs that lay idle", lambda row: row["kind"] == "idle" and not _unused(row), "kind idle"),
    ("commitments nobody used", _unused, "rule commitment-unused"),
    ("nobody's", _kind("unallocated"), "kind unallocated"),
    ("not measured", _kind("unmeasured"), "kind unmeasured"),
    (
        "data that left its bucket",
        lambda row: str(row["rule"]).startswith("transfer:"),
        "rule transfer",
    ),
)


def headlines(rows: Iterable[Row]) -> list[Headline]:
    """rows: kind, rule, cost of one currency, as `cost_by` sums them."""
    held = list(rows)
    return [
        Headline(what, sum((_cost(row) for row in held if holds(row)), Decimal(0)), where)
        for what, holds, where in _FIGURES
    ]


def _cost(row: Row) -> Decimal:
    return Decimal(str(row["cost"] or 0))
