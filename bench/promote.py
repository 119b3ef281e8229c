"""Promote and sunset under monthly looks: how often they are wrong, and how often they see.

2,000 experiments of each kind, looked at every month from the second on for two years, and ended
at the first verdict. Beside it the plain rule without always-valid evidence: P(net benefit > 0) of
0.8 or more at any look.
"""

import argparse
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from figures import Figure, run
from watermaster.decide.release.promote import AGAINST, e_value, probability
from watermaster.model.outcomes import PROMOTED_FROM
from watermaster.testing.simulate.experiments import Drawn, draw_weeks

LOOKS: Final = [round(month * 365.25 / 12 / 7) for month in range(2, 25)]
NOISES: Final = {
    "normal": Drawn(), "memory": Drawn(memory=0.5), "skewed": Drawn(is_skewed=True),
    "memory_skewed": Drawn(memory=0.5, is_skewed=True),
}  # fmt: skip
WORTHS: Final = (0.2, 0.4, 0.8)


@dataclass(frozen=True, slots=True)
class Ended:
    """Shares of the experiments, by the first verdict each met."""

    promoted: float
    sunset: float
    plainly: float  # by the plain rule


def look(weeks: NDArray[Any], alpha: float) -> Ended:
    """Look every month; the first verdict ends an experiment."""
    open_, good, bad, plain = (
        np.full(len(weeks), is_set) for is_set in (True, False, False, False)
    )
    for last in LOOKS:
        held = weeks[:, :last]
        chance, needed = probability(held), 1 / alpha
        is_good = open_ & (chance >= PROMOTED_FROM) & (e_value(held) >= needed)
        is_bad = open_ & (chance <= 1 - PROMOTED_FROM) & (e_value(-held) >= AGAINST * needed)
        good, bad, open_ = good | is_good, bad | is_bad, open_ & ~is_good & ~is_bad
        plain |= chance >= PROMOTED_FROM
    return Ended(float(good.mean()), float(bad.mean()), float(plain.mean()))


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Worthless experiments of every noise, then good ones."""
    seed = chosen.seed or secrets.randbelow(2**31)
    for alpha in (0.2, 0.05):
        for name, noise in NOISES.items():
            told = look(draw_weeks(seed, replace(noise, count=chosen.count)), alpha)
            for figure, value in (
                ("wrong_promotions", told.promoted),
                ("wrong_sunsets", told.sunset),
            ):
                yield Figure(bench="promote", figure=f"{figure}_{name}_{alpha}",
                             value=round(value, 4), unit=f"of {chosen.count}, seed {seed}",
                             target=f"<= {alpha}",
                             against=f"{told.plainly:.3f} promoted by the plain rule")  # fmt: skip
        for worth in WORTHS:
            told = look(draw_weeks(seed, Drawn(count=chosen.count, worth=worth, memory=0.3)), alpha)
            yield Figure(bench="promote", figure=f"power_{worth}_{alpha}",
                         value=round(told.promoted, 4),
                         unit="promoted, of those worth so many sd a week")  # fmt: skip


if __name__ == "__main__":
    sys.exit(run(measure, "count=2000", "seed=0"))
