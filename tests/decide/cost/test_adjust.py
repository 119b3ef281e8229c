"""Adjustments: worked by hand, and whatever happens they make closed months the present bills."""

from decimal import Decimal

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.decide.cost.adjust import KEY, adjust
from watermaster.model.shapes import COSTS

ENGINE = ibis.duckdb.connect()
SCHEMA = ibis.schema(dict.fromkeys([*KEY, "tag_app"], "string")
                     | dict.fromkeys(COSTS, "decimal(28, 15)"))  # fmt: skip
MONEY = st.decimals("-1e9", "1e9", places=15)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["chat", "train", None]), st.sampled_from(["a-1", "a-2"]),
        st.sampled_from(["USD", "EUR"]), st.tuples(MONEY, MONEY, MONEY, MONEY),
    ),
    max_size=6,
)  # fmt: skip


def table(rows):
    """Rows of owner, account, currency and the four costs, as allocations."""
    held = [
        {"workload": owner, "account": account, "billing_currency": currency, "kind": "direct",
         "tag_app": owner} | dict(zip(COSTS, costs, strict=True))
        for owner, account, currency, costs in rows
    ]  # fmt: skip
    return ibis.memtable(pa.Table.from_pylist(held, schema=SCHEMA.to_pyarrow()), schema=SCHEMA)


def adjusted(present, closed, booked):
    """The adjustments as rows like those they come from."""
    found = adjust(table(present), table(closed), table(booked), ["tag_app"])
    return [
        (row["workload"], row["account"], row["billing_currency"], tuple(row[c] for c in COSTS))
        for row in ENGINE.to_pyarrow(found.rows).to_pylist()
    ]


def summed(rows):
    """The four sums by owner, account and currency; nothing where all are nothing."""
    found = {}
    for *key, costs in rows:
        held = found.get(tuple(key), (Decimal(0),) * 4)
        found[tuple(key)] = tuple(a + b for a, b in zip(held, costs, strict=True))
    return {key: costs for key, costs in found.items() if any(costs)}


def same(cost):
    return (Decimal(cost),) * 4


def test_by_hand_for_two_owners_one_new_and_one_gone():
    closed = [("chat", "a-1", "USD", same(10)), ("train", "a-1", "USD", same(30)),
              (None, "a-2", "USD", same(5))]  # fmt: skip
    present = [("chat", "a-1", "USD", same(10)), ("train", "a-1", "USD", same(35)),
               ("train", "a-2", "USD", same(5))]  # fmt: skip
    booked = [("train", "a-1", "USD", same(2))]
    assert summed(adjusted(present, closed, booked)) == {
        ("train", "a-1", "USD"): same(3),
        ("train", "a-2", "USD"): same(5),
        (None, "a-2", "USD"): same(-5),
    }


def test_a_cost_that_moves_alone_is_adjusted_alone():
    closed = [("chat", "a-1", "USD", same(10)), ("train", "a-2", "EUR", same(1))]
    present = [("chat", "a-1", "USD", (Decimal(10), Decimal(9), Decimal(10), Decimal(10)))]
    found = summed(adjusted([*present, closed[1]], closed, []))
    assert found == {("chat", "a-1", "USD"): (0, -1, 0, 0)}


@given(ROWS, st.lists(st.tuples(ROWS, st.booleans()), max_size=4))
@settings(max_examples=20)
def test_closed_and_adjustments_are_the_present_bills(closed, restatements):
    """Each restatement replaces what the open month holds, or finds that month closed."""
    final, still_open, present = [], [], closed
    for now, is_month_closed in restatements:
        if is_month_closed:
            final, still_open = [*final, *still_open], []
        present = now
        still_open = adjusted(present, closed, final)
    assert summed([*closed, *final, *still_open]) == summed(present)


@pytest.mark.parametrize("rows", [[], [("chat", "a-1", "USD", same(1)),
                                       ("chat", "a-1", "USD", same(2))]])  # fmt: skip
def test_nothing_is_booked_where_nothing_changed(rows):
    assert adjusted(rows, list(reversed(rows)), []) == []
