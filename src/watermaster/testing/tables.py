"""Small fact tables for tests: name what matters, the rest is plausible."""

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from watermaster.model.shapes import COSTS, SHAPES
from watermaster.model.tables import ibis

START: Final = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
Row = Mapping[str, Any]

_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "charges": {
        "source": "aws", "billing_month": "2026-10", "charge_file": "0" * 16, "part": "",
        "billing_currency": "USD", "charge_category": "Usage", "provider_name": "AWS",
        "service_name": "Compute", "charge_period_start": START,
        "charge_period_end": START + dt.timedelta(days=1), "billing_period_start": START,
    },
    "allocations": {
        "source": "aws", "billing_month": "2026-10", "charge_file": "0" * 16, "kind": "direct",
        "rule": "selector:test", "ratio": Decimal(1), "billing_currency": "USD",
        "provider": "AWS", "service": "Compute", "charge_start": START,
        "charge_month": "2026-10", "charge_category": "Usage",
    },
    "gpu_hours": {
        "source": "gpus", "day": "2026-10-01", "platform": "k8s", "node": "n1", "hour": START,
        "subject_kind": "pod", "subject_uid": "team/pod", "model": "H100", "reserved_s": 3600,
    },
    "gpu_supply": {
        "source": "gpus", "day": "2026-10-01", "platform": "k8s", "node": "n1", "hour": START,
        "model": "H100", "present_s": 3600, "healthy_s": 3600, "schedulable_s": 3600,
        "evidence": "file",
    },
    "transfers": {
        "source": "moves", "day": "2026-10-01", "location": "s3://bucket",
        "resource_id": "arn:aws:s3:::bucket", "bytes": 1,
    },
}  # fmt: skip


def fact_table(name: str, rows: Iterable[Row]) -> pa.Table:
    """A fact table of the shape `name` (model/shapes.py), one row for each mapping.

    `cost` sets all four costs; `charge_row` counts up. A column that no shape has is added as text.

    >>> fact_table("charges", [{"cost": "1.50"}, {"cost": "2"}])["billed_cost"].to_pylist()
    [Decimal('1.500000000000000'), Decimal('2.000000000000000')]
    """
    filled = [_filled(name, number, row) for number, row in enumerate(rows, 1)]
    types = dict(SHAPES[name].types)
    types |= {key: "string" for row in filled for key in row if key not in types}
    schema = ibis.schema(types).to_pyarrow()
    whole = [{key: row.get(key) for key in types} for row in filled]
    return pa.Table.from_pylist(whole, schema)


def _filled(name: str, number: int, row: Row) -> dict[str, Any]:
    own = dict(row)
    costs = {}
    if "charge_row" in SHAPES[name].types:
        costs = dict.fromkeys(COSTS, Decimal(own.pop("cost", "1"))) | {"charge_row": number}
    return {**_DEFAULTS[name], **costs, **own}
