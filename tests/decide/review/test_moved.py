"""What moved is taken apart by price, volume, mix, new and gone; the parts are the change."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.review.moved import explain, steps_of
from watermaster.model.moved import Cause
from watermaster.testing.planted_change import planted_change


def line(name, sku, before, now, *, unit="Hours"):
    """A row: (cost, quantity) of both months."""
    return {
        "workload": name, "provider": "aws", "service": "Compute", "sku": sku, "pricing": None,
        "unit": unit, "cost_before": before and Decimal(before[0]),
        "cost_now": now and Decimal(now[0]),
        "quantity_before": before and before[1] and Decimal(before[1]),
        "quantity_now": now and now[1] and Decimal(now[1]),
    }  # fmt: skip


def told(rows):
    reasons = explain(rows, lambda row: (row["workload"], None))
    return {(one.cause, one.subject): one.amount for one in reasons}, reasons


def test_by_hand_price_volume_and_mix_of_one_workload():
    # small: 100 h at 1, large: 10 h at 10; then 150 h at 1.20 and 20 h at 10
    found, reasons = told([
        line("chat", "small", ("100", "100"), ("180", "150")),
        line("chat", "large", ("100", "10"), ("200", "20")),
        line("other", "small", ("50", "50"), ("60", "50")),
    ])  # fmt: skip
    # at old prices 350; 200 of 110 h, so volume 60 h x 200 / 110; mix is what is left of 150
    volume = (Decimal(60) * 200 / 110).quantize(Decimal("1e-15"))
    assert found == {
        (Cause.PRICE, "small"): Decimal(40),  # 30 of chat, 10 of other
        (Cause.VOLUME, "chat"): volume,
        (Cause.MIX, "chat"): Decimal(150) - volume,
    }
    price = next(one for one in reasons if one.cause is Cause.PRICE)
    assert (price.subjects, price.words) == (
        2, "price of small +20.0% a unit of Hours, paid by 2"
    )  # fmt: skip
    volume_told = next(one for one in reasons if one.cause is Cause.VOLUME)
    assert volume_told.words == "volume +55%: 60 more Hours"


def test_new_gone_and_what_has_no_quantity():
    found, _ = told([
        line("new", "a", None, ("70", "7")),
        line("gone", "a", ("30", "3"), None),
        line("stays", "a", ("10", "1"), ("10", "1")),
        line("stays", "tax", ("5", None), ("9", None), unit=None),
    ])  # fmt: skip
    assert found == {
        (Cause.NEW, "new"): Decimal(70), (Cause.GONE, "gone"): Decimal(-30),
        (Cause.OTHER, "stays"): Decimal(4),
    }  # fmt: skip


def test_a_sku_not_paid_before_changes_no_price():
    found, _ = told([
        line("chat", "old", ("100", "10"), None),
        line("chat", "new", None, ("300", "10")),
    ])  # fmt: skip
    assert found == {(Cause.MIX, "chat"): Decimal(200)}


money = st.decimals(-1000, 1000, places=15) | st.none()
amount = st.decimals(0, 10_000, places=6) | st.none()
rows = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["Hours", "GB", None]),
        money, money, amount, amount,
    ),
    max_size=30, unique_by=lambda one: one[:3],
)  # fmt: skip


@given(rows)
def test_the_reasons_are_the_change_to_the_last_digit(lines):
    told_rows = [
        line(name, sku, None, None, unit=unit)
        | {"cost_before": c0, "cost_now": c1, "quantity_before": q0 if unit else None,
           "quantity_now": q1 if unit else None}
        for name, sku, unit, c0, c1, q0, q1 in lines
    ]  # fmt: skip
    reasons = explain(told_rows, lambda row: (row["workload"], None))
    change = sum((row["cost_now"] or 0) - (row["cost_before"] or 0) for row in told_rows)
    assert sum((one.amount for one in reasons), Decimal(0)) == change
    assert sum(steps_of(reasons).values()) == change


@pytest.mark.parametrize("first", [1, 501])
def test_the_planted_cause_is_named_first(first):
    right = 0
    for seed in range(first, first + 60):
        planted = planted_change(seed)
        reasons = explain(planted.rows, lambda row: (row["workload"], None))
        right += (reasons[0].cause, reasons[0].subject) == (planted.cause, planted.subject)
    assert right >= 57  # 95%
