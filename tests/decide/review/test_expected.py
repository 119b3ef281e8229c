"""What mending would save: of a month, in cash only what leaves an invoice, and nothing twice."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.review.expected import (
    LEAST_RECORD,
    MONTH_DAYS,
    Bought,
    counted_once,
    expected_saving,
)
from watermaster.model.decided import Saving
from watermaster.model.findings import Finding
from watermaster.model.things import Thing

TODAY = dt.date(2026, 11, 23)
DAY = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
THING = Thing(source="k8s", platform="eks", kind="pod", uid="a", first_seen=DAY, last_seen=DAY)
FOUND = Finding(
    rule="inactive-gpu", subject="pod/eks/a", why="w", next_step="n", month="2026-10",
    cost=Decimal(310), currency="USD",
)  # fmt: skip


def saving(finding=FOUND, bought=None, record=()):
    pools = {"eks": bought} if bought else {}
    return expected_saving(finding, [THING], pools, record, today=TODAY)


def test_a_month_of_what_it_cost_leaves_the_invoice_from_tomorrow():
    told = saving()
    assert told.allocated == told.cash == 310 * MONTH_DAYS / 31
    assert told.cash_from == dt.date(2026, 11, 24)
    assert (told.allocated_low, told.allocated_high) == (told.allocated / 2, told.allocated)


def test_of_a_month_that_is_not_over_the_days_so_far_are_taken():
    assert saving(replace(FOUND, month="2026-11")).allocated == 310 * MONTH_DAYS / 22


@pytest.mark.parametrize(
    ("bought", "cash", "start"),
    [
        (Bought(purchase="owned"), 0, None),
        (Bought(purchase="commitment"), 0, None),
        (Bought(purchase="commitment", until=dt.date(2027, 3, 1)), 1, dt.date(2027, 3, 1)),
        (Bought(purchase="commitment", until=dt.date(2026, 1, 1)), 1, dt.date(2026, 11, 24)),
        (Bought(purchase="spot"), 1, dt.date(2026, 11, 24)),
    ],
)
def test_what_was_bought_stays_paid_until_it_ends(bought, cash, start):
    told = saving(bought=bought)
    assert (told.cash, told.cash_from) == (told.allocated * cash, start)


def test_the_range_is_that_of_what_such_findings_brought():
    record = [Decimal(n) / 10 for n in range(1, 11)]
    told = saving(record=record)
    assert (told.allocated_low, told.allocated_high) == (
        told.allocated * Decimal("0.2"), told.allocated * Decimal("1.0"),
    )  # fmt: skip
    assert "range assumed" in saving(record=record[: LEAST_RECORD - 1]).basis


@pytest.mark.parametrize(
    "other", [{"cost": None}, {"currency": None}, {"rule": "model-sprawl"}, {"rule": "gone-team"}]
)
def test_what_saves_nothing_by_itself_or_is_unknown_has_none(other):
    assert saving(replace(FOUND, **other)) is None


def test_only_the_spared_part_of_a_request_is_saved():
    part = replace(FOUND, rule="oversized-request", asks={"gpus": 2, "spared": 0.75})
    assert saving(part).allocated == saving().allocated * Decimal("0.75")


def worth(amount):
    told = dict.fromkeys(
        ("cash", "cash_low", "cash_high", "allocated", "allocated_low", "allocated_high"),
        Decimal(amount),
    )
    return Saving(**told, currency="USD", cash_from=None, basis="b")


def test_a_thing_that_several_findings_speak_of_is_summed_once():
    savings = {"work": worth(900), "pod": worth(500), "volume": worth(40), "none": None}
    about = {"work": ["pod/a", "pod/b"], "pod": ["pod/b"], "volume": ["volume/v"]}
    assert counted_once(savings, about) == {"work", "volume"}
    assert counted_once(savings, {}) == {"work", "pod", "volume"}


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1000)),
    st.dictionaries(st.sampled_from("abcdefgh"), st.sets(st.sampled_from("uvwxyz"))),
)
def test_no_place_is_saved_twice_and_nothing_is_left_out_without_a_dearer_one(amounts, about):
    savings = {name: worth(amount) for name, amount in amounts.items()}
    counted = counted_once(savings, about)
    places = [place for name in counted for place in about.get(name, ())]
    assert len(places) == len(set(places))
    for name in savings.keys() - counted:
        dearer = [one for one in counted if about[name] & about.get(one, set())]
        assert any(amounts[one] >= amounts[name] for one in dearer)
