"""Sums of points by subject, model and hour: deltas as they come, running totals by difference."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, canonical, seen_rows
from watermaster.units.periods import Period

HOUR_NS: Final = 3600 * 10**9
COUNTS: Final = ("requests", "failed", "tokens_in", "tokens_out", "tokens_cached")
Key = tuple[str, str | None, str | None, str | None]  # model, version, consumer, provider
Series = tuple["Subject", Key, str, frozenset[bytes]]  # and figure, and all its attributes


@dataclass(frozen=True, slots=True, eq=False)  # known by being the same: one per resource
class Subject:
    """Who sent it."""

    platform: str
    kind: str
    uid: str
    name: str
    namespace: str | None
    labels: Mapping[str, str]


class Counts:
    """Sums of the window's days; `complete_from` is the first day of which everything is there."""

    def __init__(self, window: Period, complete_from: str) -> None:
        start = max(window.start, _start_of(complete_from)) if complete_from else window.start
        self._first, self._end = _hour_of(start), _hour_of(window.end)
        self._sums: dict[tuple[int, Subject, Key], dict[str, float]] = {}
        self._totals: dict[tuple[Series, int], dict[int, float]] = {}
        self._oldest_ns: int | None = None

    def add(self, subject: Subject, key: Key, figure: str, point: tuple[int, float]) -> None:
        """What happened since the point before. point: time in ns, value."""
        hour = point[0] // HOUR_NS
        if self._first <= hour < self._end:
            sums = self._sums.setdefault((hour, subject, key), {})
            sums[figure] = sums.get(figure, 0) + point[1]

    def total(self, series: Series, point: tuple[int, int, float]) -> None:
        """What happened since the series began. point: time and beginning in ns, value."""
        at_ns, began_ns, value = point
        self._oldest_ns = min(self._oldest_ns or at_ns, at_ns)
        hours = self._totals.setdefault((series, began_ns), {})
        hour = at_ns // HOUR_NS
        hours[hour] = max(hours.get(hour, 0), value)

    def rows(self) -> Iterator[Seen]:
        """All that was counted."""
        self._take_differences()
        requests: list[dict[str, Any]] = []
        subjects: dict[tuple[Any, ...], dict[str, Any]] = {}
        for (hour, one, key), sums in self._sums.items():
            at = dt.datetime.fromtimestamp(hour * 3600, dt.UTC)
            day = f"{at:%Y-%m-%d}"
            asked = sums.get("requests", 0) + sums.get("failed", 0)
            counted = {name: round(sums[name]) for name in COUNTS if name in sums}
            if "requests" in sums or "failed" in sums:
                counted |= {"requests": round(asked), "failed": round(sums.get("failed", 0))}
            model, version, consumer, provider = key
            place = {"day": day, "platform": one.platform, "subject_kind": one.kind,
                     "subject_uid": one.uid}  # fmt: skip
            requests.append(place | counted | {
                "hour": at, "model": model, "version": version, "consumer": consumer,
                "labels": canonical({"provider": provider} if provider else {}),
            })  # fmt: skip
            self._see(subjects, one, place, at)
        yield from seen_rows("requests", _merged(requests))
        yield from seen_rows("subjects", list(subjects.values()))

    @staticmethod
    def _see(
        subjects: dict[tuple[Any, ...], dict[str, Any]], one: Subject, place: Row, at: dt.datetime
    ) -> None:
        end = at + dt.timedelta(hours=1)
        held = subjects.setdefault(tuple(place.values()), {
            **place, "name": one.name, "namespace": one.namespace,
            "labels": canonical(one.labels), "first_seen": at, "last_seen": end,
        })  # fmt: skip
        held["first_seen"], held["last_seen"] = (
            min(held["first_seen"], at), max(held["last_seen"], end)
        )  # fmt: skip
        held["last_used"] = held["last_seen"]

    def _take_differences(self) -> None:
        """A series that began before anything was received only tells what it grew by since."""
        totals, self._totals = self._totals, {}
        for ((subject, key, figure, _), began_ns), hours in totals.items():
            is_whole = began_ns >= (self._oldest_ns or 0) - HOUR_NS
            before = 0.0 if is_whole else None
            for hour, value in sorted(hours.items()):
                grown = value if before is None else value - before
                if before is not None and grown > 0:
                    self.add(subject, key, figure, (hour * HOUR_NS, grown))
                before = max(value, before or 0.0)


def _merged(rows: list[dict[str, Any]]) -> list[Row]:
    """One row per key: several resources may be one subject."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(value for name, value in sorted(row.items()) if name not in COUNTS)
        held = found.get(key)
        if held is None:
            found[key] = row
            continue
        for name in COUNTS:
            if name in row:
                held[name] = held.get(name, 0) + row[name]
    return list(found.values())


def _hour_of(at: dt.datetime) -> int:
    return int(at.timestamp()) // 3600


def _start_of(day: str) -> dt.datetime:
    return dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
