"""Times as sources write them: with an offset, in the source's own zone, or as epoch seconds."""

import datetime as dt
import functools
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watermaster.model.errors import BadResourceError


@functools.lru_cache(maxsize=1 << 16)
def epoch_of(text: str, zone: str) -> int | None:
    """Epoch seconds of ISO 8601 text or of epoch seconds as text; None if it is neither.

    A time without an offset is read in `zone`; in the hour that a change of clocks repeats, the
    first of both is meant.
    """
    if text.isdigit() and len(text) >= 9:
        return int(text)
    try:
        moment = dt.datetime.fromisoformat(
            text.replace(" +0000 UTC", "+00:00").removesuffix(" UTC")
        )
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone_of(zone))
    return int(aware.timestamp())


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """The time zone of a Source; an error that names it when there is none such."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        fix = "write a name such as UTC or Europe/Berlin"
        raise BadResourceError("timeZone", f"{name} is no time zone", fix) from None
