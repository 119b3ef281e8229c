"""What a person should know now: a dear new finding, an overdue decision, a cost that moved."""

import datetime as dt
import statistics
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from watermaster.model.channels import Alert, AlertKind
from watermaster.model.decided import Saving, Standing, Status
from watermaster.model.findings import Finding

LEAST_DAYS: Final = 14  # of a team's own past, before a day of it is judged
PAST_DAYS: Final = 28
FAR: Final = Decimal(5)  # times the usual distance from the median
FLOOR: Final = Decimal("0.2")  # of the median: a smaller distance is never far
MONTH_DAYS: Final = Decimal("30.4375")


def of_findings(
    found: Iterable[Finding],
    standing: Mapping[str, Standing],
    savings: Mapping[str, Saving | None],
    least: Decimal,
) -> Iterator[Alert]:
    """New ones that cost or would save at least so much a month; accepted ones past their day."""
    for one in found:
        stands, saving = standing[one.id], savings.get(one.id)
        worth = max(saving.allocated if saving else Decimal(0), one.cost or Decimal(0))
        told = f"{worth:,.0f} {one.currency or ''} a month".replace("  ", " ")
        if stands.status is Status.NEW and worth >= least:
            yield _alert(
                one, AlertKind.NEW, worth, f"{one.rule}: {one.subject}: {one.why} ({told})"
            )
        if stands.status is Status.OVERDUE and stands.last and stands.last.due:
            team = stands.last.team or "nobody"
            words = (
                f"{team} accepted {one.rule} of {one.subject} by {stands.last.due}, and it is "
                f"still found ({told})"
            )
            yield _alert(one, AlertKind.OVERDUE, worth, words, team)


def _alert(
    one: Finding, kind: AlertKind, worth: Decimal, words: str, team: str | None = None
) -> Alert:
    return Alert(
        key=f"{kind}/{one.id}", kind=kind, team=team or one.team or one.guess,
        subject=one.subject, words=words, amount=worth, currency=one.currency,
        link=f"/findings/{one.id}",
    )  # fmt: skip


def of_costs(
    by_day: Mapping[str, Mapping[dt.date, Decimal]],
    day: dt.date,
    currency: str | None,
    least: Decimal,
) -> Iterator[Alert]:
    """Teams whose cost of a day is far from its own past: robust, and silent where data is missing.

    by_day: team to its cost by day; a day that is not there is not known, never nothing.
    The distance is in medians of the distances from the median (MAD), of days of its own past; a
    weekday is held beside the same half of the week where there are enough of them.
    """
    for team, costs in sorted(by_day.items()):
        if day not in costs:
            continue
        past = _past(costs, day)
        if len(past) < LEAST_DAYS // 2:
            continue
        usual = statistics.median(past)
        away = statistics.median(abs(one - usual) for one in past)
        far = max(FAR * away, FLOOR * abs(usual))
        moved = costs[day] - usual
        month = abs(moved) * MONTH_DAYS
        if abs(moved) > far and month >= least:
            way = "more" if moved > 0 else "less"
            yield Alert(
                key=f"{AlertKind.MOVED}/{team}/{way}", kind=AlertKind.MOVED, team=team,
                subject=f"team/{team}", amount=month, currency=currency,
                words=f"{team} cost {costs[day]:,.0f} {currency or ''} on {day}, "
                f"{abs(moved):,.0f} {way} than its usual {usual:,.0f}",
                link=f"/costs?team={team}",
            )  # fmt: skip


def _past(costs: Mapping[dt.date, Decimal], day: dt.date) -> list[Decimal]:
    days = [day - dt.timedelta(days=back) for back in range(1, PAST_DAYS + 1)]
    known = [one for one in days if one in costs]
    if len(known) < LEAST_DAYS:
        return []
    alike = [one for one in known if (one.weekday() < 5) == (day.weekday() < 5)]
    return [costs[one] for one in (alike if len(alike) >= LEAST_DAYS // 2 else known)]
