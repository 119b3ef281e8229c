"""Tickets about findings in other people's systems, followed to their end."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

SYSTEMS: Final = ("jira", "servicenow", "github")


class TicketState(StrEnum):
    """How far a ticket is; asked: it may or may not stand there yet."""

    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketText:
    """What a ticket says. The mark is how it is found again: the same for the same finding."""

    mark: str
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A ticket as its own system tells it."""

    number: str  # as people name it there: OPS-17, INC0010002, 42
    address: str  # where a browser shows it
    is_closed: bool
    words: str  # its state in the system's own words


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket about a finding, as it was last heard of."""

    id: int
    finding: str
    channel: str
    number: str | None
    address: str | None
    state: TicketState
    at: dt.datetime  # when it was asked for
    actor: str
    words: str | None = None
    looked_at: dt.datetime | None = None
    said: str | None = None  # what was last written into it: gone, still-found


class TicketSystem(Protocol):
    """What a ticket system can do for us; each raises WatermasterError where it did not."""

    def find(self, mark: str) -> Told | None:
        """The newest ticket that carries the mark; None where there is none."""

    def open(self, text: TicketText) -> Told:
        """A new ticket."""

    def look(self, number: str) -> Told | None:
        """One ticket; None where it was removed there."""

    def say(self, number: str, words: str) -> None:
        """Add a comment."""
