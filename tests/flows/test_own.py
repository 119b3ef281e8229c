"""Own pools in the ledger: written once, rewritten only when they change, never when closed."""

from decimal import Decimal

import pytest

from tests.flows.small import (
    Clock,
    charge,
    declare,
    project_at,
    resource,
    rows_of,
    store,
    supplied,
    used,
)
from watermaster.flows.allocate import allocate_months
from watermaster.flows.own import charge_own
from watermaster.ledger.head import read_head

POOL = {
    "platform": "fra", "accelerator": "H100", "count": 2,
    "cost": {
        "staff": {"perMonth": "310"},
        "power": {"ratedWattsPerGpu": "1000", "tariff": [{"pricePerKwh": "1"}]},
    },
}  # fmt: skip


@pytest.fixture
def clock():
    return Clock("2026-11-20T10:00:00")


@pytest.fixture
def project(tmp_path, clock):
    held = project_at(tmp_path / "home", clock)
    declare(
        held,
        resource("Team", "research", {"unit": "labs"}),
        resource("Team", "web", {"unit": "shop"}),
        resource("Pool", "h100", POOL, "research"),
        resource("Pool", "l40s", POOL | {"platform": "ber", "cost": {"space": {"perMonth": "60"}}},
                 "web"),
        resource("Workload", "chat",
                 {"purpose": "training", "selectors": [{"uid": "ml/chat"}]}, "web"),
    )  # fmt: skip
    day = "2026-10-02"
    store(held, "gpu_supply", [supplied(day, n, h, 3600) for n in ("n1", "n2") for h in (0, 1)])
    joules = 7_200_000
    store(held, "gpu_hours", [used(day, "n1", h, "ml/chat", 3600, energy_j=joules) for h in (0, 1)])
    store(held, "subjects", [{"source": "dcgm", "day": day, "platform": "fra",
                              "subject_kind": "pod", "subject_uid": "ml/chat"}])  # fmt: skip
    return held


def own(project, source):
    return [row for row in rows_of(project, "charges") if row["source"] == source]


def test_known_months_are_charged_up_to_yesterday(project):
    store(project, "charges", [charge("aws", "2026-11", 1, "5"), charge("aws", "2026-11", 2, "6")])
    assert charge_own(project) == [
        ("own:h100", "2026-10", ""), ("own:h100", "2026-11", ""),
        ("own:l40s", "2026-10", ""), ("own:l40s", "2026-11", ""),
    ]  # fmt: skip
    days = {row["charge_period_start"].day for row in own(project, "own:l40s")
            if row["billing_month"] == "2026-11"}  # fmt: skip
    assert days == set(range(1, 20))
    assert sum(row["billed_cost"] for row in own(project, "own:l40s")) == 60 + 2 * 19


def test_measured_energy_replaces_the_rated(project):
    charge_own(project)
    power = {row["charge_period_start"].day: row["billed_cost"] for row in own(project, "own:h100")
             if row["sku_meter"] == "power"}  # fmt: skip
    assert power[1] == 48
    assert power[2] == 22 * 2 + 2 * 2  # two hours measured at two kWh each


def test_twice_changes_nothing_and_a_new_declaration_replaces(project):
    charge_own(project)
    before = read_head(project.ledger.records)
    assert charge_own(project) == []
    assert read_head(project.ledger.records) == before
    declare(
        project, resource("Pool", "l40s", POOL | {"cost": {"space": {"perMonth": "90"}}}, "web")
    )
    assert charge_own(project) == [("own:l40s", "2026-10", "")]
    assert sum(row["billed_cost"] for row in own(project, "own:l40s")) == 90


def test_a_pool_that_costs_nothing_any_more_leaves_no_charge_and_no_allocation(project):
    allocate_months(project)
    declare(project, resource("Pool", "l40s", POOL | {"cost": {}}, "web"))
    allocate_months(project)
    assert own(project, "own:l40s") == []
    assert {row["source"] for row in rows_of(project, "allocations")} == {"own:h100"}


def test_the_last_contract_that_is_withdrawn_leaves_no_charge(project):
    kept = resource("Pool", "h100", POOL | {"cost": {}}, "research")
    declare(project, kept, resource("Pool", "l40s", POOL | {"cost": {}}, "web"))
    spec = {"provider": "Neo", "commitmentId": "c-1", "from": "2026-10-01", "months": 1,
            "perMonth": "31"}  # fmt: skip
    declare(project, resource("Commitment", "neo", spec | {"billed": False}, "web"))
    assert charge_own(project) == [("own:commitment/neo", "2026-10", "")]
    declare(project, resource("Commitment", "neo", spec, "web"))
    assert charge_own(project) == [("own:commitment/neo", "2026-10", "")]
    assert rows_of(project, "charges") == []


def test_own_cost_is_split_by_use_with_idle_and_unmeasured_apart(project):
    allocate_months(project)
    kinds = {}
    for row in rows_of(project, "allocations"):
        if row["source"] == "own:h100" and row["charge_start"].day == 2:
            kinds[row["kind"]] = kinds.get(row["kind"], Decimal(0)) + row["effective_cost"]
    cost = Decimal(10) + 48
    assert sum(kinds.values()) == cost
    assert kinds["measured"] == pytest.approx(cost * 2 / 48)
    assert kinds["idle"] == pytest.approx(cost * 2 / 48)
    assert kinds["unmeasured"] == pytest.approx(cost * 44 / 48)


def test_a_contract_goes_to_its_pool_to_who_claims_it_or_to_its_owner_as_unmeasured(project):
    spec = {"provider": "Neo", "commitmentId": "c-1", "from": "2026-10-01", "months": 1,
            "perMonth": "31", "billed": False}  # fmt: skip
    claimed = {"purpose": "training", "selectors": [{"account": "c-2"}]}
    declare(
        project,
        resource("Commitment", "unseen", spec, "research"),
        resource("Commitment", "claimed", spec | {"commitmentId": "c-2"}, "research"),
        resource("Commitment", "pooled", spec | {"commitmentId": "c-3", "pool": "l40s"}, "web"),
        resource("Workload", "batch", claimed, "web"),
    )
    allocate_months(project)
    found = {}
    for row in rows_of(project, "allocations"):
        key = (row["source"].rpartition("/")[2], row["kind"], row["rule"], row["team"])
        found[key] = found.get(key, 0) + row["billed_cost"]
    contracts = {key: cost for key, cost in found.items() if "own:" not in key[0]}
    assert contracts == {
        ("unseen", "unmeasured", "commitment:unseen", "research"): 31,
        ("claimed", "direct", "selector:batch", "web"): 31,
        ("pooled", "unmeasured", "pool:l40s", "web"): 31,
    }
