"""What a fix saved: by hand, by property, and ranges that hold the truth as often as they say."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.decide.review.savings import Daily, Mended, realised
from watermaster.model.savings import Effect
from watermaster.testing.simulate.fixes import FIRST as BEGIN
from watermaster.testing.simulate.fixes import draw

FIRST = dt.date(2026, 6, 1)  # a Monday
FIXED = FIRST + dt.timedelta(days=42)
LOWERS, REMOVES = (Mended(on=FIXED, effect=effect) for effect in (Effect.LOWERS, Effect.REMOVES))
WOBBLE = np.array([0.97, 1.0, 1.04, 1.01, 0.98] * 20)[:72]


def daily(cost, price=1.0, **volumes):
    return Daily(first=FIRST, cost=np.array(cost, float) * np.ones(72),
                 price=np.ones(72) * price, volumes=volumes)  # fmt: skip


def halves(before, after):
    return np.array([before] * 43 + [after] * 29, float)


def test_a_removed_thing_saves_what_it_cost_a_day():
    told = realised(daily(halves(10, 0)), REMOVES)
    assert told.saving.amount == 290
    assert float(told.saving.high - told.saving.low) < 1e-3
    assert (told.before, told.volume, told.price, told.actual) == (290, 0, 0, 0)
    assert told.by_month.keys() == {"2026-07", "2026-08"}


def test_its_volume_is_what_it_was_though_nobody_can_ask_it_any_more():
    asked = halves(500, 0)
    assert realised(daily(halves(10, 0), requests=asked), REMOVES).saving.amount == 290


def test_half_the_unit_cost_on_a_fifth_more_requests():
    """29 days: 0.10 a request becomes 0.05, 100 requests become 120; 29 x 120 x 0.05 = 174."""
    asked = halves(100, 120) * WOBBLE
    told = realised(daily(halves(0.1, 0.05) * asked, requests=asked), LOWERS)
    true = float((asked[43:] * 0.05).sum())
    assert told.unit == "requests"
    assert float(told.saving.amount) == pytest.approx(true, rel=0.01)
    assert told.volume > 0


def test_fewer_requests_are_no_saving():
    asked = halves(100, 40) * WOBBLE
    told = realised(daily(0.1 * asked, requests=asked), LOWERS)
    assert float(told.saving.amount) == pytest.approx(0, abs=0.02 * float(told.before))
    assert float(told.volume) == pytest.approx(-0.6 * float(told.before), rel=0.05)


def test_a_price_that_falls_is_no_saving():
    asked = 100 * WOBBLE
    price = halves(2.0, 1.5)
    told = realised(daily(0.1 * asked * price, price=price, requests=asked), LOWERS)
    assert float(told.saving.amount) == pytest.approx(0, abs=0.02 * float(told.before))
    assert float(told.price) == pytest.approx(-0.25 * float(told.before), rel=0.05)


def test_cost_that_stands_still_is_counted_by_the_day():
    dice = np.random.default_rng(3)
    asked = 1000 * np.exp(dice.normal(0, 0.4, 72)) * halves(1, 0.5)
    cost = halves(96, 48) * np.exp(dice.normal(0, 0.01, 72))
    told = realised(daily(cost, requests=asked), LOWERS)
    assert told.unit == "day"
    assert told.saving.low95 <= Decimal(29 * 48) <= told.saving.high95


@pytest.mark.parametrize("undone", [1, 10, 40])
def test_nothing_is_saved_from_the_day_of_the_undo(undone):
    day = FIXED + dt.timedelta(days=undone)
    told = realised(daily(halves(10, 0)), replace(REMOVES, undone=day))
    assert told.saving.amount == 10 * min(undone - 1, 29)
    late = [one.amount for name, one in told.by_month.items() if name > f"{day:%Y-%m}"]
    assert set(late) <= {Decimal(0)}


def test_what_is_not_known_is_not_counted_and_never_zero():
    cost = halves(10, 0)
    cost[50:55] = np.nan
    told = realised(daily(cost), REMOVES)
    assert (told.saving.amount, told.after_days) == (240, 24)
    asked = 100 * WOBBLE
    cost = 0.1 * asked
    asked[60:63] = 0  # nothing has a unit cost on a day without requests
    told = realised(daily(cost, requests=asked), LOWERS)
    assert told.after_days == 26


def test_two_weeks_before_and_a_day_after_are_needed():
    short = replace(daily(halves(10, 0)), first=FIXED - dt.timedelta(days=13))
    assert realised(short, REMOVES) is None
    assert realised(daily(halves(10, 0)), replace(REMOVES, on=FIRST + dt.timedelta(71))) is None
    assert realised(daily(0), REMOVES) is None  # what cost nothing


def test_an_unknown_price_is_told():
    told = realised(daily(halves(10, 0), price=np.nan), REMOVES)
    assert not told.is_price_known
    assert told.price == 0
    assert "its price is not known" in told.why


noisy = st.integers(0, 10**6).map(lambda seed: next(iter(draw(seed, 1))))


def told_of(case, scale=1.0):
    gap = np.where(case.is_counted, 1.0, np.nan)
    seen = Daily(first=BEGIN, cost=case.cost * gap * scale, price=case.price * gap,
                 volumes={"requests": case.volume * gap})  # fmt: skip
    effect = Effect.REMOVES if case.kind == "removed" else Effect.LOWERS
    day = None if case.undone is None else BEGIN + dt.timedelta(case.undone)
    return realised(seen, Mended(on=BEGIN + dt.timedelta(case.fixed), effect=effect, undone=day))


@settings(max_examples=15, deadline=None)
@given(noisy)
def test_effects_add_up_exactly_and_ranges_are_nested(case):
    told = told_of(case)
    assert told.before + told.volume + told.price - told.saving.amount == told.actual
    one = told.saving
    assert one.low95 <= one.low <= one.amount <= one.high <= one.high95


@settings(max_examples=8, deadline=None)
@given(noisy, st.sampled_from([0.01, 7.0, 1000.0]))
def test_another_currency_changes_the_figures_by_its_rate_alone(case, rate):
    one, other = told_of(case).saving, told_of(case, rate).saving
    for name in ("amount", "low", "high"):
        expected = float(getattr(one, name)) * rate
        assert float(getattr(other, name)) == pytest.approx(expected, rel=1e-3, abs=rate * 0.05)


def test_the_ranges_hold_the_truth_as_often_as_they_say(record_property):
    """bench/savings.py measures it on 500; here enough to notice that it broke."""
    held, held95 = [], []
    for case in draw(20261123, 80):
        one, true = told_of(case).saving, case.true_saving
        held.append(float(one.low) <= true <= float(one.high))
        held95.append(float(one.low95) <= true <= float(one.high95))
    record_property("coverage of 80 drawn fixes", (sum(held) / 80, sum(held95) / 80))
    assert 0.66 <= sum(held) / 80 <= 0.94  # 3 standard errors
    assert sum(held95) / 80 >= 0.89
