"""Whether "what moved" names what was planted, and adds up.

300 fresh pairs of months, each with one planted cause (price, volume, mix, new, gone) of one
workload amid noise on all lines; named: the largest reason is that cause of that subject.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Iterator

from figures import Figure, run
from watermaster.decide.review.moved import explain, steps_of
from watermaster.model.moved import Cause
from watermaster.testing.planted_change import CAUSES, planted_change


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """The share named right, by cause and in all."""
    right: dict[Cause, list[bool]] = {cause: [] for cause in CAUSES}
    seed = chosen.seed or secrets.randbelow(2**31)
    is_exact, start = True, time.process_time()
    for number in range(chosen.months):
        told = planted_change(seed + number)
        reasons = explain(told.rows, lambda row: (str(row["workload"]), None))
        named = reasons[0].cause, reasons[0].subject
        right[told.cause].append(named == (told.cause, told.subject))
        change = sum(row["cost_now"] - row["cost_before"] for row in told.rows)
        is_exact &= sum(steps_of(reasons).values()) == change
    every = [one for held in right.values() for one in held]
    yield _figure("named", sum(every) / len(every), f"of {len(every)} planted causes", ">= 0.95")
    for cause, held in right.items():
        yield _figure(f"named_{cause}", sum(held) / max(len(held), 1), f"of {len(held)}")
    yield _figure("adds_up", int(is_exact), "1: each change to the last digit", "1")
    yield _figure("cpu_s", round(time.process_time() - start, 2), "CPU s")
    yield _figure("seed", seed, "seed")


def _figure(name: str, value: float, unit: str, target: str | None = None) -> Figure:
    return Figure(bench="moved", figure=name, value=round(value, 4), unit=unit, target=target)


if __name__ == "__main__":
    sys.exit(run(measure, "months=300", "seed=0"))
