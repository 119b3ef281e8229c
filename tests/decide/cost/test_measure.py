"""What a pool's charge is split over: reserved, idle, unhealthy and unmeasured GPU-seconds."""

import datetime as dt

import ibis
import pytest

from tests.decide.cost.conftest import bill, declared, given, team, workload
from watermaster.decide.cost import measure
from watermaster.decide.cost.targets import number_targets
from watermaster.model.estate import Estate

HOUR_S = 3600
DAY_S = 24 * HOUR_S
POOL = {"platform": "oslo", "accelerator": "H100", "count": 16, "gpusPerNode": 8}
NODES = {"nodeResources": {"n1": "i-1", "n2": "i-2"}}
USE = {
    "day": "string", "platform": "string", "node": "string", "hour": "timestamp",
    "subject_kind": "string", "subject_uid": "string", "model": "string",
    "reserved_s": "int64", "used_s": "int64",
}  # fmt: skip
SUPPLY = {
    "platform": "string", "node": "string", "hour": "timestamp", "model": "string",
    "present_s": "int64", "healthy_s": "int64",
}  # fmt: skip


def at(hour, day=1):
    return dt.datetime(2026, 10, day, hour)


def use(hour, node, work, gpus, used=None, model="H100"):
    reserved = gpus * HOUR_S
    used_s = None if used is None else int(reserved * used)
    return ("2026-10-01", "oslo", node, at(hour), "pod", work, model, reserved, used_s)


def supply(hours, node, gpus=8, healthy=8, model="H100"):
    return [("oslo", node, at(hour), model, gpus * HOUR_S, healthy * HOUR_S) for hour in hours]


def table(engine, name, rows, types):
    schema = ibis.schema(types)
    return engine.create_table(name, ibis.memtable(rows, schema=schema), overwrite=True)


def estate(**spec):
    return [
        team("platform"),
        team("ml"),
        team("ops"),
        declared("Pool", "h100", POOL | NODES | spec, owner="platform"),
        workload("train", "ml", {"uid": "train"}),
        workload("serve", "ops", {"uid": "serve"}),
    ]


@pytest.fixture
def shares(engine):
    """Allocate a bill of nodes n1 and n2 for the day; shares as {(row, kind, owner): ratio}."""

    def measured(versions, used, supplied, rows=None):
        rows = rows or [{"resource_id": "i-1", "cost": 24}, {"resource_id": "i-2", "cost": 48}]
        found = given(
            engine, bill(engine, rows), versions, weigher(engine, versions, used, supplied)
        )
        return {
            (row["charge_row"], row["kind"], row["workload"] or row["team"]): row for row in found
        }

    return measured


def weigher(engine, versions, used, supplied):
    def weigh(targets):
        scopes = list(targets.scopes.values())
        known = number_targets(Estate(tuple(versions)))
        owner_of = {
            owner.workload: number
            for number, owner in known.owners.items()
            if owner.workload and owner.kind == "direct"
        }
        named = [("2026-10-01", "oslo", "pod", w, n) for w, n in owner_of.items()]
        types = dict.fromkeys(("day", "platform", "subject_kind", "subject_uid"), "string")
        owners = table(engine, "own", named, types | {"owner": "int32"})
        inside = measure.members(
            scopes, [("oslo", "n1", None), ("oslo", "n2", None)], Estate(tuple(versions))
        )
        weighed = measure.model_weights(scopes)
        by_hour = measure.use_by_hour(table(engine, "use", used, USE), inside, owners, weighed)
        stock = measure.supply_by_hour(table(engine, "stock", supplied, SUPPLY), inside, weighed)
        first = int(at(0).replace(tzinfo=dt.UTC).timestamp())
        groups = table(
            engine, "grp",
            [(s.number, first, first + DAY_S) for s in scopes if s.node or len(scopes) == 1],
            {"target": "int32", "start_s": "int64", "end_s": "int64"},
        )  # fmt: skip
        found = measure.weights(groups, scopes, by_hour, stock)
        return engine.to_pyarrow(found).to_pylist()

    return weigh


def test_a_node_is_split_by_reserved_gpu_seconds_and_the_rest_is_idle(shares):
    used = [use(h, "n1", "train", 4, 0.5) for h in range(24)]
    used += [use(h, "n1", "serve", 2) for h in range(12)]
    found = shares(estate(), used, supply(range(24), "n1") + supply(range(24), "n2"))
    assert {key: str(row["billed_cost"].normalize()) for key, row in found.items()} == {
        (1, "measured", "train"): "12",
        (1, "measured", "serve"): "3",
        (1, "idle", "platform"): "9",
        (2, "idle", "platform"): "48",  # a node idle all day is a line of its own
    }
    assert str(found[1, "measured", "train"]["utilisation"]) == "0.5000"
    assert found[1, "measured", "serve"]["utilisation"] is None
    assert found[1, "measured", "train"]["pool"] == "h100"
    assert found[1, "measured", "train"]["rule"] == "pool:h100"


def test_telemetry_that_stops_at_noon_is_a_gap_and_not_idle(shares):
    used = [use(h, "n1", "train", 8) for h in range(12)]
    found = shares(estate(), used, supply(range(12), "n1") + supply(range(24), "n2"))
    assert {key: float(row["ratio"]) for key, row in found.items() if key[0] == 1} == {
        (1, "measured", "train"): 0.5,
        (1, "unmeasured", "platform"): 0.5,
    }


def test_over_use_is_split_by_reserved_shares_and_leaves_no_idle(shares):
    used = [use(h, "n1", "train", 9) for h in range(24)]
    used += [use(h, "n1", "serve", 3) for h in range(24)]
    found = shares(estate(), used, supply(range(24), "n1") + supply(range(24), "n2"))
    assert {key: float(row["ratio"]) for key, row in found.items() if key[0] == 1} == {
        (1, "measured", "train"): 0.75,
        (1, "measured", "serve"): 0.25,
    }


def test_over_use_in_one_hour_does_not_hide_idle_in_another(shares):
    used = [use(0, "n1", "train", 16)]
    found = shares(estate(), used, supply(range(24), "n1") + supply(range(24), "n2"))
    assert float(found[1, "idle", "platform"]["ratio"]) == pytest.approx(23 / 25, abs=1e-9)


def test_an_unhealthy_gpu_is_nobodys_work_and_not_idle(shares):
    found = shares(estate(), [], supply(range(24), "n1", healthy=6) + supply(range(24), "n2"))
    assert {key: float(row["ratio"]) for key, row in found.items() if key[0] == 1} == {
        (1, "idle", "platform"): 0.75,
        (1, "unallocated", "platform"): 0.25,
    }
    assert found[1, "unallocated", "platform"]["rule"] == "pool:h100:unhealthy"


def test_work_nobody_declared_is_unallocated_not_spread(shares):
    used = [use(h, "n1", "stranger", 4) for h in range(24)]
    found = shares(estate(), used, supply(range(24), "n1") + supply(range(24), "n2"))
    assert float(found[1, "unallocated", None]["ratio"]) == 0.5
    assert found[1, "unallocated", None]["rule"] == "pool:h100:unowned-use"


def test_a_node_with_two_gpu_models_is_split_by_their_weights(shares):
    used = [use(h, "n1", "train", 4, model="H100") for h in range(24)]
    used += [use(h, "n1", "serve", 4, model="L40S") for h in range(24)]
    seen = supply(range(24), "n1", 4, 4) + supply(range(24), "n1", 4, 4, "L40S")
    found = shares(estate(weights={"H100": 3, "L40S": 1}), used, seen + supply(range(24), "n2"))
    by_work = {key[2]: row["ratio"] for key, row in found.items() if key[:2] == (1, "measured")}
    assert float(by_work["train"]) == pytest.approx(3 * float(by_work["serve"]))


def test_declared_supply_counts_as_supplied_and_says_so(shares):
    used = [use(h, "n1", "train", 2) for h in range(24)]
    found = shares(estate(supply="declared"), used, [])
    assert float(found[1, "idle", "platform"]["ratio"]) == 0.75
    assert found[1, "idle", "platform"]["rule"] == "pool:h100:declared"
