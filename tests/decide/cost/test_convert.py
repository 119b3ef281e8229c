"""Several currencies: the day's rate, rounded once per charge, conserved like any other cost."""

import datetime as dt
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal, localcontext

import ibis
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from tests.decide.cost.conftest import bill, declared, team, workload
from watermaster.decide.cost.allocate import allocate, parts
from watermaster.decide.cost.convert import Conversion, convert, day_rates
from watermaster.decide.cost.shared import constant_weights
from watermaster.decide.cost.targets import number_targets
from watermaster.model.estate import Estate
from watermaster.model.shapes import COSTS


def sheet(*rates, currency="USD", name="rates"):
    told = [{"day": day, "currency": code, "rate": rate} for day, code, rate in rates]
    return declared("PriceSheet", name, {"source": "ECB", "currency": currency, "rates": told})


def conversion(*versions):
    return Conversion("USD", day_rates(Estate(tuple(versions)), "USD"))


def exact(cost, rate):
    with localcontext(prec=60):
        return (cost * rate).quantize(Decimal("1E-15"), rounding=ROUND_HALF_UP)


def on(day):
    return dt.datetime(2026, 10, day, 13)


def test_a_charge_takes_the_rate_of_its_day_and_a_weekend_the_last_one_before(engine):
    rows = [
        {"billing_currency": "EUR", "cost": 100, "charge_period_start": on(2)},
        {"billing_currency": "EUR", "cost": 100, "charge_period_start": on(4)},
        {"billing_currency": "EUR", "cost": 100, "charge_period_start": on(30)},
        {"billing_currency": "USD", "cost": 100, "charge_period_start": on(2)},
        {"billing_currency": "GBP", "cost": 100, "charge_period_start": on(2)},
    ]
    into = conversion(
        sheet(("2026-10-01", "EUR", "1.5"), ("2026-10-02", "EUR", "1.1")),
        sheet(("2026-10-02", "GBP", "9"), currency="EUR", name="other"),
    )
    found = engine.to_pyarrow(convert(bill(engine, rows), into).order_by("charge_row")).to_pylist()
    assert [(row["converted_billed_cost"], row["converted_currency"]) for row in found] == [
        (Decimal(110), "USD"),
        (Decimal(110), "USD"),
        (None, None),  # a month later: no rate within a week
        (Decimal(100), "USD"),
        (None, None),
    ]


MONEY = st.decimals(min_value=-(10**10), max_value=10**10, places=15, allow_nan=False)
RATE = st.decimals(min_value=Decimal("0.000000001"), max_value=200, places=9, allow_nan=False)


@settings(max_examples=15)
@hypothesis_given(costs=st.lists(MONEY, min_size=2, max_size=6), eur=RATE, gbp=RATE)
def test_converted_costs_are_rounded_once_and_none_is_lost_or_made(engine, costs, eur, gbp):
    rates = {"EUR": eur, "GBP": gbp, "USD": Decimal(1)}
    codes = [sorted(rates)[number % 3] for number in range(len(costs))]
    rows = [
        {"billing_currency": code, "service_name": "Support", **dict.fromkeys(COSTS, cost)}
        for code, cost in zip(codes, costs, strict=True)
    ]
    shared = {"match": [{"service": "Support"}], "split": "fixed"}
    estate = Estate(
        (
            team("ml"),
            team("ops"),
            workload("other", "ml", {"service": "S3"}),
            declared("AllocationRule", "s", shared | {"shares": {"ml": "0.3", "ops": "0.7"}}),
        )
    )
    targets = number_targets(estate)
    none = {name: ibis.null("int64") for name in ("used_s", "known_s")}
    held = parts(constant_weights(targets.rules).mutate(**none), targets)
    into = conversion(sheet(("2026-10-01", "EUR", str(eur)), ("2026-10-01", "GBP", str(gbp))))
    found = engine.to_pyarrow(allocate(bill(engine, rows), held, targets, into).rows).to_pylist()
    sums = defaultdict(Decimal)
    for row in found:
        sums[row["charge_row"]] += row["converted_effective_cost"]
        assert row["converted_currency"] == "USD"
    assert dict(sums) == {
        number: exact(cost, rates[code])
        for number, (code, cost) in enumerate(zip(codes, costs, strict=True), start=1)
    }
