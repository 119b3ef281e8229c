"""Axes: round steps from zero."""

import math

MULTIPLES = (1, 2, 2.5, 5, 10)


def steps(low: float, high: float, most: int = 4) -> list[float]:
    """Round values that cover zero, `low` and `high` in at most `most` + 1 steps.

    >>> steps(0, 65_000), steps(-5, 20), steps(0, 0)
    ([0, 20000, 40000, 60000, 80000], [-10, 0, 10, 20], [0, 1])
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return [0, 1]
    step = _round_up((high - low) / most)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [_plain(step * count) for count in range(first, last + 1)]


def _round_up(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(many * power for many in MULTIPLES if raw <= many * power * (1 + 1e-9))


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value
