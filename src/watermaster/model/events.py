"""What a flow tells while it works: the step it has reached, how far it is, what is odd."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A boundary: everything named before it is durable or invisible. Fault tests kill here."""

    name: str  # "ingest.files-written"


@dataclass(frozen=True, slots=True)
class Progress:
    """So much of so much; `total` is None while it is not known."""

    done: int
    total: int | None
    unit: str  # "rows", "files", "bytes", "hours"
    what: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know that is no error."""

    text: str


Event = Step | Progress | Notice
Tell = Callable[[Event], None]


def tell_nobody(event: Event) -> None:
    """For callers without an audience."""
