"""Who read or changed what: one row of the access log."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

OURS: Final = "watermaster"  # the source of what our own routes and commands did


class Verb(StrEnum):
    """What was done."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    REFUSED = "refused"  # asked for, and not given


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one subject did to one thing: once, or, as a log of a store tells it, in one hour."""

    id: str
    at: dt.datetime  # of a log: the start of the hour
    source: str
    subject: str  # as that source names it
    verb: Verb
    thing: str  # model/NAME/VERSION, dataset/NAME
    place: str
    requests: int = 1
    bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAsked:
    """Which rows of the access log; what is None is not asked about."""

    thing: str | None = None  # model/claims-triage takes all its versions
    subject: str | None = None
    verb: Verb | None = None
    source: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    """Rows of the access log, the newest first."""

    asked: AccessAsked
    total: int
    rows: list[Access]
