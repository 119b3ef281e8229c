"""Kill the work of a month at every step and at random moments; what is left must be whole.

A kill is survived when, after the work is run again, the sorted export of every table at head
equals a clean run's, the audit chain verifies and `wm doctor --fix` leaves no orphan.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from figures import Figure, run
from watermaster.flows.audit import verify
from watermaster.flows.doctor import mend_all
from watermaster.flows.open import open_project
from watermaster.testing.crash import keep, prepare, put_back, work
from watermaster.testing.export import canonical
from watermaster.testing.kill import boundaries, killed_after, killed_at

TRIES = 5  # a moment may fall after the end of a run that was quicker than the measured one


@dataclass(frozen=True, slots=True)
class Stage:
    """A prepared home, its copy, and what a clean run makes of it."""

    home: Path
    kept: Path
    clean: dict[str, list[str]]

    def survived(self) -> bool:
        """Whether running the work again mends all that a kill left."""
        work(self.home)
        mended = mend_all(open_project(self.home))
        told = {one.check: one.what for one in mended.findings}
        found = open_project(self.home)
        return (
            canonical(found) == self.clean
            and verify(found).is_whole
            and mended.is_healthy
            and told["orphans"] == "none"
        )


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """One figure per kill, and how many were survived."""
    with tempfile.TemporaryDirectory() as folder:
        home, kept = Path(folder) / "home", Path(folder) / "kept"
        prepare(home, chosen.rows)
        keep(home, kept)
        steps = boundaries(home, work)
        stage = Stage(home, kept, canonical(open_project(home)))
        results = []
        for boundary in steps:
            put_back(kept, home)
            held = killed_at(home, work, boundary) and stage.survived()
            results.append(held)
            yield _figure(f"{boundary.step}#{boundary.nth}", held=held)
        for wait_s in _moments(stage, chosen.moments, chosen.seed):
            held = _killed_about(stage, wait_s) and stage.survived()
            results.append(held)
            yield _figure(f"after_{wait_s:.3f}_s", held=held)
    lost = len(results) - sum(results)
    yield Figure(bench="faults", figure="kills", value=len(results), unit="kills")
    yield Figure(bench="faults", figure="not_survived", value=lost, unit="kills", target="0")


def _moments(stage: Stage, count: int, seed: int) -> list[float]:
    """Moments spread over how long the work takes in a child that nobody kills."""
    put_back(stage.kept, stage.home)
    began = time.monotonic()
    killed_after(stage.home, work, 600)
    took_s = time.monotonic() - began
    dice = random.Random(seed)
    return [took_s * (number + dice.random()) / count for number in range(count)]


def _killed_about(stage: Stage, wait_s: float) -> bool:
    for _ in range(TRIES):
        put_back(stage.kept, stage.home)
        if killed_after(stage.home, work, wait_s):
            return True
        wait_s *= 0.8
    return False


def _figure(name: str, *, held: bool) -> Figure:
    return Figure(bench="faults", figure=name, value=int(held), unit="survived", target="1")


if __name__ == "__main__":
    raise SystemExit(run(measure, "rows=40", "moments=30", "seed=0"))
