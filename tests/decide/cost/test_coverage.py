"""Tag coverage: by cost, never outside 0 to 1, and unknown before the first month."""

from decimal import Decimal

import ibis
from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.decide.cost.by import Cost
from watermaster.decide.cost.coverage import tag_coverage, with_trend
from watermaster.model.resources import TagRule
from watermaster.testing.tables import fact_table

TEAM = TagRule(key="team", required=True, values=["search", "ads"])


def _rows(parts, by=("billing_month",)):
    held = [
        {"tag_team": tag, "cost": cost, "billing_month": month, "unit": "R"}
        for tag, cost, month in parts
    ]
    table = ibis.memtable(fact_table("allocations", [{"tag_team": None}, *held])).filter(
        ibis._.unit == "R"
    )
    found = tag_coverage(table, TEAM, by, Cost.EFFECTIVE).rows
    return with_trend(ibis.duckdb.connect().to_pyarrow(found).to_pylist(), by)


def test_only_allowed_values_cover_and_the_trend_needs_a_month_before():
    rows = _rows(
        [("search", "6", "2026-09"), (None, "2", "2026-09"), ("serach", "2", "2026-09"),
         ("ads", "8", "2026-10"), ("", "2", "2026-10"), (None, "-5", "2026-10")],
        ("unit", "month"),
    )  # fmt: skip
    told = [(r["month"], r["cost"], r["wrong"], r["coverage"], r["change"]) for r in rows]
    assert told == [
        ("2026-09", 10, 2, Decimal("0.6"), None),
        ("2026-10", 10, 0, Decimal("0.8"), Decimal("0.2")),
    ]


TAGS = st.sampled_from(["search", "ads", "Search", "", None])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(TAGS, st.integers(-9, 9).map(str), st.just("2026-10")), max_size=8))
def test_coverage_stays_between_0_and_1_and_parts_within_the_cost(parts):
    for row in _rows(parts, ("unit",)):
        assert 0 <= row["coverage"] <= 1
        assert row["covered"] + row["wrong"] <= row["cost"]
