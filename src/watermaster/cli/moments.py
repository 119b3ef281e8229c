"""Dates on the command line."""

import datetime as dt
from typing import Annotated

import typer

from watermaster.model.errors import UsageError

At = Annotated[
    str | None, typer.Option("--at", metavar="DATE", help="as it held then (valid time)")
]
AsKnown = Annotated[
    str | None, typer.Option("--as-known", metavar="DATE", help="as known then (recorded time)")
]


def moment(text: str | None, option: str) -> dt.datetime | None:
    """A day or a time as people write it, in UTC."""
    if text is None:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(option, f"{text!r} is no date", "write 2026-10-01") from None
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
