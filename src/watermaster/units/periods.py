"""Periods of time: [start, end) in UTC, months as YYYY-MM, days as YYYY-MM-DD."""

import calendar
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, but not including, `end`; both aware and UTC."""

    start: dt.datetime
    end: dt.datetime

    @property
    def seconds(self) -> int:
        """Whole seconds in the period."""
        return int((self.end - self.start).total_seconds())


def parse_month(text: str) -> Period:
    """The period of a calendar month written YYYY-MM; ValueError if it is none."""
    start = dt.datetime.strptime(text, "%Y-%m").replace(tzinfo=dt.UTC)
    return Period(start, (start + dt.timedelta(days=32)).replace(day=1))


def print_month(moment: dt.datetime) -> str:
    """The month a moment lies in, YYYY-MM."""
    return moment.strftime("%Y-%m")


def months_between(first: str, last: str) -> Iterator[str]:
    """Every month from `first` to `last`, both included."""
    period, end = parse_month(first), parse_month(last).start
    while period.start <= end:
        yield print_month(period.start)
        period = parse_month(print_month(period.end))


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day of the month so many months later, or that month's last day.

    >>> months_after(dt.date(2026, 1, 31), 1).isoformat()
    '2026-02-28'
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(day.day, last))


def days_of(period: Period) -> Iterator[dt.date]:
    """Every day that starts in the period."""
    day, end = period.start.date(), period.end.date()
    while day < end:
        yield day
        day += dt.timedelta(days=1)


def hours(period: Period) -> Iterator[dt.datetime]:
    """Every full hour that starts in the period."""
    moment = period.start.replace(minute=0, second=0, microsecond=0)
    if moment < period.start:
        moment += dt.timedelta(hours=1)
    while moment < period.end:
        yield moment
        moment += dt.timedelta(hours=1)
