"""Times change between naive UTC (in rules) and zoned (at rest) here, and nowhere else.

Through microseconds since 1970, which costs nothing; a cast asks a calendar, 65 ns a value.
"""

import ibis

from watermaster.model.shapes import TIME

_US = ibis.dtype("int64")
_NAIVE = ibis.dtype("timestamp")


@ibis.udf.scalar.builtin(signature=((_NAIVE,), _US))
def epoch_us(moment: object) -> int:
    """Microseconds since 1970 of a naive or zoned time."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(signature=((_US,), _NAIVE))
def make_timestamp(us: int) -> object:
    """The naive UTC time of microseconds since 1970."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(signature=((_US,), ibis.dtype(TIME)))
def make_timestamptz(us: int) -> object:
    """The zoned time of microseconds since 1970."""
    raise NotImplementedError
