"""What was planted is found in the product's ledger, and little else: for seeds nobody chose.

The noise is on: labels and tags missing or misspelt, gaps in telemetry, clocks that differ, late
rows. The detection (findings.py) sees only the ledger; the truth is read here alone.
"""

import datetime as dt
import json
import secrets
from decimal import Decimal
from pathlib import Path

import pytest

from tests.testing import findings
from watermaster.cli.demo import arrivals
from watermaster.flows.demo import fill
from watermaster.flows.findings import find
from watermaster.flows.open import Project, create_project
from watermaster.ledger.pulls import remember_pull
from watermaster.model.ingested import Ingested
from watermaster.model.resources import SourceType
from watermaster.model.synced import Pulled
from watermaster.testing.simulate.company import Size
from watermaster.testing.simulate.plan import Order, Plan
from watermaster.testing.simulate.render import Simulated, simulate

LEAST = Decimal("0.95")
NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
SEEDS = [secrets.randbelow(2**31) for _ in range(5)]
Costs = dict[tuple, Decimal]


def ingest_all(project: Project, made: Simulated) -> list[Ingested]:
    kinds = {cluster.name: cluster.kind for cluster in made.plan.company.clusters}
    sources = [
        (name, SourceType.SLURM if kinds.get(name) == "slurm" else SourceType.USAGE)
        for name in made.sources
    ]
    return fill(project, made.estate, arrivals(made), sources).bills


def planted(truth: dict) -> dict[str, Costs]:
    def cost(one: dict) -> Decimal:
        return Decimal(one["cost"])

    nodes: Costs = {}
    for one in truth["idle_nodes"]:
        for day in one["days"]:
            nodes[one["platform"], one["node"], day] = cost(one) / len(one["days"])
    return {
        "idle_nodes": nodes,
        "idle_pools": {(one["pool"], one["month"]): cost(one) for one in truth["idle_pools"]},
        "unowned": {
            (one["resource_id"],): cost(one) for one in [*truth["unowned"], *truth["untagged"]]
        },
        "misspelt": {(one["resource_id"],): cost(one) for one in truth["misspelt"]},
        "unowned_use": {
            (pool,): sum(cost(one) for one in truth["unowned_use"] if one["pool"] == pool)
            for pool in {one["pool"] for one in truth["unowned_use"]}
        },
        "unused_commitments": {
            (one["commitment_id"], one["month"]): cost(one) for one in truth["unused_commitments"]
        },
        "repeated_transfers": {
            (one["dataset"], one["month"], one["times"]): cost(one)
            for one in truth["repeated_transfers"]
        },
        "inactive_gpus": {(one["platform"], one["month"]): cost(one) for one in truth["inactive"]},
        "undeclared_use": {(one["namespace"],): cost(one) for one in truth["unowned_use"]},
        "unowned_resources": {
            (one["resource_id"],): cost(one) for one in [*truth["unowned"], *truth["misspelt"]]
        },
        "restated": {
            (one["source"], one["month"]): Decimal(one["billed_cost"]) for one in truth["restated"]
        },
    } | {
        rule: {(one["subject"],): cost(one) for one in held}
        for rule, held in truth["estate"].items()
    }


def scores(true: Costs, found: Costs) -> dict[str, Decimal]:
    """Precision and recall by count and by cost; of one key the smaller cost counts as right.

    A class that costs nothing (declared and not running) is only counted.
    """
    both = true.keys() & found.keys()
    right = sum((min(abs(true[key]), abs(found[key])) for key in both), Decimal(0))
    counted = {
        "precision_count": Decimal(len(both)) / max(len(found), 1),
        "recall_count": Decimal(len(both)) / len(true),
    }
    weighed = sum(map(abs, true.values()), Decimal(0))
    if not weighed:
        return counted
    return counted | {
        "precision_cost": right / (sum(map(abs, found.values()), Decimal(0)) or 1),
        "recall_cost": right / weighed,
    }


def all_found(project: Project, ingested: list[Ingested], plan: Plan) -> dict[str, Costs]:
    detectors = (
        findings.idle_nodes, findings.idle_pools, findings.unowned, findings.misspelt,
        findings.unowned_use, findings.unused_commitments, findings.repeated_transfers,
    )  # fmt: skip
    found = {detect.__name__: dict(detect(project)) for detect in detectors}
    clusters = {cluster.name for cluster in plan.company.clusters}
    estate = findings.of_the_estate(project, plan.when.months, clusters)
    found |= {name: dict(held) for name, held in estate.items()}
    return found | {"restated": dict(findings.restated(project, ingested))}


def measured(made: Simulated, project: Project) -> list[tuple[Decimal, str]]:
    """Each figure of each class, the lowest first."""
    found = all_found(project, ingest_all(project, made), made.plan)
    true = planted(json.loads(made.truth.read_text()))
    return sorted(
        (score, f"{name} {figure}, seed {made.plan.order.seed}")
        for name in true
        for figure, score in scores(true[name], found.get(name, {})).items()
    )


@pytest.mark.parametrize(
    "number", [*range(3), *(pytest.param(n, marks=pytest.mark.deep) for n in (3, 4))]
)
def test_planted_things_are_found_and_look_alikes_are_not(
    number: int, tmp_path: Path, record_property
):
    order = Order(seed=SEEDS[number], months=1, size=Size.SMALL)
    made = simulate(order, tmp_path / "inputs")
    project = create_project(tmp_path / "home", clock=lambda: NOW)
    score, which = measured(made, project)[0]
    record_property("lowest planted truth", (float(score), which))
    assert score >= LEAST, which
    if number == 0:
        assert_silence_adds_nothing(project, made.plan.when.months[-1])


def assert_silence_adds_nothing(project: Project, month: str):
    """The source of the things is down: what needs it is no longer told, and nothing is added."""
    before = {(one.rule, one.subject) for one in find(project, month).found}
    down = Pulled(source="things", started_at=NOW, ended_at=NOW, seen_until=None, rows=0,
                  fault="cannot be reached")  # fmt: skip
    remember_pull(project.ledger.records, down)
    after = {(one.rule, one.subject) for one in find(project, month).found}
    assert after < before
    told = {rule for rule, _ in after}
    assert not told & {"declared-not-running", "orphaned-volume", "consuming-without-delivering"}
    assert {"inactive-gpu", "unowned-resource"} <= told  # of sources that still speak


@pytest.mark.deep
def test_planted_things_of_a_year_are_found(tmp_path: Path, record_property):
    made = simulate(Order(seed=SEEDS[0]), tmp_path / "inputs")
    project = create_project(tmp_path / "home", clock=lambda: NOW)
    score, which = measured(made, project)[0]
    record_property("lowest planted truth of 12 months", (float(score), which))
    assert score >= LEAST, which
