"""Fixes whose saving is known: daily cost, volume and price of subjects, with and without.

What would have been is drawn with what is, from the same noise, and only the truth holds it:
truth.json is written before inputs.csv and fixes.csv. Costs follow requests, or stand still while
requests come and go, or end with what was removed. Days have weekly patterns in volume and in
unit cost, trends, memory (AR(1)), steps in volume and in price that have nothing to do with the
fix, and gaps.
"""

import csv
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
FIRST: Final = dt.date(2026, 1, 1)
KINDS: Final = ("follows-requests", "stands-still", "removed")
GAPS: Final = 0.03  # of days: nobody counted
PRICE_STEPS: Final = 0.5  # of subjects: their price changes once, at any time
CREEP: Final = 0.05  # a month, at most, by which unit costs creep up or down
UNDONE: Final = 0.15  # of fixes


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One mended subject: what is seen of it, and what only the truth holds."""

    number: int
    kind: str
    fixed: int  # day number
    undone: int | None
    cost: Numbers
    volume: Numbers
    price: Numbers
    without: Numbers  # cost had nothing been done
    is_counted: Numbers  # days on which somebody counted

    @property
    def true_saving(self) -> float:
        """Over the days that were counted, from the day after the fix to the day before undo."""
        days = np.arange(len(self.cost))
        end = len(days) if self.undone is None else self.undone
        mine = (days > self.fixed) & (days < end) & self.is_counted
        return float((self.without - self.cost)[mine].sum())


def draw(seed: int, count: int) -> Iterator[Case]:
    """So many cases, a third of each kind; the same seed gives the same."""
    for number in range(count):
        dice = np.random.default_rng([seed, number])
        yield _case(dice, number, (int(dice.integers(21, 75)), int(dice.integers(7, 92))))


def draw_over(seed: int, count: int, days: int) -> Iterator[Case]:
    """So many cases over the same days, of which every one is counted."""
    for number in range(count):
        dice = np.random.default_rng([seed, 43, number])
        fixed = int(dice.integers(35, days - 20))
        case = _case(dice, number, (fixed, days - fixed - 1))
        yield replace(case, is_counted=np.ones(days, bool))


def write_cases(seed: int, count: int, folder: Path) -> None:
    """The truth, then what is seen."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = list(draw(seed, count))
    truth = {one.number: {"kind": one.kind, "saving": one.true_saving} for one in cases}
    (folder / "truth.json").write_text(json.dumps(truth))
    with (folder / "fixes.csv").open("w", newline="", encoding="utf-8") as out:
        write = csv.writer(out, lineterminator="\n")
        write.writerow(("case", "fixed", "undone", "effect"))
        for one in cases:
            effect = "removes" if one.kind == "removed" else "lowers"
            write.writerow((one.number, _day(one.fixed), _day(one.undone), effect))
    with (folder / "inputs.csv").open("w", newline="", encoding="utf-8") as out:
        write = csv.writer(out, lineterminator="\n")
        write.writerow(("case", "day", "cost", "price", "requests"))
        for one in cases:
            for day in np.flatnonzero(one.is_counted):
                told = one.cost[day], one.price[day], one.volume[day]
                write.writerow((one.number, _day(int(day)), *(f"{value:.6f}" for value in told)))


def _day(number: int | None) -> str:
    return "" if number is None else (FIRST + dt.timedelta(days=number)).isoformat()


def _case(dice: np.random.Generator, number: int, span: tuple[int, int]) -> Case:
    """span: days before the fix, days after it."""
    kind = KINDS[number % len(KINDS)]
    fixed, after = span
    days = np.arange(fixed + 1 + after)
    volume = _volume(dice, days)
    price = _price(dice, days)
    unit = _noise(dice, days, dice.uniform(0.03, 0.25)) * _week(dice, days, 0.15)
    level = float(dice.uniform(5, 900))
    used = volume / volume.mean() if kind == "follows-requests" else np.ones(len(days))
    drift = np.exp(float(dice.uniform(-CREEP, CREEP)) * days / 30)
    without = level * unit * price * used * drift
    left = _left(dice, kind)
    undone = fixed + int(dice.integers(2, after + 1)) if dice.random() < UNDONE else None
    is_mended = (days > fixed) & (days < (len(days) if undone is None else undone))
    with_it = without * np.where(is_mended, left, 1.0)
    for half in (fixed, undone):  # a day that is half of each
        if half is not None and half < len(days):
            with_it[half] = without[half] * (1 + left) / 2
    asked = np.where(is_mended, 0.0, volume) if kind == "removed" else volume
    return Case(
        number=number, kind=kind, fixed=fixed, undone=undone, cost=with_it,
        volume=np.rint(asked), price=price * 2.5, without=without,
        is_counted=dice.random(len(days)) >= GAPS,
    )  # fmt: skip


def _left(dice: np.random.Generator, kind: str) -> float:
    """The share of the cost that a fix leaves; of what is removed nothing, or a snapshot."""
    if kind == "removed":
        return float(dice.choice([0.0, 0.0, 0.04]))
    return float(dice.uniform(0.3, 1.0))  # some bring nothing


def _volume(dice: np.random.Generator, days: Numbers) -> Numbers:
    """Requests a day: weekly, growing or shrinking, and with a step that nobody planned."""
    trend = np.exp(float(dice.normal(0, 0.12)) * days / 30)
    step = np.where(days >= dice.integers(len(days)), dice.uniform(0.5, 1.6), 1.0)
    noise = _noise(dice, days, dice.uniform(0.05, 0.3))
    return float(dice.uniform(500, 90_000)) * trend * step * noise * _week(dice, days, 0.6)


def _price(dice: np.random.Generator, days: Numbers) -> Numbers:
    if dice.random() >= PRICE_STEPS:
        return np.ones(len(days))
    return np.where(days >= dice.integers(len(days)), dice.uniform(0.8, 1.2), 1.0)


def _week(dice: np.random.Generator, days: Numbers, most: float) -> Numbers:
    """Weekends lie lower, or higher, by up to so much."""
    change = float(dice.uniform(-most, most / 3))
    weekday = (FIRST.weekday() + days) % 7
    return np.where(weekday >= 5, 1 + change, 1.0)


def _noise(dice: np.random.Generator, days: Numbers, spread: float) -> Numbers:
    """Around 1, lognormal, each day remembering the one before."""
    memory = float(dice.uniform(0.0, 0.95))
    fresh = dice.normal(0, spread, len(days))
    held = np.empty(len(days))
    held[0] = fresh[0]
    for day in range(1, len(days)):
        held[day] = memory * held[day - 1] + np.sqrt(1 - memory**2) * fresh[day]
    return np.exp(held - spread**2 / 2)
