"""How one FOCUS file is read, and what makes a row of it unusable.

`Reading` holds the text of a file and gives each column as a typed expression; `faults` lists
what may be wrong with a row, each with the column, the text and what to write instead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any, Final

import pyarrow as pa

from watermaster.model.tables import Table
from watermaster.observe import focus_values as values
from watermaster.observe.engine import (
    Moment,
    Number,
    Text,
    Truth,
    ibis,
)
from watermaster.observe.focus_columns import NAMES, NUMBERS, TIMES, Header

Ask = Callable[[Table], pa.Table]  # puts a question to the engine

_PEOPLES_NUMBER: Final = r"^\s*$|[$€£¥,()]"
_PEOPLES_DATE: Final = r"^\s*$|/"
FUTURE_BILL: Final = timedelta(days=31)
FUTURE_CHARGE: Final = timedelta(days=366)


def ask_row(ask: Ask, question: Table) -> Mapping[str, Any]:
    """The answer to a question that has one row."""
    (row,) = ask(question).to_pylist()
    return row


class Origin(StrEnum):
    """What to do when allocated rows come together with the rows they were split from."""

    REFUSE = "refuse"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusOrder:
    """What the caller knows about one delivered file."""

    source: str
    where: str  # the file's name, for messages
    part: str = ""
    tag_columns: Mapping[str, str] = field(default_factory=dict)  # column -> tag key
    currency: str | None = None
    date_format: str | None = None
    zone: str = "UTC"
    origin: Origin = Origin.REFUSE
    now: datetime | None = None  # naive UTC; none: nothing counts as future


@dataclass(frozen=True, slots=True)
class Reading:
    """One file being read. `slow`: columns with numbers or times as people write them."""

    text: Table
    header: Header
    order: FocusOrder
    slow: frozenset[str] = frozenset()
    layout: str | None = None

    def has(self, name: str) -> bool:
        """Whether the file has the column."""
        return name in self.header.known

    def raw(self, name: str) -> Text:
        """The text of a column as delivered; NULL where it says so."""
        return self.text[self.header.known[name]]

    def raws(self, names: Iterable[str]) -> Iterator[tuple[str, Text]]:
        """Those of the columns that are there."""
        return ((name, self.raw(name)) for name in names if self.has(name))

    def text_of(self, name: str) -> Text:
        """A text column; NULL where it is absent."""
        return self.raw(name) if self.has(name) else ibis.null("string")

    def number(self, name: str) -> Number:
        """A number column; NULL where it is absent, empty or no number."""
        return self.text[_read(name)] if self.has(name) else ibis.null(NUMBERS[name])

    def moment(self, name: str) -> Moment:
        """A time column, naive in UTC; NULL where it is absent, empty or no time."""
        return self.text[_read(name)] if self.has(name) else ibis.null("timestamp")

    def currency(self) -> Text:
        """BillingCurrency, else the one the caller named."""
        return ibis.coalesce(
            self.text_of("billing_currency"), ibis.literal(self.order.currency, "string")
        )


def start_reading(file: Reading) -> Reading:
    """The same file with its numbers and times read, each once.

    A view after each step keeps Ibis from writing an expression out again wherever it is used.
    """
    numbers = {_read(name): raw.try_cast(NUMBERS[name]) for name, raw in file.raws(NUMBERS)}
    times = {
        _read(name): values.moment(raw, file.layout, file.order.zone)
        for name, raw in file.raws(TIMES)
    }
    step = replace(file, text=file.text.mutate(**numbers, **times).view())
    again = {_read(name): values.plausible(step.moment(name)) for name, _ in file.raws(TIMES)}
    again |= {
        _read(name): values.as_people_write(raw, step.number(name), NUMBERS[name])
        for name, raw in step.raws(NUMBERS)
        if name in file.slow
    }
    return replace(step, text=step.text.mutate(**again).view())


def _read(name: str) -> str:
    return f"= {name}"  # no column of a file is named so


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that may be wrong with a row."""

    name: str  # of the column at fault
    holds: Truth  # never NULL
    value: Text
    reason: Text


def as_people_write(fault: Fault) -> Truth:
    """Whether a text that could not be read looks like a spreadsheet's number or date."""
    look = _PEOPLES_DATE if fault.name in TIMES else _PEOPLES_NUMBER
    return fault.holds.ifelse(fault.value.re_search(look), False)


def faults(file: Reading) -> list[Fault]:
    """Every fault a row of this file can have."""
    return [
        *(_bad_number(file, name) for name in NUMBERS if file.has(name)),
        *(_bad_moment(file, name) for name in TIMES if file.has(name)),
        *_missing(file),
        *_backwards(file),
        *_future(file),
    ]


def any_of(found: Iterable[Fault]) -> Truth:
    """Whether a row has any of these faults."""
    return reduce(or_, (fault.holds for fault in found), ibis.literal(False))


def _bad_number(file: Reading, name: str) -> Fault:
    raw = file.raw(name)
    bad = _unread(file, name, file.number(name))
    whole = int(NUMBERS[name].split("(")[1].split(",")[0]) - values.PLACES
    size = raw.try_cast("float64").abs()
    reason = ibis.cases(
        (size.isinf() | size.isnan() | size.isnull(), "is no number; write it like -1234.56"),
        (size >= 10.0**whole, f"has more than {whole} digits before the point; split the charge"),
        else_=f"has more than {values.FINEST} decimals; round it at the source",
    )
    return _fault(name, bad, raw, reason)


def _bad_moment(file: Reading, name: str) -> Fault:
    raw = file.raw(name)
    bad = _unread(file, name, file.moment(name))
    reason = raw.contains("/").ifelse(
        "may be day/month or month/day; say which with --date-format, e.g. %m/%d/%y",
        "is no time of 1990 to 2199; write it like 2026-09-01T00:00:00Z",
    )
    return _fault(name, bad, raw, reason)


def _unread(file: Reading, name: str, value: Any) -> Truth:
    """Whether a text says something that could not be read; looks only where a value is NULL."""
    raw = file.raw(name)
    said = raw.notnull()
    if name in file.slow:
        said &= raw.strip() != ""  # blanks are no fault
    return value.isnull().ifelse(said, False)


def _missing(file: Reading) -> list[Fault]:
    found = [
        _fault(name, _empty(file, name), file.raw(name), "is empty; every row needs it")
        for name in ("billing_period_start", "charge_period_start")
        if file.has(name)
    ]
    if file.order.currency is None:
        raw = file.raw("billing_currency")
        why = "is empty; name the currency with --currency"
        found.append(_fault("billing_currency", file.currency().isnull(), raw, why))
    costs = [file.raw(name) for name in ("billed_cost", "effective_cost") if file.has(name)]
    none = reduce(lambda a, b: a & b, (raw.isnull() for raw in costs))
    first = "billed_cost" if file.has("billed_cost") else "effective_cost"
    why = "is empty, and so is every cost charged; write the cost, 0 if it is free"
    return [*found, _fault(first, none, costs[0], why)]


def _empty(file: Reading, name: str) -> Truth:
    raw = file.raw(name)
    return raw.isnull() | (raw.strip() == "") if name in file.slow else raw.isnull()


def _backwards(file: Reading) -> list[Fault]:
    return [
        _fault(
            end,
            (file.moment(end) < file.moment(start)).fill_null(False),
            file.raw(end),
            f"lies before {NAMES[start]}; a period is [start, end)",
        )
        for start, end in (
            ("billing_period_start", "billing_period_end"),
            ("charge_period_start", "charge_period_end"),
        )
        if file.has(start) and file.has(end)
    ]


def _future(file: Reading) -> list[Fault]:
    if file.order.now is None:
        return []
    limits = (("billing_period_start", FUTURE_BILL), ("charge_period_start", FUTURE_CHARGE))
    return [
        _fault(
            name,
            (file.moment(name) > ibis.literal(file.order.now + ahead)).fill_null(False),
            file.raw(name),
            f"lies more than {ahead.days} days ahead of now; check the year and the date format",
        )
        for name, ahead in limits
        if file.has(name)
    ]


def _fault(name: str, holds: Truth, value: Text, reason: str | Text) -> Fault:
    told = ibis.literal(reason) if isinstance(reason, str) else reason
    return Fault(name, holds.fill_null(False), value, told)
