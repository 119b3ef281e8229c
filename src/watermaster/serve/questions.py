"""The query of an address as a question to a flow, and questions as addresses and commands."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Depends, Request

from watermaster.decide.cost.by import DIMENSIONS, TAGS
from watermaster.decide.cost.charges import Group
from watermaster.flows.charges import ChargesAsked
from watermaster.flows.scope import Asked
from watermaster.model.errors import UsageError

EVERY: Final = "all"


def asked(request: Request) -> Asked:
    """The month (YYYY-MM or all), unit and currency."""
    query = request.query_params
    month = query.get("month") or None
    return Asked(
        month=None if month == EVERY else month,
        every_month=month == EVERY,
        unit=query.get("unit") or None,
        currency=query.get("currency") or None,
    )


def charges_asked(request: Request) -> ChargesAsked:
    """The scope, one parameter per dimension (again for more values), q, group, sort and page."""
    query = request.query_params
    names = [name for name in dict.fromkeys(query.keys()) if _is_dimension(name)]
    wanted = {name: [v for v in query.getlist(name) if v] for name in names}
    return ChargesAsked(
        asked=asked(request),
        wanted={name: values for name, values in wanted.items() if values},
        text=query.get("q", ""),
        group=_group(query.get("group") or Group.CHARGE.value),
        sort=query.get("sort") or "-cost",
        page=page_of(query.get("page")),
    )


TheAsked = Annotated[Asked, Depends(asked)]
TheCharges = Annotated[ChargesAsked, Depends(charges_asked)]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is: its path and query; links change some of it and keep the rest."""

    path: str
    query: tuple[tuple[str, str], ...]

    def link(self, **changes: str | int | None) -> str:
        """The address with some parameters set, or dropped (None)."""
        kept = [(name, value) for name, value in self.query if name not in changes and value]
        added = [(name, str(value)) for name, value in changes.items() if value is not None]
        query = urlencode([*kept, *added])
        return f"{self.path}?{query}" if query else self.path

    def without(self, name: str, value: str) -> str:
        """The address without one value of a parameter, on its first page."""
        kept = [pair for pair in self.query if pair != (name, value) and pair[0] != "page"]
        return replace(self, query=tuple(kept)).link()

    def to(self, path: str, wanted: Mapping[str, Sequence[str]] | None = None) -> str:
        """Another page of the same month and unit, with filters of its own."""
        scope = [pair for pair in self.query if pair[0] in {"month", "unit", "currency"}]
        own = [(name, value) for name, values in (wanted or {}).items() for value in values]
        names = {name for name, _ in own}
        query = urlencode([*(pair for pair in scope if pair[0] not in names and pair[1]), *own])
        return f"{path}?{query}" if query else path

    def hidden(self, *shown: str) -> list[tuple[str, str]]:
        """What a form must carry along, besides the fields it shows."""
        return [pair for pair in self.query if pair[0] not in {*shown, "page"} and pair[1]]


def place(request: Request) -> Place:
    """Where the request's page is."""
    return Place(request.url.path, tuple(request.query_params.multi_items()))


def command(what: str, month: str | None, wanted: Mapping[str, Sequence[str]]) -> str:
    """The command line that prints what a page shows."""
    words = ["wm", *what.split()]
    words += ["--month", month] if month else []
    for name, values in wanted.items():
        for value in values:
            words += ["--filter", f"{name}={value}"]
    return shlex.join(words)


def _is_dimension(name: str) -> bool:
    # month and unit are the page's scope, not filters of it
    return (name in DIMENSIONS and name not in {"month", "unit"}) or name.startswith(TAGS)


def _group(text: str) -> Group:
    try:
        return Group(text)
    except ValueError:
        known = ", ".join(group.value for group in Group)
        raise UsageError("group", f"there is no group {text!r}", f"take {known}") from None


def page_of(text: str | None) -> int:
    """The number of a page, from 1 up; the first where none is named."""
    if not text:
        return 1
    if not text.isdecimal() or len(text) > 9:
        raise UsageError("page", f"{text[:20]!r} is no page", "write a number from 1 up")
    return max(1, int(text))
