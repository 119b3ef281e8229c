"""What comes next month: ends that are declared, and the cost if it goes on as it did."""

import datetime as dt
import itertools
import statistics
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from watermaster.model.estate import Estate
from watermaster.model.review import HeadsUp
from watermaster.units.periods import months_after

COMMITMENT_DAYS: Final = 90
OTHER_DAYS: Final = 45
LEAST_MONTHS: Final = 4
KINDS: Final = ("Team", "Model", "Dataset", "Platform", "AllocationRule")


def heads_up(
    estate: Estate, totals: Sequence[tuple[str, Decimal]], today: dt.date
) -> list[HeadsUp]:
    """Declared ends within 90 (commitments) or 45 days, by day; then the cost of next month.

    totals: month and its cost, the oldest first
    """
    ends = sorted(_ends(estate, today), key=lambda one: (one.day or today, one.what))
    return [*ends, *_growth(totals)]


def _ends(estate: Estate, today: dt.date) -> Iterator[HeadsUp]:
    for version in estate.of("Commitment"):
        spec, name = version.resource.spec, version.resource.metadata.name
        end = months_after(spec.start, spec.months)
        if _is_near(end, today, COMMITMENT_DAYS):
            notice = end - dt.timedelta(days=spec.notice_days or 0)
            told = f", notice by {notice}" if spec.notice_days else ""
            yield HeadsUp(what=f"commitment {name} of {spec.provider} ends{told}", day=end)
    for version in estate.of("Workload"):
        spec, about = version.resource.spec, version.resource.metadata
        if spec.end_date and spec.stage != "retired" and _is_near(spec.end_date, today, OTHER_DAYS):
            yield HeadsUp(what=f"{spec.stage} {about.name} of {about.owner or 'nobody'} ends",
                          day=spec.end_date)  # fmt: skip
    for kind in KINDS:
        for version in estate.of(kind):
            until = version.resource.spec.until
            if until and _is_near(until, today, OTHER_DAYS):
                name = version.resource.metadata.name
                yield HeadsUp(what=f"{kind.lower()} {name} is no more", day=until)


def _is_near(day: dt.date, today: dt.date, days: int) -> bool:
    return today <= day <= today + dt.timedelta(days=days)


def _growth(totals: Sequence[tuple[str, Decimal]]) -> Iterator[HeadsUp]:
    """Next month at the usual growth of the last three, from the least to the most of them."""
    last = [cost for _, cost in totals[-LEAST_MONTHS:] if cost > 0]
    if len(last) < LEAST_MONTHS:
        return
    rates = sorted(now / before for before, now in itertools.pairwise(last))
    low, mid, high = (last[-1] * rate for rate in (rates[0], statistics.median(rates), rates[-1]))
    yield HeadsUp(
        what=f"at the growth of the last three months the next costs {mid:,.0f} "
        f"({low:,.0f} to {high:,.0f})",
        is_estimate=True,
    )  # fmt: skip
