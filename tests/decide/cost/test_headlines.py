"""Six figures at a glance."""

from decimal import Decimal

from watermaster.decide.cost.headlines import headlines

ROWS = [
    {"kind": "direct", "rule": "selector:a", "cost": Decimal("10.50")},
    {"kind": "measured", "rule": "transfer:corpus", "cost": Decimal(4)},
    {"kind": "direct", "rule": "transfer:corpus", "cost": Decimal(1)},
    {"kind": "idle", "rule": "pool:h100", "cost": Decimal(7)},
    {"kind": "idle", "rule": "pool:l40s", "cost": Decimal(2)},
    {"kind": "idle", "rule": "commitment-unused:plan", "cost": Decimal(3)},
    {"kind": "unallocated", "rule": "no-rule", "cost": Decimal(-1)},
    {"kind": "unmeasured", "rule": "pool:h100", "cost": None},
]


def test_idle_gpus_and_unused_commitments_are_told_apart():
    found = {one.what: one.cost for one in headlines(ROWS)}
    assert found == {
        "effective cost": Decimal("26.50"),
        "GPUs that lay idle": Decimal(9),
        "commitments nobody used": Decimal(3),
        "nobody's": Decimal(-1),
        "not measured": Decimal(0),
        "data that left its bucket": Decimal(5),
    }


def test_the_order_of_rows_changes_nothing():
    assert headlines(ROWS) == headlines(ROWS[::-1])
