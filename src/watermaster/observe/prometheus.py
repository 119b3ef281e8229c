"""GPU use and supply from DCGM's series in a Prometheus: one row per GPU, hour and holder; and the
requests that serving programs count there.

The location is the server's address. Samples are read as they were taken, some hours at a time,
metric by metric, so that memory does not grow with the window.
"""

import datetime as dt
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe import dcgm, serving
from watermaster.observe.batches import canonical
from watermaster.observe.dcgm import Index
from watermaster.observe.prometheus_hours import (
    Chunk,
    Hours,
    counted,
    hours,
    samples_of,
    spacing_ms,
)
from watermaster.observe.prometheus_http import Server, server_of
from watermaster.observe.prometheus_requests import Requests
from watermaster.observe.prometheus_rows import Measured, hour_rows, supply_rows, things
from watermaster.observe.spread import DAY_S, HOUR_S
from watermaster.observe.subjects import Subjects
from watermaster.units.periods import Period

SAMPLES_AT_ONCE: Final = 500_000  # of one metric
CORDONED: Final = "kube_node_spec_unschedulable"
POD_LABELS: Final = "kube_pod_labels"
_NAMES: Final = "|".join([series for series, _ in dcgm.UTILISATION.values()] + [dcgm.MEMORY])
_GAUGES: Final = [
    *(series for series, _ in dcgm.UTILISATION.values()), dcgm.MEMORY, dcgm.POWER,
    *dcgm.ACTIVITY.values(),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """One source as the connector needs it."""

    server: Server
    platform: str
    step_s: int
    fatal_xids: frozenset[int]
    counts_requests: bool


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """gpu_supply, gpu_hours, requests and subjects of every hour in the window with samples."""
    asked = Asked(
        server_of(source),
        source.platform or source.options.get("cluster") or "kubernetes",
        source.step_seconds,
        _fatal_xids(source.options.get("fatalXids")),
        source.options.get("serving", "yes") != "no",
    )
    start, end = int(window.start.timestamp()), int(window.end.timestamp())
    end = min(end, int(dt.datetime.now(dt.UTC).timestamp()))
    start, end = -(-start // HOUR_S) * HOUR_S, end // HOUR_S * HOUR_S
    total, found = max(0, end - start) // HOUR_S, 0
    for day in range(start // DAY_S * DAY_S, end, DAY_S):
        first, last = max(day, start), min(day + DAY_S, end)
        tell(Progress((first - start) // HOUR_S, total, "hours", asked.server.address))
        found += yield from _day(asked, (first, last), window, tell)
    tell(Progress(total, total, "hours"))
    if not found:
        where = asked.server.address
        tell(Notice(f"{where} has no samples of GPUs or models in this time: nothing was seen"))


def _fatal_xids(text: str | None) -> frozenset[int]:
    return frozenset(map(int, text.split(","))) if text else dcgm.FATAL_XIDS


def _day(
    asked: Asked, during: tuple[int, int], window: Period, tell: Tell
) -> Generator[Seen, None, int]:
    """The hours of one day; returns how many series there were."""
    first, last = during
    subjects = Subjects(window)
    count = asked.server.count(_NAMES, last, last - first)
    for chunk in _chunks(asked, during, count):
        yield from _chunk(asked, chunk, subjects, tell)
    served = 0
    if asked.counts_requests:
        served = asked.server.count(serving.NAMES, last, last - first)
    for chunk in _chunks(asked, during, served):
        yield from _served(asked, chunk, subjects)
    yield from subjects.rows()
    return count + served


def _chunks(asked: Asked, during: tuple[int, int], series: int) -> Iterator[Chunk]:
    """Some hours after the other; none where there are no series."""
    first, last = during
    size = _hours_at_once(series, asked.step_s)
    for start in range(first, last if series else first, size * HOUR_S):
        length = min(size, (last - start) // HOUR_S)
        yield Chunk(start * 1000, length, asked.step_s * 1000)


def _served(asked: Asked, chunk: Chunk, subjects: Subjects) -> Iterator[Seen]:
    """What models were asked in some hours."""
    requests = Requests(chunk)
    for counter in serving.COUNTERS:
        requests.count(counter, _read(asked, chunk, counter.series))
    for day, thing, times, about in requests.things(asked.platform):
        subjects.see(day, thing, times, about)
    subjects.label(_pod_labels(asked, chunk))
    yield from requests.rows(asked.platform)


def _hours_at_once(series: int, step_s: int) -> int:
    """A divisor of 24, so that a day's chunks are alike."""
    per_hour = series / 2 * HOUR_S / step_s
    fitting = [n for n in (24, 12, 8, 6, 4, 3, 2) if n * per_hour <= SAMPLES_AT_ONCE]
    return max(fitting, default=1)


def _chunk(asked: Asked, chunk: Chunk, subjects: Subjects, tell: Tell) -> Iterator[Seen]:
    measured = _measure(asked, chunk, tell)
    if not measured.index.devices:
        return
    for thing, day, times, about in things(measured, asked.platform):
        subjects.see(day, thing, times, about)
    pods = _pod_labels(asked, chunk)
    subjects.label(pods)
    yield from supply_rows(measured, asked.platform)
    yield from hour_rows(measured, asked.platform)


def _measure(asked: Asked, chunk: Chunk, tell: Tell) -> Measured:
    """Each metric is read, summed by hour, and dropped before the next."""
    index = Index()
    by_device: dict[str, Hours] = {}
    by_holding: dict[str, Hours] = {}
    for metric in (*_GAUGES, dcgm.ENERGY, dcgm.XID):
        samples = samples_of(metric, _read(asked, chunk, metric), index)
        if not len(samples.at_ms):
            continue
        devices, holdings = len(index.devices), len(index.holdings)
        if metric == dcgm.ENERGY:
            by_holding[metric] = counted(samples, chunk, holdings)
        elif metric == dcgm.XID:
            fatal = np.isin(samples.value, list(asked.fatal_xids)).astype(np.float64)
            broken = type(samples)(samples.device, samples.holding, samples.at_ms, fatal)
            by_device[metric] = hours(samples.device, broken, chunk, devices)
        else:
            by_device[metric] = hours(samples.device, samples, chunk, devices)
            by_holding[metric] = hours(samples.holding, samples, chunk, holdings)
            _warn(metric, spacing_ms(samples), chunk, tell)
    devices, holdings = len(index.devices), len(index.holdings)
    return Measured(
        chunk,
        index,
        {name: held.grown(devices) for name, held in by_device.items()},
        {name: held.grown(holdings) for name, held in by_holding.items()},
        _cordoned(asked, chunk),
    )


def _read(asked: Asked, chunk: Chunk, metric: str) -> list[Mapping[str, Any]]:
    """Two steps more on either side tell how long the samples at the edges hold."""
    edge_s = 2 * asked.step_s
    end_s = chunk.end_ms // 1000 + edge_s
    return list(asked.server.samples(metric, end_s, chunk.hours * HOUR_S + 2 * edge_s))


def _warn(metric: str, spacing: int | None, chunk: Chunk, tell: Tell) -> None:
    if spacing is not None and spacing > 1.5 * chunk.step_ms:
        text = (
            f"{metric} is sampled every {spacing // 1000} s, the source says "
            f"{chunk.step_ms // 1000} s: set stepSeconds, or hours will look shorter than they were"
        )
        tell(Notice(text))


def _cordoned(asked: Asked, chunk: Chunk) -> dict[str, Any]:
    """Node to milliseconds of each hour in which it was closed to new work."""
    nodes: dict[str, int] = {}
    index = _Nodes(nodes)
    samples = samples_of(CORDONED, _read(asked, chunk, CORDONED), index)
    if not len(samples.at_ms):
        return {}
    closed = hours(samples.device, samples, chunk, len(nodes)).value_ms
    return {node: closed[place] for node, place in nodes.items()}


class _Nodes(Index):
    """Numbers for nodes, where an Index has numbers for devices."""

    def __init__(self, nodes: dict[str, int]) -> None:
        super().__init__()
        self._nodes = nodes

    def number(self, labels: Mapping[str, str]) -> tuple[int, int]:
        place = self._nodes.setdefault(labels.get("node", ""), len(self._nodes))
        return place, place


def _pod_labels(asked: Asked, chunk: Chunk) -> dict[tuple[str, str], str | None]:
    """Namespace and pod to labels as canonical JSON."""
    found = asked.server.latest(POD_LABELS, chunk.end_ms // 1000, chunk.hours * HOUR_S)
    pods = {}
    for series in found:
        labels = series["metric"]
        prefix = "exported_" if "exported_pod" in labels else ""
        own = {k.removeprefix("label_"): v for k, v in labels.items() if k.startswith("label_")}
        key = labels.get(f"{prefix}namespace", ""), labels.get(f"{prefix}pod", "")
        pods[key] = canonical(own)
    return pods
