"""Rules behind the pages, by hand and by property, over allocations that stand in the test."""

from decimal import Decimal

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.cost.activity import ACTIVITIES, activity
from watermaster.decide.cost.by import Cost
from watermaster.decide.cost.charges import Group, listed, ordered, summary
from watermaster.decide.cost.flow import MOST, flow, folded, links
from watermaster.decide.cost.moved import moved
from watermaster.decide.cost.overview import finding
from watermaster.model.overview import Link
from watermaster.model.shapes import ALLOCATIONS, COSTS

COLUMNS = ["month", "kind", "workload", "team", "unit", "purpose", "pool", "service", "cost"]
ROWS = [
    ("2026-09", "direct", "chat", "web", "Retail", "online-inference", None, "GPU", "100"),
    ("2026-10", "direct", "chat", "web", "Retail", "online-inference", None, "GPU", "160"),
    ("2026-10", "measured", "chat", "web", "Retail", "online-inference", "h100", "GPU", "10"),
    ("2026-09", "measured", "fold", "bio", "Research", "training", "h100", "GPU", "80"),
    ("2026-09", "idle", None, "infra", "IT", None, "h100", "GPU", "7"),
    ("2026-10", "idle", None, "infra", "IT", None, "h100", "GPU", "9"),
    ("2026-10", "unallocated", None, None, None, None, None, "Disk", "5.5"),
    ("2026-10", "shared", None, "web", "Retail", None, None, "Support", "-2"),
]


def allocations(rows):
    kinds = {n: k.replace("timestamp('UTC')", "timestamp") for n, k in ALLOCATIONS.types.items()}
    blank = dict.fromkeys(kinds)
    held = []
    for number, row in enumerate(rows):
        values = dict(zip(COLUMNS, row, strict=True))
        cost, month = Decimal(values.pop("cost")), values.pop("month")
        held.append(
            blank | values | dict.fromkeys(COSTS, cost)
            | {"billing_month": month, "billing_currency": "USD", "charge_row": number,
               "charge_file": "f", "provider": "AWS", "rule": "r"}
        )  # fmt: skip
    return ibis.memtable(pa.Table.from_pylist(held, schema=ibis.schema(kinds).to_pyarrow()))


def run(table):
    return ibis.duckdb.connect().to_pyarrow(table).to_pylist()


def test_what_moved_by_hand():
    rows = run(moved(allocations(ROWS), "2026-09", "2026-10", Cost.EFFECTIVE).rows)
    told = [
        (r["workload"], r["workload"] is None and r["kind"], r["pool"] or r["team"] or r["service"],
         str(r["change"].normalize()))
        for r in rows
    ]  # fmt: skip
    assert told == [
        ("fold", False, None, "-8E+1"),
        ("chat", False, None, "7E+1"),
        (None, "unallocated", "Disk", "5.5"),
        (None, "idle", "h100", "2"),
        (None, "shared", "web", "-2"),
    ]
    assert rows[0]["now"] is None


@given(st.lists(st.tuples(st.sampled_from(ROWS), st.integers(-500, 500)), min_size=2, max_size=12))
def test_no_money_is_lost_in_any_view(drawn):
    table = allocations([(*row[:-1], str(cost)) for row, cost in drawn])
    total = sum(Decimal(cost) for _, cost in drawn)
    by_month = {
        month: sum(Decimal(cost) for row, cost in drawn if row[0] == month)
        for month in ("2026-09", "2026-10")
    }
    changes = run(moved(table, "2026-09", "2026-10", Cost.EFFECTIVE).rows)
    assert sum(r["change"] for r in changes) == by_month["2026-10"] - by_month["2026-09"]
    found = links(run(flow(table, Cost.EFFECTIVE).rows))
    for step in range(3):
        assert sum(link.cost for link in found if link.step == step) == total
    for group in Group:
        assert sum(r["cost"] for r in run(listed(table, group, Cost.EFFECTIVE))) == total
        whole = run(summary(table, group, Cost.EFFECTIVE))[0]
        assert whole["total"] == total
        assert whole["rows"] == len(run(listed(table, group, Cost.EFFECTIVE)))


def test_every_part_has_one_of_the_activities():
    table = allocations(ROWS)
    rows = run(table.mutate(activity=activity(table)).select("kind", "purpose", "activity"))
    assert {row["activity"] for row in rows} <= set(ACTIVITIES)
    by = {(row["kind"], row["purpose"]): row["activity"] for row in rows}
    assert by["direct", "online-inference"] == "inference"
    assert by["idle", None] == "idle"
    assert by["shared", None] == "other"


def test_what_is_missing_comes_last_whichever_way_one_sorts():
    rows = listed(allocations(ROWS), Group.CHARGE, Cost.EFFECTIVE)
    for sort in ("workload", "-workload"):
        names = [row["workload"] for row in run(ordered(rows, Group.CHARGE, sort))]
        assert names[-4:] == [None] * 4


def test_folding_keeps_the_largest_names_and_all_the_money():
    many = [Link(0, "AWS", f"p{n}", Decimal(n + 1)) for n in range(20)]
    many += [Link(1, f"p{n}", "Retail", Decimal(n + 1)) for n in range(20)]
    many += [Link(2, "Retail", "training", Decimal(210))]
    found = folded(many, "others")
    platforms = {link.end for link in found if link.step == 0}
    assert len(platforms) == MOST
    assert {"others", "p19", "p18"} <= platforms
    for step in range(3):
        assert sum(link.cost for link in found if link.step == step) == 210


@pytest.mark.parametrize(
    ("now", "before", "so_far", "title"),
    [
        ("1296", "1191", None, "October cost $105 more than September"),
        ("1000", "41000", None, "October cost $40\u202fk less than September"),
        ("1000", "1001", None, "October cost as much as September: $1.0\u202fk"),
        ("1000", None, None, "October 2026 cost $1.0\u202fk"),
        ("1000", "900", "7 Oct", "October 2026 has cost $1.0\u202fk up to 7 Oct"),
    ],
)
def test_the_title_says_the_finding(now, before, so_far, title):
    known = None if before is None else Decimal(before)
    assert finding("2026-10", Decimal(now), known, "USD", so_far) == title
