"""Schedules as cron writes them: five fields, in a time zone."""

import datetime as dt
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


def check_schedule(text: str) -> str:
    """The schedule as it is; ValueError with what to write where it is none.

    >>> check_schedule("*/15 * * * *")
    '*/15 * * * *'
    """
    try:
        CronSim(text, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    except CronSimError as error:
        msg = f"{text!r} is no schedule ({error}); write five fields, e.g. 0 6 * * *"
        raise ValueError(msg) from None
    return text


def last_due(schedule: str, now: dt.datetime, zone: str = "UTC") -> dt.datetime:
    """The newest moment at or before `now` at which the schedule was due, in UTC.

    >>> at = dt.datetime(2026, 11, 23, 7, 40, tzinfo=dt.UTC)
    >>> last_due("0 6 * * *", at).isoformat()
    '2026-11-23T06:00:00+00:00'
    >>> last_due("0 6 * * *", at, "Europe/Berlin").isoformat()
    '2026-11-23T05:00:00+00:00'
    """
    after = (now + dt.timedelta(minutes=1)).astimezone(ZoneInfo(zone)).replace(second=0)
    return next(CronSim(schedule, after, reverse=True)).astimezone(dt.UTC)


def period_s(schedule: str, now: dt.datetime) -> int:
    """Seconds between the two newest moments it was due.

    >>> period_s("*/15 * * * *", dt.datetime(2026, 11, 23, 7, 40, tzinfo=dt.UTC))
    900
    """
    last = last_due(schedule, now)
    before = last_due(schedule, last - dt.timedelta(minutes=1))
    return int((last - before).total_seconds())
