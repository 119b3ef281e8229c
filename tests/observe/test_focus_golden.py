"""An odd bill of our own, beside the charges and rejected rows it must become."""

import json
from decimal import Decimal
from pathlib import Path

from tests.observe.conftest import Reader

GOLDEN = Path(__file__).parents[1] / "golden" / "focus"
SHOWN = (
    "charge_row", "billing_month", "charge_period_start", "billing_currency", "billed_cost",
    "effective_cost", "list_cost", "service_name", "resource_id", "tags", "tag_team", "origin",
)  # fmt: skip


def as_text(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if value is None or isinstance(value, int) else str(value)


def test_the_odd_bill_becomes_the_golden_rows(read: Reader) -> None:
    found = read(GOLDEN / "odd_bill.csv", tag_columns={"tag_team": "team"})
    got = {
        "typed": [{name: as_text(row[name]) for name in SHOWN} for row in found.typed],
        "rejected": [
            [row["row"], row["column"], row["value"], row["reason"]] for row in found.rejected
        ],
        "rounding": {name: format(gap, "f") for name, gap in found.delivery.rounding.items()},
        "version": found.delivery.version,
        "months": list(found.delivery.months),
    }
    assert got == json.loads((GOLDEN / "odd_bill.json").read_text())
