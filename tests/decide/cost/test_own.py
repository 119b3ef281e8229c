"""Own hardware as charges: worked by hand, and sums that hold however they round."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from watermaster.decide.cost.claims import commitment_source
from watermaster.decide.cost.own import Energy, own_charges
from watermaster.model.estate import Estate
from watermaster.model.resources import ResourceVersion, load_resource
from watermaster.model.shapes import COSTS
from watermaster.units.periods import days_of, months_after, parse_month

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def pool(name, cost, count=4, valid_from=None, valid_to=None):
    spec = {"platform": "fra", "accelerator": "H100", "count": count, "cost": cost}
    return version("Pool", name, spec, valid_from, valid_to)


def version(kind, name, spec, valid_from=None, valid_to=None):
    found = load_resource({"kind": kind, "metadata": {"name": name}, "spec": spec})
    return ResourceVersion(
        resource=found, valid_from=valid_from, valid_to=valid_to, recorded_at=NOW
    )


def charges(versions, first, last, energy=None):
    days = [first + dt.timedelta(days=n) for n in range((last - first).days)]
    return list(own_charges(Estate(tuple(versions)), days, energy or {}))


def total(rows, component, source=None):
    held = [r for r in rows if r["sku_meter"] == component and source in {None, r["source"]}]
    return sum(r["billed_cost"] for r in held)


def test_capex_by_hand_for_two_pools_and_two_components():
    both = [
        pool("h100", {"capex": {"amount": "730", "from": "2026-01-01", "months": 24}}),
        pool("l40s", {"space": {"perMonth": "62"}, "staff": {"perMonth": "31"}}),
    ]
    rows = charges(both, dt.date(2026, 1, 1), dt.date(2026, 2, 1))
    assert {r["billed_cost"] for r in rows if r["source"] == "own:h100"} == {Decimal(1)}
    assert total(rows, "space", "own:l40s") == 62
    assert total(rows, "staff", "own:l40s") == 31
    assert len(rows) == 31 * 3


@given(
    st.decimals("0", "1e9", places=15),
    st.decimals("0", "1e6", places=15),
    st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31)),
    st.integers(1, 60),
)
def test_the_days_of_a_term_sum_to_what_was_paid(spent, residual, start, months):
    amount = spent + residual
    cost = {"amount": str(amount), "residual": str(residual), "from": str(start), "months": months}
    end = months_after(start, months)
    around = dt.timedelta(days=3)
    two = [pool("a", {"capex": cost}), pool("b", {"capex": cost | {"residual": "0"}})]
    rows = charges(two, start - around, end + around)
    assert total(rows, "capex", "own:a") == spent
    assert total(rows, "capex", "own:b") == amount


@given(st.decimals("0", "1e9", places=15), st.integers(1, 12))
def test_the_days_of_a_month_sum_to_the_month(amount, month):
    days = list(days_of(parse_month(f"2028-{month:02}")))
    rows = charges([pool("a", {"staff": {"perMonth": str(amount)}})], days[0],
                   days[-1] + dt.timedelta(days=1))  # fmt: skip
    assert total(rows, "staff") == amount


def test_power_is_measured_where_telemetry_has_it_and_rated_elsewhere():
    cost = {"power": {"ratedWattsPerGpu": "1000", "pue": "1.5", "tariff": [{"pricePerKwh": "0.2"}]}}
    two = [pool("a", cost, count=4), pool("b", cost, count=2)]
    hour = int(dt.datetime(2026, 1, 2, 5, tzinfo=dt.UTC).timestamp()) // 3600
    energy = {(0, hour): Energy(3_600_000, 1800)}  # one kWh measured, half a GPU-hour was not
    rows = charges(two, dt.date(2026, 1, 2), dt.date(2026, 1, 3), energy)
    rated, measured = Decimal(23 * 4), Decimal("1.5")
    assert total(rows, "power", "own:a") == (rated + measured) * Decimal("0.3")
    assert total(rows, "power", "own:b") == 24 * 2 * Decimal("0.3")
    assert {r["consumed_quantity"] for r in rows} == {Decimal("140.25"), Decimal(72)}


def test_the_tariff_goes_by_the_local_hour_and_follows_summer_time():
    tariff = [{"pricePerKwh": "1", "hours": [0, 1, 2, 3, 4, 5]}, {"pricePerKwh": "0"}]
    power = {"ratedWattsPerGpu": "1000", "tariff": tariff, "timeZone": "Europe/Berlin"}
    one = [pool("a", {"power": power}, count=1)]
    winter = charges(one, dt.date(2026, 1, 2), dt.date(2026, 1, 3))
    change = charges(one, dt.date(2026, 3, 29), dt.date(2026, 3, 30))  # 02:00 does not exist
    assert total(winter, "power") == 6
    assert total(change, "power") == 4 + 2  # 00:00 is of the day before; 22 and 23 UTC are of next


def test_the_first_tariff_that_holds_counts_and_every_hour_must_have_one():
    night = {"pricePerKwh": "1", "hours": [0, 1]}
    power = {"ratedWattsPerGpu": "1000", "tariff": [night, {"pricePerKwh": "2"}]}
    rows = charges([pool("a", {"power": power})], dt.date(2026, 1, 1), dt.date(2026, 1, 2))
    assert total(rows, "power") == 4 * (2 * 1 + 22 * 2)
    with pytest.raises(ValidationError, match="no price for the hours 2, 3, 4"):
        pool("a", {"power": power | {"tariff": [night]}})


def test_each_day_follows_the_declaration_that_holds_when_it_begins():
    noon = dt.datetime(2026, 1, 10, 12, tzinfo=dt.UTC)
    versions = [
        pool("a", {"staff": {"perMonth": "31"}}, valid_to=noon),
        pool("a", {"staff": {"perMonth": "62"}}, valid_from=noon),
    ]
    rows = charges(versions, dt.date(2026, 1, 1), dt.date(2026, 2, 1))
    assert [int(r["billed_cost"]) for r in rows] == [1] * 10 + [2] * 21


def test_every_charge_has_its_own_id_and_four_equal_costs():
    cost = {
        "capex": {"amount": "10", "from": "2026-01-01", "months": 1},
        "power": {"ratedWattsPerGpu": "10", "tariff": [{"pricePerKwh": "1"}]},
        "space": {"perMonth": "3"},
        "staff": {"perMonth": "4"},
    }
    rows = charges([pool("a", cost), pool("b", cost)], dt.date(2026, 1, 1), dt.date(2026, 3, 1))
    assert (
        len({(r["charge_file"], r["charge_row"]) for r in rows}) == len(rows) == 2 * (31 + 59 * 3)
    )
    assert all(len({r[cost] for cost in COSTS}) == 1 for r in rows)
    assert rows == charges([pool("a", cost), pool("b", cost)], dt.date(2026, 1, 1),
                           dt.date(2026, 3, 1))  # fmt: skip


def test_a_commitment_no_bill_carries_is_spread_and_a_billed_one_is_not():
    spec = {
        "provider": "Neo", "commitmentId": "c-1", "from": "2026-01-01", "months": 2,
        "upfront": "590", "perMonth": "310", "billed": False,
    }  # fmt: skip
    held = [
        version("Commitment", "neo", spec),
        version("Commitment", "old", spec | {"billed": True}),
    ]
    rows = charges(held, dt.date(2025, 12, 1), dt.date(2026, 4, 1))
    assert {r["source"] for r in rows} == {commitment_source("neo")}
    assert total(rows, "upfront") == 590
    assert total(rows, "per-month") == 620
