"""The simulated time: whole UTC days, counted from the first; no clock is read."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from watermaster.units.periods import Period, months_between, parse_month, print_month

HOUR_S: Final = 3600
DAY_S: Final = 86400


@dataclass(frozen=True, slots=True)
class Calendar:
    """The months of a simulation and their days by number."""

    months: tuple[str, ...]

    @property
    def period(self) -> Period:
        return Period(parse_month(self.months[0]).start, parse_month(self.months[-1]).end)

    @property
    def start_s(self) -> int:
        return int(self.period.start.timestamp())

    @property
    def end_s(self) -> int:
        return int(self.period.end.timestamp())

    @property
    def days(self) -> int:
        return self.period.seconds // DAY_S

    def days_of(self, month: str) -> range:
        """The numbers of the days of one month."""
        period = parse_month(month)
        first = (int(period.start.timestamp()) - self.start_s) // DAY_S
        return range(first, first + period.seconds // DAY_S)

    def at(self, day: int, hour: int = 0) -> int:
        """Epoch seconds of an hour of a day."""
        return self.start_s + day * DAY_S + hour * HOUR_S

    def text(self, day: int) -> str:
        """A day as YYYY-MM-DD."""
        return (self.period.start + dt.timedelta(days=day)).date().isoformat()

    def month_of(self, day: int) -> str:
        """The month a day lies in."""
        return self.text(day)[:7]


def calendar(end_month: str, months: int) -> Calendar:
    """So many months up to and including the last."""
    last = parse_month(end_month).start
    first = last
    for _ in range(months - 1):
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return Calendar(tuple(months_between(print_month(first), print_month(last))))
