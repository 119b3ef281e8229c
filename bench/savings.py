"""Realised savings: how often the ranges hold the truth, how wide they are, and undone fixes.

Two halves. Series: 500 fixes drawn as daily cost, requests and price (testing/simulate/fixes.py),
whose saving only truth.json knows, judged by the rule alone. Ledger: fixes planted in the simulated
company (testing/simulate/mended.py), from its bills, inventory and requests through ingest and
allocation to what `wm savings show` says; fewer, since each company takes a minute.
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
from typing import Any

import numpy as np

from figures import Figure, run
from tests.flows.savings_work import mend
from tests.testing.test_planted_truth import NOW, ingest_all
from watermaster.decide.review.savings import Daily, Mended, realised
from watermaster.flows.open import Project, create_project
from watermaster.flows.savings import savings
from watermaster.model.savings import Effect, Interval, Realised
from watermaster.testing.simulate.company import Size
from watermaster.testing.simulate.fixes import FIRST, write_cases
from watermaster.testing.simulate.plan import Order
from watermaster.testing.simulate.render import simulate

MONTHS, FIXES = 4, 36


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
    held = [one for number in range(chosen.companies) for one in company(seed + number)]
    if held:
        yield from figures(
            held, f"of {len(held)} fixes through the ledger, seed {seed}", 0, "ledger_"
        )


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


def company(seed: int) -> list[Judged]:
    """The planted fixes of one company, as the flow tells them from its ledger."""
    with tempfile.TemporaryDirectory() as folder:
        order = Order(seed, MONTHS, "2026-10", Size.SMALL, plants=1, fixes=FIXES)
        made = simulate(order, Path(folder) / "inputs")
        project = create_project(Path(folder) / "home", clock=lambda: NOW)
        ingest_all(project, made)
        with (Path(folder) / "inputs" / "fixes.csv").open() as file:
            for fix in csv.DictReader(file):
                _mend(project, fix)
        lines = {one.subject.rpartition("/")[2]: one for one in savings(project).lines}
        truth = json.loads(made.truth.read_text())["fixes"]
    return [_judged(lines[one["uid"]].allocated, one) for one in truth]


def _mend(project: Project, fix: dict[str, str]) -> None:
    lowers = fix["effect"] == "lowers"
    mend(
        project, "oversized-request" if lowers else "orphaned-endpoint",
        (fix["platform"], fix["kind"], fix["uid"]), verb="lower-request" if lowers else "scale",
        fixed=dt.date.fromisoformat(fix["fixed"]),
        undone=dt.date.fromisoformat(fix["undone"]) if fix["undone"] else None,
    )  # fmt: skip


def _judged(told: Realised | None, true: dict[str, Any]) -> Judged:
    assert told is not None
    late = [
        float(month.amount) for name, month in told.by_month.items()
        if true["undone"] and name > true["undone"][:7]
    ]  # fmt: skip
    return Judged(true["kind"], told.saving, true["saving"], float(told.before),
                  true["undone"] is not None, sum(map(abs, late)))  # fmt: skip


def figures(judged: list[Judged], unit: str, unknown: int, which: str = "") -> Iterator[Figure]:
    """Coverage of all and of each kind, width, bias, and what undone fixes still claim."""

    def share(which: str, mine: list[Judged]) -> float:
        return round(100 * sum(getattr(one, which) for one in mine) / max(len(mine), 1), 1)

    goal = 3 if not judged else max(3.0, 200 * (0.16 / len(judged)) ** 0.5)
    yield Figure(bench="savings", figure=f"{which}coverage", value=share("is_held", judged),
                 unit=f"% {unit}", target=f"80 +- {goal:.1f} (2 SE of {len(judged)})")  # fmt: skip
    yield Figure(bench="savings", figure=f"{which}coverage95", value=share("is_held95", judged),
                 unit=f"% {unit}", target="95 +- 3")  # fmt: skip
    for kind in sorted({one.kind for one in judged}):
        mine = [one for one in judged if one.kind == kind]
        held = share("is_held", mine)
        yield Figure(bench="savings", figure=f"{which}coverage_{kind}", value=held,
                     unit=f"% of {len(mine)}")  # fmt: skip
    widths = [float(one.said.high - one.said.low) / one.cost_before
              for one in judged if one.cost_before]  # fmt: skip
    errors = [(float(one.said.amount) - one.true) / one.cost_before
              for one in judged if one.cost_before]  # fmt: skip
    width, bias = round(float(np.mean(widths)), 3), round(float(np.mean(errors)), 4)
    yield Figure(bench="savings", figure=f"{which}mean_width", value=width,
                 unit="of the cost before, 80% range")  # fmt: skip
    yield Figure(bench="savings", figure=f"{which}bias", value=bias,
                 unit="of the cost before, mean error")  # fmt: skip
    undone = [one for one in judged if one.undone]
    yield Figure(bench="savings", figure=f"{which}undone_claims", target="0",
                 value=round(sum(one.after_undo for one in undone), 2),
                 unit=f"saved after {len(undone)} undos")  # fmt: skip
    yield Figure(bench="savings", figure=f"{which}unknown", value=unknown,
                 unit="fixes with too few days")  # fmt: skip


if __name__ == "__main__":
    sys.exit(run(measure, "cases=500", "seed=0", "companies=2"))
