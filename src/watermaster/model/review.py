"""The monthly review as one record: what the page, the report and the API show of a month."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from watermaster.model.decided import Saving, Status, Verb
from watermaster.model.moved import Explained
from watermaster.model.overview import KeyFigure, Said

AGENDA = (
    ("What the month says", 5), ("What moved and why", 15), ("Decisions, the dearest first", 25),
    ("What earlier decisions brought", 10), ("Heads-up for next month", 5),
)  # fmt: skip
"""Title and minutes; always the same hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLine:
    """One business unit in the month and the one before."""

    unit: str | None
    cost: Decimal
    before: Decimal | None
    workloads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCosts:
    """What is computed of the facts alone, so that the snapshots give it again."""

    title: str  # the finding, in one sentence
    lede: list[Said]
    currency: str
    total: Decimal
    before: Decimal | None
    figures: list[KeyFigure]
    days: list[dt.date]
    by_day: dict[str, list[Decimal]]  # activity to its cost of each day
    moved: Explained
    units: list[UnitLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A decision somebody must take."""

    finding: str
    rule: str
    subject: str
    why: str
    next_step: str
    team: str | None  # the owner, or the best guess
    is_guess: bool
    cost: Decimal | None
    saving: Saving | None
    status: Status
    due: dt.date | None  # accepted: done by; overdue: since


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was decided on a finding of the review."""

    finding: str
    verb: Verb
    team: str | None
    due: dt.date | None
    why: str
    actor: str
    at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What an earlier decision brought: expected and realised, allocated, a month."""

    finding: str
    rule: str
    subject: str
    team: str | None
    expected: Decimal | None
    realised: Decimal | None
    low: Decimal | None
    high: Decimal | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsUp:
    """What comes next month, with its day where it has one; `is_estimate` marks a guess."""

    what: str
    day: dt.date | None = None
    is_estimate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One month's review, as it was opened; closed, with its answers."""

    month: str
    opened_at: dt.datetime
    actor: str
    snapshot: str
    costs: ReviewCosts
    wanted: list[Wanted]  # by worth
    more: int  # findings that wait besides
    taken: list[Answer]  # decided since the review before
    brought: list[Brought]
    experiments: list[Wanted]
    heads_up: list[HeadsUp]
    gaps: list[str]
    agenda: tuple[tuple[str, int], ...] = AGENDA
    closed_at: dt.datetime | None = None
    answers: list[Answer] = field(default_factory=list)  # given since it was opened
