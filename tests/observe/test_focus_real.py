"""Every real and independently made FOCUS file gives its own exact sums, to the last digit."""

import csv
from decimal import Decimal, localcontext
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.observe.conftest import Read, Reader
from watermaster.model.shapes import COSTS
from watermaster.observe.focus_columns import NAMES

NOT_BILLS = "contract_commitment"
HOUR_30 = {
    "commitment_discount_purchase_scenario_2": 3,
    "commitment_discount_purchase_scenario_3": 4,
}


def in_file(path: Path) -> list[dict[str, str | None]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def exact(text: str | None) -> Decimal:
    """The oracle: Python's decimals over the text."""
    text = (text or "").strip().replace("$", "").replace(",", "")
    return Decimal(0) if text in {"", "NULL", "null"} else Decimal(text)


def assert_exact(read: Read, rows: list[dict[str, str | None]]) -> None:
    assert len(read.typed) == len(rows)
    with localcontext(prec=200):
        for cost in COSTS:
            ours = sum((Decimal(str(row[cost] or 0)) for row in read.typed), Decimal(0))
            stated = read.delivery.rounding.get(cost, Decimal(0))
            assert ours + stated == sum((exact(row.get(NAMES[cost])) for row in rows), Decimal(0))


def test_the_publishers_real_sample_is_exact(shared: Path, read: Reader) -> None:
    path = shared / "finops" / "focus-1.0-sample" / "focus_sample.csv"
    found = read(path, tag_columns={"tag_application": "application"})
    assert_exact(found, in_file(path))
    assert not found.rejected
    assert found.delivery.version == "1.0"
    assert {row["billing_month"] for row in found.typed} == {"2024-09", "2024-10"}
    assert sum(row["tag_application"] is not None for row in found.typed) > 100


def test_every_generated_file_is_exact(shared: Path, read: Reader) -> None:
    paths = sorted((shared / "finops" / "focus-toolkit-generated").glob("*cost_and_usage*"))
    assert len(paths) == 6
    for path in paths:
        found = read(path)
        assert_exact(found, in_file(path))
        assert not found.rejected
        assert found.delivery.version == path.name[6:9].replace("_", ".")


def test_every_worked_example_of_the_authors_is_exact(shared: Path, read: Reader) -> None:
    paths = sorted((shared / "finops" / "focus-spec-examples").glob("*.csv"))
    assert len(paths) == 26
    for path in paths:
        found, rows = read(path, currency="USD", date_format="%m/%d/%y"), in_file(path)
        told = [(row["row"], row["column"], row["value"]) for row in found.rejected]
        if slip := HOUR_30.get(path.stem):  # the row is named and the others are kept
            assert told == [(slip, "ChargePeriodEnd", "2023-02-01T30:00:00Z")]
            del rows[slip - 1]
        else:
            assert not told
        assert_exact(found, rows)


def test_a_file_of_another_dataset_is_named_as_such(shared: Path, read: Reader) -> None:
    path = next((shared / "finops" / "focus-toolkit-generated").glob(f"*{NOT_BILLS}*"))
    with pytest.raises(Exception, match="has neither BilledCost nor EffectiveCost"):
        read(path)
