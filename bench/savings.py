"""Realised savings: how often the ranges hold the truth, how wide they are, and undone fixes.

500 fixes drawn as daily cost, requests and price (testing/simulate/fixes.py), whose saving only
truth.json knows, judged by the rule alone.
"""

import argparse
import csv
import datetime as dt
import json
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from figures import Figure, run
from watermaster.decide.review.savings import Daily, Mended, realised
from watermaster.model.savings import Effect, Interval, Realised
from watermaster.testing.simulate.fixes import FIRST, write_cases

TARGET = "80 +- 3.6 (2 SE of 500)"


@dataclass(frozen=True, slots=True)
class Judged:
    """One case: what was said, and what was true."""

    kind: str
    said: Interval
    true: float
    cost_before: float
    undone: bool
    after_undo: float  # the saving told of months after the undo

    @property
    def is_held(self) -> bool:
        return float(self.said.low) - 0.01 <= self.true <= float(self.said.high) + 0.01

    @property
    def is_held95(self) -> bool:
        return float(self.said.low95) - 0.01 <= self.true <= float(self.said.high95) + 0.01


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """How the rule does on fresh cases."""
    seed = chosen.seed or secrets.randbelow(2**31)
    with tempfile.TemporaryDirectory() as folder:
        write_cases(seed, chosen.cases, Path(folder))
        judged, unknown = judge(Path(folder))
    yield from figures(judged, f"of {len(judged)} drawn series, seed {seed}", unknown)


def judge(folder: Path) -> tuple[list[Judged], int]:
    """What the rule says of each case beside the truth, and of how many it can say nothing."""
    truth = json.loads((folder / "truth.json").read_text())
    said = {number: (one, mended) for number, one, mended in told(folder)}
    judged = []
    for number, (one, mended) in said.items():
        if one is None:
            continue
        true = truth[number]
        late = [
            float(month.amount) for name, month in one.by_month.items()
            if mended.undone and name > f"{mended.undone:%Y-%m}"
        ]  # fmt: skip
        judged.append(Judged(true["kind"], one.saving, true["saving"], float(one.before),
                             mended.undone is not None, sum(map(abs, late))))  # fmt: skip
    return judged, len(said) - len(judged)


def told(folder: Path) -> Iterator[tuple[str, Realised | None, Mended]]:
    """What the rule says of each case; the truth is not read here."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (folder / "inputs.csv").open() as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["case"], []).append(row)
    with (folder / "fixes.csv").open() as file:
        for fix in csv.DictReader(file):
            mended = Mended(
                on=dt.date.fromisoformat(fix["fixed"]),
                effect=Effect(fix["effect"]),
                undone=dt.date.fromisoformat(fix["undone"]) if fix["undone"] else None,
            )
            yield fix["case"], realised(_daily(rows[fix["case"]]), mended), mended


def _daily(rows: list[dict[str, str]]) -> Daily:
    days = [(dt.date.fromisoformat(row["day"]) - FIRST).days for row in rows]
    held = {}
    for name in ("cost", "price", "requests"):
        held[name] = np.full(max(days) + 1, np.nan)
        held[name][days] = [float(row[name]) for row in rows]
    volumes = {"requests": held["requests"]}
    return Daily(first=FIRST, cost=held["cost"], price=held["price"], volumes=volumes)


def figures(judged: list[Judged], unit: str, unknown: int) -> Iterator[Figure]:
    """Coverage of all and of each kind, width, bias, and what undone fixes still claim."""

    def share(which: str, mine: list[Judged]) -> float:
        return round(100 * sum(getattr(one, which) for one in mine) / max(len(mine), 1), 1)

    yield Figure(bench="savings", figure="coverage", value=share("is_held", judged),
                 unit=f"% {unit}", target=TARGET)  # fmt: skip
    yield Figure(bench="savings", figure="coverage95", value=share("is_held95", judged),
                 unit=f"% {unit}", target="95 +- 3")  # fmt: skip
    for kind in sorted({one.kind for one in judged}):
        mine = [one for one in judged if one.kind == kind]
        yield Figure(bench="savings", figure=f"coverage_{kind}", value=share("is_held", mine),
                     unit=f"% of {len(mine)}")  # fmt: skip
    widths = [float(one.said.high - one.said.low) / one.cost_before
              for one in judged if one.cost_before]  # fmt: skip
    errors = [(float(one.said.amount) - one.true) / one.cost_before
              for one in judged if one.cost_before]  # fmt: skip
    yield Figure(bench="savings", figure="mean_width", value=round(float(np.mean(widths)), 3),
                 unit="of the cost before, 80% range")  # fmt: skip
    yield Figure(bench="savings", figure="bias", value=round(float(np.mean(errors)), 4),
                 unit="of the cost before, mean error")  # fmt: skip
    undone = [one for one in judged if one.undone]
    yield Figure(bench="savings", figure="undone_claims", target="0",
                 value=round(sum(one.after_undo for one in undone), 2),
                 unit=f"saved after {len(undone)} undos")  # fmt: skip
    yield Figure(bench="savings", figure="unknown", value=unknown, unit="fixes with too few days")


if __name__ == "__main__":
    sys.exit(run(measure, "cases=500", "seed=0"))
