"""What a telemetry connector yields."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows for one fact table: its columns (model/shapes.py) except `source`."""

    table: str
    rows: pa.RecordBatch
