"""Splitting money: exact, in order, and the same digits on every engine."""

from collections import defaultdict
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.cost.split import cumulate, part, rescale
from watermaster.model.tables import NO

WEIGHTS = ibis.schema({"pool": "string", "owner": "string", "weight": "int64"})
CHARGES = ibis.schema({"id": "int64", "pool": "string", "cost": "decimal(28, 15)"})
MONEY = st.decimals(
    min_value=-(10**12), max_value=10**12, places=15, allow_nan=False, allow_infinity=False
)


def split(engine, weights, charges):
    weigh = engine.create_table("w", ibis.memtable(weights, schema=WEIGHTS), overwrite=True)
    held = engine.create_table("c", ibis.memtable(charges, schema=CHARGES), overwrite=True)
    ratios = cumulate(weigh, ["pool"], "owner").mutate(is_whole=NO)
    rows = rescale(held, ["cost"], held.id >= 0).inner_join(ratios, "pool")
    parts = rows.select("id", "owner", "ratio", share=part(rows, "cost"))
    return engine.to_pyarrow(parts.order_by("id", "owner"))


@pytest.fixture(scope="module")
def duckdb():
    return ibis.duckdb.connect()


def test_thirds_leave_the_residue_with_the_heaviest_owner(duckdb):
    found = split(
        duckdb,
        [("p", "ads", 1), ("p", "search", 1), ("p", "chat", 1), ("q", "ads", 1), ("q", "all", 3)],
        [(1, "p", Decimal(100)), (2, "q", Decimal("-0.000000000000001"))],
    ).to_pylist()
    assert [(row["id"], row["owner"], row["share"]) for row in found] == [
        (1, "ads", Decimal("33.333333340000000")),  # equal weights: the smallest name is last
        (1, "chat", Decimal("33.333333330000000")),
        (1, "search", Decimal("33.333333330000000")),
        (2, "ads", Decimal("0E-15")),
        (2, "all", Decimal("-1E-15")),
    ]


def test_an_owner_of_weight_zero_gets_no_row(duckdb):
    found = split(
        duckdb,
        [("p", "ads", 0), ("p", "chat", 5), ("q", "ads", 2), ("q", "chat", 0)],
        [(1, "p", Decimal(7)), (2, "q", Decimal(9))],
    )
    assert found.column("owner").to_pylist() == ["chat", "ads"]


def test_money_is_decimal_28_15_and_ratios_are_exact(duckdb):
    found = split(duckdb, [("p", "a", 1), ("p", "b", 2)], [(1, "p", Decimal(1))])
    assert found.schema.field("share").type == pa.decimal128(28, 15)
    assert found.schema.field("ratio").type == pa.decimal128(11, 10)


WEIGHT_LISTS = st.lists(st.integers(0, 10**13), min_size=1, max_size=7).filter(any)


@given(
    weights=st.dictionaries(st.sampled_from("pqrs"), WEIGHT_LISTS, min_size=2),
    costs=st.lists(MONEY, min_size=2, max_size=12),
)
def test_no_money_is_lost_or_made_and_no_part_has_the_wrong_sign(duckdb, weights, costs):
    pools = sorted(weights)
    rows = [(pool, f"o{i}", w) for pool in pools for i, w in enumerate(weights[pool])]
    charges = [(i, pools[i % len(pools)], cost) for i, cost in enumerate(costs)]
    sums, ratios = defaultdict(Decimal), defaultdict(Decimal)
    for row in split(duckdb, rows, charges).to_pylist():
        cost = costs[row["id"]]
        sums[row["id"]] += row["share"]
        ratios[row["id"]] += row["ratio"]
        assert row["share"] * cost >= 0
        assert abs(row["share"] - cost * row["ratio"]) <= abs(cost) * Decimal("1e-9") + 1
    assert dict(sums) == dict(enumerate(costs))
    assert set(ratios.values()) == {1}


@given(weights=st.lists(st.integers(1, 10**9), min_size=2, max_size=6, unique=True), cost=MONEY)
def test_a_share_is_accurate_to_ten_digits(duckdb, weights, cost):
    rows = [("p", f"o{i}", weight) for i, weight in enumerate(weights)] + [("q", "o", 1)]
    found = split(duckdb, rows, [(1, "p", cost), (2, "q", cost)]).to_pylist()
    heaviest = max(weights)
    for row in found[: len(weights)]:
        weight = weights[int(row["owner"][1:])]
        exact = cost * weight / sum(weights)
        slack = len(weights) if weight == heaviest else 1
        assert abs(row["share"] - exact) <= slack * (
            abs(cost) * Decimal("1e-10") + Decimal("2e-10")
        )


@given(weights=WEIGHT_LISTS, costs=st.lists(MONEY, min_size=2, max_size=5), order=st.randoms())
def test_order_of_rows_is_irrelevant(duckdb, weights, costs, order):
    rows = [("p", f"o{i}", weight) for i, weight in enumerate(weights)] + [("q", "o1", 3)]
    charges = [(i, "pq"[i % 2], cost) for i, cost in enumerate(costs)]
    straight = split(duckdb, rows, charges)
    order.shuffle(rows)
    order.shuffle(charges)
    assert split(duckdb, rows, charges).equals(straight)


def test_duckdb_and_spark_give_the_same_digits(duckdb, spark):
    weights = [
        (f"p{p}", f"o{o}", (p * 7919 + o * 104729) % 1_000_003)
        for p in range(40)
        for o in range(1 + p % 7)
    ]
    charges = [
        (i, f"p{i % 40}", Decimal((i * 982451653 + 7) % 10**22 - 5 * 10**21).scaleb(-15))
        for i in range(1200)
    ]
    charges += [(9001, "p3", Decimal("1E-15")), (9002, "p3", Decimal(0))]
    charges += [(9003, "p4", Decimal("-0.000005000000001")), (9004, "p4", Decimal(-(10**12)))]
    ours = split(duckdb, weights, charges)
    assert split(spark, weights, charges).cast(ours.schema).equals(ours)
