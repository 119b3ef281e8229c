"""Parquet of any types is read as exactly as text is."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.observe.conftest import Reader

MAY = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def write(path: Path, **columns: object) -> Path:
    plain = {
        "BillingPeriodStart": pa.array([MAY, MAY], pa.timestamp("us", "UTC")),
        "ChargePeriodStart": pa.array([MAY.replace(tzinfo=None)] * 2, pa.timestamp("ms")),
        "ChargePeriodEnd": pa.array([dt.date(2026, 5, 2)] * 2),
        "BillingCurrency": ["USD", "EUR"],
    }
    pq.write_table(pa.table(plain | columns), path)
    return path


def test_decimals_are_exact_and_floats_are_their_shortest_text(
    tmp_path: Path, read: Reader
) -> None:
    cost = pa.array([Decimal("0.12345678901234567890"), Decimal(-3)], pa.decimal128(38, 20))
    path = write(tmp_path / "b.parquet", BilledCost=cost, ListCost=[0.1, 1e-7], x_Count=[1, None])
    found = read(path)
    assert [row["billed_cost"] for row in found.typed] == [
        Decimal("0.123456789012346"), Decimal(-3),
    ]  # fmt: skip
    assert found.delivery.rounding == {"billed_cost": Decimal("-0.00000000000000032110")}
    assert [row["list_cost"] for row in found.typed] == [Decimal("0.1"), Decimal("1e-7")]
    assert any("floats" in notice and "ListCost" in notice for notice in found.delivery.notices)
    assert found.typed[1]["origin"] is None
    assert [row["charge_period_start"] for row in found.typed] == [dt.datetime(2026, 5, 1)] * 2


def test_maps_become_canonical_tags(tmp_path: Path, read: Reader) -> None:
    tags = pa.array([[("b", "2"), ("a", "1")], None], pa.map_(pa.string(), pa.string()))
    path = write(tmp_path / "b.parquet", BilledCost=[1, 2], Tags=tags)
    found = read(path, tag_columns={"tag_a": "a"})
    assert [row["tags"] for row in found.typed] == ['{"a":"1","b":"2"}', None]
    assert [row["tag_a"] for row in found.typed] == ["1", None]
