"""Weekly net benefits of experiments whose true worth is known, for rules that are looked at often.

Days have a weekly pattern, memory, and tails as long as asked for; a week is the sum of its days.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WEEK: Final = 7
WEEKEND: Final = 0.4
TAIL: Final = 0.8  # of a lognormal day


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """So many experiments of one true worth."""

    count: int = 2000
    weeks: int = 104
    worth: float = 0.0  # true mean / standard deviation of a week
    memory: float = 0.0  # of a day in the next
    is_skewed: bool = False  # rare days far above the others


def draw_weeks(seed: int, order: Drawn) -> NDArray[Any]:
    """Count x weeks, each with standard deviation 1 over many."""
    dice = np.random.default_rng(seed)
    shape = order.count, order.weeks * WEEK
    fresh = _skewed(dice, shape) if order.is_skewed else dice.standard_normal(shape)
    held = np.empty(shape)
    held[:, 0] = fresh[:, 0]
    for day in range(1, shape[1]):
        kept = order.memory * held[:, day - 1]
        held[:, day] = kept + np.sqrt(1 - order.memory**2) * fresh[:, day]
    pattern = np.where(np.arange(shape[1]) % WEEK >= 5, WEEKEND, 1.0)
    weeks = (held * pattern).reshape(order.count, order.weeks, WEEK).sum(axis=2)
    return np.asarray(weeks / weeks.std() + order.worth)


def _skewed(dice: np.random.Generator, shape: tuple[int, int]) -> NDArray[Any]:
    mean, variance = np.exp(TAIL**2 / 2), (np.exp(TAIL**2) - 1) * np.exp(TAIL**2)
    return np.asarray((dice.lognormal(0, TAIL, shape) - mean) / np.sqrt(variance))
