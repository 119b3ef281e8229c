"""Plain use given as start, end and GPUs, cut into hours."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watermaster.observe.spread import wm_hours

MEASURED: Final = ("used_s", "energy_j", "tensor_s", "dram_s")


def hourly(rows: pa.Table) -> pa.Table:
    """start, end, gpus (null: 1) of each row become hour and reserved_s; other columns repeat.

    What was measured over the whole interval (MEASURED) is shared out by seconds, and the parts
    sum to the whole.
    """
    starts, ends = _epochs(rows["start"]), _epochs(rows["end"])
    position, hour, seconds = wm_hours(starts, ends)
    gpus = np.ones(len(rows), np.int64)
    if "gpus" in rows.column_names:
        gpus = rows["gpus"].cast(pa.int64()).fill_null(1).to_numpy()
    cut = rows.drop_columns([n for n in ("start", "end", "gpus") if n in rows.column_names])
    cut = cut.take(pa.array(position))
    hours = pa.array(hour * 1_000_000).cast(pa.timestamp("us", "UTC"))
    cut = cut.append_column("hour", hours)
    cut = cut.append_column("reserved_s", pa.array(seconds * gpus[position]))
    done = hour + np.minimum(3600, ends[position] - hour) - starts[position]
    whole = np.maximum(ends - starts, 1)[position]
    for name in MEASURED:
        if name in cut.column_names:
            cut = _shared_out(cut, name, (done, seconds, whole))
    return cut


def _epochs(column: pa.ChunkedArray) -> np.ndarray:
    whole = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return pc.divide(whole, 1_000_000).combine_chunks().to_numpy(zero_copy_only=False)


def _shared_out(
    rows: pa.Table, name: str, told: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> pa.Table:
    """Differences of one running share, so that the parts sum to the whole."""
    done, seconds, whole = told
    held = rows[name].cast(pa.int64()).combine_chunks()
    total = held.fill_null(0).to_numpy(zero_copy_only=False)
    part = total * done // whole - total * (done - seconds) // whole
    parts = pa.array(part, mask=held.is_null().to_numpy(zero_copy_only=False))
    return rows.set_column(rows.column_names.index(name), name, parts)
