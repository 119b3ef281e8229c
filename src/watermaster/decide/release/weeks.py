"""What an experiment brought and cost, week by week or in the periods in which it is declared."""

import datetime as dt
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from watermaster.model.outcomes import Counted, OutcomeSpec

Day = dt.date
WEEK: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one workload by day; a day on which a source told nothing is not 0."""

    cost: Mapping[Day, Decimal]
    cost_days: AbstractSet[Day]  # days of which any bill told
    volume: Mapping[Day, float]
    volume_days: AbstractSet[Day]  # days of which those that count its requests told


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """One period."""

    start: Day
    value: Decimal
    cost: Decimal
    volume: float

    @property
    def net(self) -> Decimal:
        return self.value - self.cost


def net_of(spec: OutcomeSpec, known: Known) -> list[Net]:
    """Periods all of whose days are known, from the first cost or volume on, in order.

    The cost is what a unit will cost in production, where that is declared; else what it cost.
    """
    periods = _declared(spec) if spec.counted is Counted.DECLARED else _weeks(known)
    return [
        Net(start=days[0], value=spec.value_per_unit * Decimal(str(volume)),
            cost=_cost(spec, known, days, volume), volume=volume)
        for days, volume in periods
        if all(day in known.cost_days for day in days)
    ]  # fmt: skip


def _weeks(known: Known) -> Iterator[tuple[list[Day], float]]:
    """Whole weeks from Monday, so that weekends do not look like memory."""
    days = [*known.cost, *(day for day, volume in known.volume.items() if volume)]
    if not days or not known.volume_days:
        return
    monday = min(days) + dt.timedelta(days=-min(days).weekday() % WEEK)
    while monday + dt.timedelta(days=WEEK - 1) <= max(known.volume_days):
        week = [monday + dt.timedelta(days=n) for n in range(WEEK)]
        if all(day in known.volume_days for day in week):
            yield week, sum(known.volume.get(day, 0.0) for day in week)
        monday += dt.timedelta(days=WEEK)


def _declared(spec: OutcomeSpec) -> Iterator[tuple[list[Day], float]]:
    for count in sorted(spec.counts, key=lambda one: one.start):
        last = _end(spec.period, count.start)
        days = [count.start + dt.timedelta(days=n) for n in range((last - count.start).days)]
        yield days, float(count.volume)


def _end(period: str, start: Day) -> Day:
    """The first day after a period.

    >>> _end("month", Day(2026, 1, 31)), _end("week", Day(2026, 1, 31))
    (datetime.date(2026, 2, 28), datetime.date(2026, 2, 7))
    """
    if period == "month":
        year, month = start.year + start.month // 12, start.month % 12 + 1
        last = (Day(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)).day
        return Day(year, month, min(start.day, last))
    return start + dt.timedelta(days=WEEK if period == "week" else 1)


def _cost(spec: OutcomeSpec, known: Known, days: list[Day], volume: float) -> Decimal:
    if spec.unit_cost is not None:
        return spec.unit_cost * Decimal(str(volume))
    return sum((known.cost.get(day, Decimal(0)) for day in days), Decimal(0))
