"""What the simulated company's workloads are truly for, beside how the ledger saw them behave."""

from dataclasses import dataclass
from pathlib import Path

from tests.testing.test_planted_truth import NOW, ingest_all
from watermaster.decide.cost.activity import OF_PURPOSE
from watermaster.flows.estate import known_estate
from watermaster.flows.open import create_project
from watermaster.flows.things import things_seen
from watermaster.ledger.head import read_head
from watermaster.model.behaviour import Behaviour
from watermaster.model.estate import live_estate
from watermaster.model.resources import Purpose
from watermaster.testing.simulate.company import Size
from watermaster.testing.simulate.plan import Order
from watermaster.testing.simulate.render import simulate


@dataclass(frozen=True, slots=True)
class Case:
    """One behaviour, the activities that are true of it, and its GPU-hours."""

    seen: Behaviour
    truth: frozenset[str]
    weight: float
    purpose: Purpose | None = None


def planted_purposes(seed: int, folder: Path, month: str = "2026-10") -> list[Case]:
    """Every workload of a month of the small company that held a GPU."""
    made = simulate(Order(seed, 1, month, Size.SMALL), folder / "inputs")
    project = create_project(folder / "home", clock=lambda: NOW)
    ingest_all(project, made)
    estate = live_estate(known_estate(project))
    seen = things_seen(project, read_head(project.ledger.records), month, estate)
    true = {one.name: one.purpose for one in made.plan.company.workloads}
    return [
        Case(
            one.behaviour,
            frozenset({OF_PURPOSE[true[one.workload]]}),
            one.behaviour.gpu_h,
            true[one.workload],
        )
        for one in seen.workloads
        if one.behaviour is not None and one.workload in true
    ]
