"""What a telemetry connector yields."""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

ACCESSES: Final = "accesses"  # no fact table: the access log is a record
ACCESS_SCHEMA: Final = pa.schema([
    ("hour", pa.timestamp("s", tz="UTC")),
    ("folder", pa.string()),  # s3://bucket/a/b, abfs://container@account/a/b
    ("subject", pa.string()),
    ("verb", pa.string()),  # read, write, delete, refused
    ("requests", pa.int64()),
    ("bytes", pa.int64()),  # read
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows for one fact table: its columns (model/shapes.py) except `source`; or `accesses`."""

    table: str
    rows: pa.RecordBatch
