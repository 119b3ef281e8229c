"""Samples to hours: how long each thing was seen in each hour, and what was measured then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from watermaster.observe.dcgm import LARGEST, Index
from watermaster.observe.spread import cut

HOUR_MS: Final = 3_600_000
Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some full hours of a day, and how often samples are taken; milliseconds."""

    start_ms: int
    hours: int
    step_ms: int

    @property
    def end_ms(self) -> int:
        """The first moment after it."""
        return self.start_ms + self.hours * HOUR_MS


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one metric: what they are of, when (ms), and the value."""

    device: Whole
    holding: Whole
    at_ms: Whole
    value: Real


@dataclass(frozen=True, slots=True)
class Hours:
    """Per group and hour of the chunk: milliseconds seen, and value x milliseconds."""

    seen_ms: Real
    value_ms: Real

    def grown(self, groups: int) -> "Hours":
        """The same with room for groups that were met later."""
        return Hours(_grown(self.seen_ms, groups), _grown(self.value_ms, groups))


def samples_of(metric: str, series: Sequence[Mapping[str, Any]], index: Index) -> Samples:
    """All samples of a metric; those that are no number or that DCGM left blank are dropped."""
    devices, holdings, times, values = [], [], [], []
    for one in series:
        device, holding = index.number(one["metric"])
        pairs = one["values"]
        times.append(np.array([pair[0] for pair in pairs], np.float64))
        values.append(np.array([float(pair[1]) for pair in pairs], np.float64))
        devices.append(np.full(len(pairs), device, np.int64))
        holdings.append(np.full(len(pairs), holding, np.int64))
    at_ms = np.rint(_joined(times, np.float64) * 1000).astype(np.int64)
    value = _joined(values, np.float64)
    good = np.isfinite(value) & (value >= 0) & (value <= LARGEST.get(metric, np.inf))
    whole = _joined(devices, np.int64)[good], _joined(holdings, np.int64)[good]
    return Samples(*whole, at_ms[good], value[good])


def _joined(parts: list[npt.NDArray[Any]], kind: type) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.array([], kind)


def hours(group: Whole, samples: Samples, chunk: Chunk, groups: int) -> Hours:
    """A sample holds until the next one of its group if that comes within two steps, else for
    one step. Longer gaps stay gaps, and two samples of one moment count once.
    """
    order = np.lexsort((samples.at_ms, group))
    of, at_ms, value = group[order], samples.at_ms[order], samples.value[order]
    until = at_ms + lasted_ms(of, at_ms, chunk.step_ms)
    starts, ends = np.maximum(at_ms, chunk.start_ms), np.minimum(until, chunk.end_ms)
    place, hour, span_ms = cut(starts, ends, HOUR_MS)
    cell = of[place] * chunk.hours + (hour - chunk.start_ms) // HOUR_MS
    shape = groups, chunk.hours
    return Hours(_summed(cell, span_ms, shape), _summed(cell, span_ms * value[place], shape))


def _summed(cell: Whole, value: Whole | Real, shape: tuple[int, int]) -> Real:
    sums = np.bincount(cell, value, shape[0] * shape[1]).astype(np.float64)
    return sums.reshape(shape)


def lasted_ms(group: Whole, at_ms: Whole, step_ms: int) -> Whole:
    """How long each sample holds; sorted by group and time."""
    span = np.full(len(at_ms), step_ms, np.int64)
    gap = np.diff(at_ms)
    follows = (np.diff(group) == 0) & (gap <= 2 * step_ms)
    span[:-1][follows] = gap[follows]
    return span


def counted(samples: Samples, chunk: Chunk, groups: int) -> Hours:
    """What a counter of the device grew by, given to who held the device when it began to grow.

    A counter that falls was reset and counts from 0 again. What grew in a gap is not known.
    returns: seen_ms as for gauges, value_ms: the growth itself
    """
    order = np.lexsort((samples.at_ms, samples.device))
    device, at_ms, value = samples.device[order], samples.at_ms[order], samples.value[order]
    held = samples.holding[order]
    follows = (np.diff(device) == 0) & (np.diff(at_ms) <= 2 * chunk.step_ms)
    inside = (at_ms[:-1] >= chunk.start_ms) & (at_ms[:-1] < chunk.end_ms) & follows
    growth = np.where(value[1:] >= value[:-1], value[1:] - value[:-1], value[1:])
    cell = held[:-1] * chunk.hours + (at_ms[:-1] - chunk.start_ms) // HOUR_MS
    shape = groups, chunk.hours
    seen = _summed(cell[inside], np.diff(at_ms)[inside], shape)
    return Hours(seen, _summed(cell[inside], growth[inside], shape))


def _grown(table: Real, groups: int) -> Real:
    more = np.zeros((groups - len(table), table.shape[1]))
    return np.concatenate([table, more])


def spacing_ms(samples: Samples) -> int | None:
    """The usual time between two samples of one device; None where there are none."""
    order = np.lexsort((samples.at_ms, samples.holding))
    same = np.diff(samples.holding[order]) == 0
    gaps = np.diff(samples.at_ms[order])[same]
    return int(np.median(gaps)) if len(gaps) else None
