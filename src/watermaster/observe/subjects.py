"""The native things a delivery names: one row of `subjects` per day and thing."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from watermaster.model.seen import Seen
from watermaster.model.shapes import SHAPES
from watermaster.observe.batches import Row, seen_rows
from watermaster.units.periods import Period

SUBJECT: Final = ("platform", "subject_kind", "subject_uid")
ABOUT: Final = ("name", "namespace", "account", "creator", "parent_uid", "labels")
_NOT_ABOUT: Final = ("source", "day", "first_seen", "last_seen")
TOLD: Final = tuple(  # all a subjects file may tell of a thing
    name for name in SHAPES["subjects"].types if name not in {*_NOT_ABOUT, *SUBJECT}
)
Thing = tuple[str, str, str]


class Subjects:
    """Collects what is told of each thing, so that no (day, thing) leaves twice.

    Holds one entry per thing and day, never one per row of use.
    """

    def __init__(self, window: Period) -> None:
        self._window = window
        self._about: dict[Thing, dict[str, Any]] = {}
        self._days: dict[tuple[str, Thing], dict[str, Any]] = {}
        self.repeated = 0

    def declare(self, rows: Iterable[Row]) -> None:
        """Rows of a subjects file; one without a day holds for every day the thing is used."""
        for row in rows:
            thing = _thing(row)
            about = {name: row.get(name) for name in TOLD if row.get(name) is not None}
            times = {n: row[n] for n in ("first_seen", "last_seen") if row.get(n)}
            day = row.get("day") or (row["first_seen"].date().isoformat() if times else None)
            if day is None:
                self._about.setdefault(thing, about)
            elif (day, thing) in self._days:
                self.repeated += 1
            elif _in(self._window, day):
                self._days[day, thing] = about | times

    def use(self, rows: pa.Table) -> None:
        """Rows of gpu_hours: each thing was seen from its first hour to the end of its last."""
        rows = rows.drop_columns([n for n in rows.column_names if n not in (*_USED, *ABOUT)])
        empty = {name for name, type_ in zip(rows.column_names, rows.schema.types, strict=True)
                 if pa.types.is_null(type_)}  # fmt: skip
        about = [name for name in ABOUT if name in rows.column_names and name not in empty]
        aggregates = [("hour", "min"), ("hour", "max"), *((name, "first") for name in about)]
        things = pa.TableGroupBy(rows, ["day", *SUBJECT], use_threads=False).aggregate(aggregates)
        for row in things.to_pylist():
            told = {name: row[f"{name}_first"] for name in about if row[f"{name}_first"]}
            seen = {"first_seen": row["hour_min"], "last_seen": row["hour_max"] + _HOUR}
            self.see(row["day"], _thing(row), seen, told)

    def name(self, rows: pa.Table) -> None:
        """Things named without an hour."""
        rows = rows.filter(pc.is_valid(rows["subject_uid"]))
        for row in rows.group_by(rows.column_names).aggregate([]).to_pylist():
            self.see(row["day"], _thing(row), {}, {})

    def see(self, day: str, thing: Thing, times: Row, about: Row) -> None:
        """A thing on a day; what was told first stays, the times widen."""
        held = self._days.setdefault((day, thing), {})
        for name, value in about.items():
            held.setdefault(name, value)
        for name, widest in (("first_seen", min), ("last_seen", max)):
            if name in times:
                held[name] = widest(held.get(name, times[name]), times[name])

    def label(self, pods: Mapping[tuple[str, str], str | None]) -> None:
        """Labels of pods by namespace and name; those told later stand."""
        for about in self._days.values():
            key = about.get("namespace") or "", about.get("name") or ""
            if pods.get(key):
                about["labels"] = pods[key]

    def rows(self) -> Iterator[Seen]:
        """All that was told, as `subjects`; the collection is empty afterwards."""
        days, self._days = self._days, {}
        rows = [
            dict(zip(SUBJECT, thing, strict=True))
            | {"day": day}
            | self._about.get(thing, {})
            | held
            for (day, thing), held in sorted(days.items(), key=lambda one: one[0])
        ]
        yield from seen_rows("subjects", rows)


_HOUR: Final = dt.timedelta(hours=1)
_USED: Final = ("day", "hour", *SUBJECT)


def _thing(row: Row) -> Thing:
    return row["platform"], row["subject_kind"], row["subject_uid"]


def _in(window: Period, day: str) -> bool:
    start = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
    return window.start <= start + dt.timedelta(days=1) and start < window.end
