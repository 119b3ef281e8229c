"""How long something lasted in each hour: intervals cut at the full hours, nothing lost."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

HOUR_S: Final = 3600
DAY_S: Final = 86400
Seconds = npt.NDArray[np.int64]
Interval = tuple[int, int]  # epoch seconds, [start, end)


def wm_hours(starts: Seconds, ends: Seconds) -> tuple[Seconds, Seconds, Seconds]:
    """Cut every [start, end) at the full hours.

    starts, ends: epoch seconds, one per interval; an empty or backward interval gives no hour
    returns: position of the interval, start of the hour, seconds of the interval in that hour;
    one entry per interval and hour it touches; the seconds of an interval sum to its length
    """
    return cut(starts, ends, HOUR_S)


def cut(starts: Seconds, ends: Seconds, size_s: int) -> tuple[Seconds, Seconds, Seconds]:
    """The same for pieces of any size: position, start of the piece, seconds in it."""
    first = starts // size_s
    count = np.where(ends > starts, -(-ends // size_s) - first, 0)
    position = np.repeat(np.arange(len(starts), dtype=np.int64), count)
    before = np.cumsum(count) - count
    piece = (np.arange(len(position)) - before[position] + first[position]) * size_s
    begun, ended = starts[position], ends[position]
    return position, piece, np.minimum(ended, piece + size_s) - np.maximum(begun, piece)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same moments as intervals that neither touch nor overlap, in order."""
    joined: list[Interval] = []
    for start, end in sorted(one for one in intervals if one[1] > one[0]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def without(whole: Interval, holes: Sequence[Interval]) -> list[Interval]:
    """What is left of an interval when the holes are cut out of it."""
    left, start = [], whole[0]
    for hole_start, hole_end in union(holes):
        left.append((start, min(hole_start, whole[1])))
        start = max(start, hole_end)
    left.append((start, whole[1]))
    return [one for one in left if one[1] > one[0]]
