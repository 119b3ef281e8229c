"""Counters of serving programs as rows of `requests`: one per server, model and hour.

A counter that falls was reset and counts from 0 again. What grew while nobody looked is counted
where both looks lie in one hour; else nobody knows the hour, and it is not told. No request at all
is told only of an hour that was looked at from its start to its end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from watermaster.model.seen import Seen
from watermaster.observe.batches import day_text, moment, seen_rows
from watermaster.observe.dcgm import Holder, Labels
from watermaster.observe.prometheus_hours import HOUR_MS, Chunk, Real, Whole
from watermaster.observe.serving import (
    REQUESTS,
    Counter,
    columns_of,
    model_of,
    server_of_requests,
)
from watermaster.observe.subjects import Thing

LARGEST: Final = 2.0**53  # a counter beyond it no longer tells single requests
Look = tuple[Whole, Real]  # when (ms, rising), and the counter then


@dataclass(slots=True)
class _Cell:
    """What one server did with one model, by hour of the chunk."""

    grown: Real
    seen_ms: Real


@dataclass(slots=True)
class Requests:
    """What the counters of one chunk of hours grew by."""

    chunk: Chunk
    _cells: dict[tuple[Holder, str, str | None, str], _Cell] = field(default_factory=dict)
    _by: dict[tuple[Holder, str], str] = field(default_factory=dict)
    _looks: dict[tuple[str | None, ...], Whole] = field(default_factory=dict)

    def count(self, counter: Counter, found: Sequence[Mapping[str, Any]]) -> None:
        """One series of every server; those a program before has counted stay as they are."""
        looked = [(one["metric"], _looks_of(one["values"])) for one in found]
        for labels, (at_ms, _) in looked:
            self._look(labels, at_ms)
        for labels, look in looked:
            server = server_of_requests(labels)
            grown, seen_ms = growth(self._begun(labels, look), self.chunk)
            for column, adds in columns_of(counter, labels).items():
                # requests and failures are told by one program, tokens of a kind by one
                kind = "requests" if column in REQUESTS else column
                if self._by.setdefault((server, kind), counter.by) != counter.by:
                    continue
                key = (server, *model_of(counter, labels), column)
                empty = _Cell(np.zeros(self.chunk.hours), np.zeros(self.chunk.hours))
                cell = self._cells.setdefault(key, empty)
                cell.grown += grown * adds
                cell.seen_ms = np.maximum(cell.seen_ms, seen_ms)

    def _look(self, labels: Labels, at_ms: Whole) -> None:
        target = _target(labels)
        before = self._looks.get(target)
        self._looks[target] = at_ms if before is None else np.union1d(before, at_ms)

    def _begun(self, labels: Labels, look: Look) -> Look:
        """A series that appears while its server is looked at (the first failure) began at 0."""
        at_ms, value = look
        looks = self._looks[_target(labels)]
        place = int(np.searchsorted(looks, at_ms[0])) if len(at_ms) else 0
        if not place or at_ms[0] - looks[place - 1] > 2 * self.chunk.step_ms:
            return look
        return np.insert(at_ms, 0, looks[place - 1]), np.insert(value, 0, 0.0)

    def rows(self, platform: str) -> Iterator[Seen]:
        """One row per server, model, version and hour in which anything is known."""
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for (server, model, version, column), cell in self._cells.items():
            for place in self._known(cell):
                hour_s = self._hour_s(place)
                row = found.setdefault((server, model, version, place), {
                    "day": day_text(hour_s), "platform": platform, "subject_kind": server.kind,
                    "subject_uid": server.uid, "hour": moment(hour_s), "model": model,
                    "version": version,
                })  # fmt: skip
                row[column] = round(cell.grown[place])
        yield from seen_rows("requests", list(found.values()))

    def things(self, platform: str) -> Iterator[tuple[str, Thing, dict[str, Any], dict[str, Any]]]:
        """Each server with its day, when it was seen (to the hour), and what it is called."""
        for (server, model, _, _), cell in self._cells.items():
            places = np.flatnonzero(cell.seen_ms).tolist()
            if not places:
                continue
            first, last = self._hour_s(places[0]), self._hour_s(places[-1] + 1)
            about = {"name": server.name, "namespace": server.namespace, "model": model}
            yield (
                day_text(first),
                (platform, server.kind, server.uid),
                {"first_seen": moment(first), "last_seen": moment(last)},
                about,
            )

    def _known(self, cell: _Cell) -> list[int]:
        whole_ms = HOUR_MS - 2 * self.chunk.step_ms
        known = (cell.grown > 0) | (cell.seen_ms >= whole_ms)
        return [int(place) for place in np.flatnonzero(known)]

    def _hour_s(self, place: int) -> int:
        return (self.chunk.start_ms + place * HOUR_MS) // 1000


def growth(look: Look, chunk: Chunk) -> tuple[Real, Real]:
    """By hour of the chunk: what a counter grew by, and the milliseconds that tells of.

    What grew between two looks belongs to the hour of the first.
    """
    at_ms, value = look
    begin, end = at_ms[:-1], at_ms[1:]
    is_near = (end - begin <= 2 * chunk.step_ms) | (begin // HOUR_MS == (end - 1) // HOUR_MS)
    inside = is_near & (begin >= chunk.start_ms) & (begin < chunk.end_ms)
    was_reset = value[1:] < value[:-1]
    grown = np.where(was_reset, value[1:], value[1:] - value[:-1])
    # how much there was before a reset in a gap is not known: that gap tells no "none"
    is_told = ~was_reset | (end - begin <= 2 * chunk.step_ms)
    hour = (begin[inside] - chunk.start_ms) // HOUR_MS
    return (
        np.bincount(hour, grown[inside], chunk.hours).astype(np.float64),
        np.bincount(hour, ((end - begin) * is_told)[inside], chunk.hours).astype(np.float64),
    )


def _looks_of(pairs: Sequence[Sequence[Any]]) -> Look:
    at_ms = np.array([round(float(pair[0]) * 1000) for pair in pairs], np.int64)
    value = np.array([float(pair[1]) for pair in pairs], np.float64)
    good = np.isfinite(value) & (value >= 0) & (value <= LARGEST)
    return at_ms[good], value[good]


_TARGET: Final = ("job", "instance", "namespace", "pod", "exported_pod", "pod_name")


def _target(labels: Labels) -> tuple[str | None, ...]:
    """What is scraped at once: its counters are all looked at in the same moments."""
    return tuple(labels.get(name) for name in _TARGET)
