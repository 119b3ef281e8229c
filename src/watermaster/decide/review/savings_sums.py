"""What mended findings brought together, beside what was expected: by team and by rule."""

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from watermaster.model.savings import NOTHING, Interval, Realised, SavingLine, SavingSum

LEAST_LINES: Final = 3  # fewer savings do not say that a rule promises too much
ZERO: Final = Decimal(0)


def by_key(lines: Iterable[SavingLine], key: Callable[[SavingLine], str]) -> list[SavingSum]:
    """One sum for each key and currency, the largest first."""
    groups: dict[tuple[str, str], list[SavingLine]] = {}
    for line in lines:
        groups.setdefault((key(line), line.currency), []).append(line)
    found = [_sum(name, currency, held) for (name, currency), held in groups.items()]
    return sorted(found, key=lambda one: (-one.allocated.amount, one.key, one.currency))


def _sum(name: str, currency: str, lines: list[SavingLine]) -> SavingSum:
    told = [line for line in lines if line.allocated is not None]
    compared = [line for line in told if line.expected_allocated is not None]
    expected = sum((line.expected_allocated or ZERO for line in compared), ZERO)
    best = together(line.allocated for line in compared).high
    return SavingSum(
        key=name, currency=currency, count=len(told), unknown=len(lines) - len(told),
        expected_cash=sum((line.expected_cash or ZERO for line in compared), ZERO),
        expected_allocated=expected,
        cash=together(line.cash for line in told),
        allocated=together(line.allocated for line in told),
        promises_too_much=len(compared) >= LEAST_LINES and best < expected,
    )  # fmt: skip


def together(parts: Iterable[Realised | None]) -> Interval:
    """Their sum; each errs by itself, so that the ranges add as squares do."""
    held = [part.saving for part in parts if part is not None]
    if not held:
        return NOTHING
    amount = sum((one.amount for one in held), ZERO)

    def reach(name: str) -> Decimal:
        squares = sum(float(getattr(one, name) - one.amount) ** 2 for one in held)
        return Decimal(repr(math.sqrt(squares))).quantize(Decimal("0.000001"))

    return Interval(
        amount=amount, low=amount - reach("low"), high=amount + reach("high"),
        low95=amount - reach("low95"), high95=amount + reach("high95"),
    )  # fmt: skip


def record_of(lines: Iterable[SavingLine], rule: str) -> list[Decimal]:
    """Realised / expected of what a rule found, where both are known and it was not undone."""
    return [
        line.allocated.saving.amount / line.expected_allocated
        for line in lines
        if line.rule == rule and line.allocated and line.expected_allocated and not line.undone_on
    ]
