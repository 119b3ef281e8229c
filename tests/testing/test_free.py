"""What is free of a simulated company is what its plan left free, hour by hour."""

import datetime as dt
import secrets

import pytest

from tests.testing.test_planted_truth import NOW, ingest_all
from watermaster.flows.capacity_free import FreeAsked, capacity_free
from watermaster.flows.open import create_project
from watermaster.testing.simulate.company import GPUS_A_NODE, Size
from watermaster.testing.simulate.plan import Order
from watermaster.testing.simulate.render import simulate

HOUR_S = 3600
HOURS = 24
AT = dt.datetime(2026, 10, 31, 20, 5, tzinfo=dt.UTC)


def planned(plan, cluster, hour):
    """Whole GPUs of the nodes that are up for an hour and that no booking holds, node by node."""
    start_s = int(hour.timestamp())
    nodes = next(one.nodes for one in plan.company.clusters if one.name == cluster)
    held = dict.fromkeys(range(len(nodes)), 0)
    for one in plan.work[cluster]:
        seconds = min(one.end_s, start_s + HOUR_S) - max(one.start_s, start_s)
        for node in one.nodes if seconds > 0 else ():
            held[node] += one.gpus * seconds
    for one in plan.down:
        if one.cluster == cluster and one.start_s < start_s + HOUR_S and one.end_s > start_s:
            held[one.node] = GPUS_A_NODE * HOUR_S
    return sum((GPUS_A_NODE * HOUR_S - min(s, GPUS_A_NODE * HOUR_S)) // HOUR_S
               for s in held.values())  # fmt: skip


@pytest.mark.deep
def test_what_is_free_is_what_the_plan_left_free(tmp_path, record_property):
    seed = secrets.randbelow(2**31)
    made = simulate(Order(seed=seed, months=1, size=Size.SMALL), tmp_path / "inputs")
    project = create_project(tmp_path / "home", clock=lambda: NOW)
    ingest_all(project, made)
    found = capacity_free(project, FreeAsked(at=AT)).free
    both = [
        (one.platform, hour.hour, hour.free, planned(made.plan, one.platform, hour.hour))
        for one in found
        for hour in one.week[-HOURS:]
    ]
    right = sum(free == true for *_, free, true in both)
    record_property("hours free as planned", (right, len(both), f"seed {seed}"))
    assert {one.gap for one in found} == {None}
    assert len(both) == HOURS * len(found)
    assert right >= 0.95 * len(both), [one for one in both if one[2] != one[3]]
