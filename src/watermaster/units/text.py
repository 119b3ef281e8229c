"""Shares, differences, GPU hours, ages and dates as people read them."""

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from watermaster.units.money import MINUS, MISSING, grouped

_ONE: Final = Decimal(1)
_TENTH: Final = Decimal("0.1")
_LEAST_BASE: Final = Decimal(100)  # a percentage of less is noise
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60
_IN_MINUTES_S: Final = 3 * _HOUR_S  # up to here a wait is told in minutes
_AGES: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def share(ratio: Decimal | None) -> str:
    """A part of a whole: whole percent, one decimal under 10%.

    >>> share(Decimal("0.5449")), share(Decimal("0.0551")), share(None)
    ('54%', '5.5%', '\u2013')
    """
    if ratio is None:
        return MISSING
    sign = MINUS if ratio < 0 and _percent(ratio) else ""
    return f"{sign}{_percent(ratio)}%"


def points(now: Decimal, before: Decimal) -> str:
    """The difference of two shares.

    >>> points(Decimal("0.54"), Decimal("0.50")), points(Decimal("0.5"), Decimal("0.54"))
    ('+4 pts', '\u22124 pts')
    """
    change = ((now - before) * 100).quantize(_ONE, ROUND_HALF_UP)
    sign = "+" if change > 0 else MINUS if change < 0 else ""
    return f"{sign}{abs(change)} pts"


def change(now: Decimal, before: Decimal | None) -> str:
    """A relative difference with its sign; `new` where there was nothing, empty below 100.

    >>> change(Decimal(106300), Decimal(100000)), change(Decimal(500), Decimal(0))
    ('+6.3%', 'new')
    >>> change(Decimal(0), Decimal(80)), change(Decimal(60), Decimal(80))
    ('gone', '')
    >>> change(Decimal(86_000), Decimal(100_000)), change(Decimal(3_000), Decimal(1_000))
    ('\u221214%', '+200%')
    """
    if not before:
        return "new" if now else ""
    if not now:
        return "gone"
    if abs(before) < _LEAST_BASE:
        return ""
    ratio = (now - before) / abs(before)
    sign = "+" if ratio > 0 else MINUS if ratio < 0 else ""
    return f"{sign}{_percent(ratio)}%"


def gpu_hours(gpu_s: int | None) -> str:
    """GPU-seconds as whole GPU hours.

    >>> gpu_hours(2_035_504_800), gpu_hours(None)
    ('565\u202f418\u202fh', '\u2013')
    """
    if gpu_s is None:
        return MISSING
    return f"{grouped((gpu_s + _HOUR_S // 2) // _HOUR_S)}\u202fh"


def age(seconds: int) -> str:
    """A duration in its largest whole unit.

    >>> age(59), age(3 * 3600 + 20), age(86_400), age(0)
    ('59 seconds', '3 hours', '1 day', '0 seconds')
    """
    for size, name in _AGES:
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}" + ("" if count == 1 else "s")
    return "0 seconds"


def wait(seconds: int) -> str:
    """How long somebody waited: minutes tell more than one hour does.

    >>> wait(42), wait(3600 + 50 * 60), wait(3 * 3600 + 20)
    ('42\u202fs', '110\u202fmin', '3 hours')
    """
    if seconds < _MINUTE_S:
        return f"{seconds}\u202fs"
    return f"{seconds // _MINUTE_S}\u202fmin" if seconds < _IN_MINUTES_S else age(seconds)


def month_name(month: str) -> str:
    """A month as a title says it.

    >>> month_name("2026-10")
    'October 2026'
    """
    return f"{_first_day(month):%B %Y}"


def short_month(month: str) -> str:
    """The month's name alone, where the year is plain.

    >>> short_month("2026-10")
    'October'
    """
    return f"{_first_day(month):%B}"


def day_name(day: dt.date) -> str:
    """A day in a row.

    >>> day_name(dt.date(2026, 11, 4))
    '4 Nov'
    """
    return f"{day.day} {day:%b}"


def moment(at: dt.datetime) -> str:
    """A moment; its zone is said once a page.

    >>> moment(dt.datetime(2026, 10, 30, 14, 2))
    '30 Oct 2026, 14:02'
    """
    return f"{at.day} {at:%b %Y, %H:%M}"


def _percent(ratio: Decimal) -> Decimal:
    size = abs(ratio) * 100
    tenths = size.quantize(_TENTH, ROUND_HALF_UP)
    return tenths if 0 < tenths < 10 else size.quantize(_ONE, ROUND_HALF_UP)


def _first_day(month: str) -> dt.date:
    return dt.date.fromisoformat(f"{month}-01")
