"""What the pages Overview and Costs show: records that flows return."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

Wanted = Mapping[str, tuple[str, ...]]  # dimension to the values it may have; "-" is none


class Measure(StrEnum):
    """How a figure is written."""

    MONEY = "money"
    SHARE = "share"


class Better(StrEnum):
    """Which direction of a figure is good for us."""

    LESS = "less"
    MORE = "more"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Said:
    """Some words of a sentence, how they are stressed, and which charges they speak of."""

    text: str
    tone: str = "plain"  # plain, strong or bad
    wanted: Wanted = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """One figure of a month with its year: what it is of, and the months up to it."""

    name: str
    label: str
    measure: Measure
    better: Better
    value: Decimal | None
    before: Decimal | None  # of the month before
    base: str  # what a share is of
    note: str
    formula: str
    months: dict[str, Decimal | None]
    wanted: Wanted = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something with cost in two months; `wanted` are the filters that show its charges."""

    name: str
    kind: str | None  # None: a workload
    before: Decimal | None
    now: Decimal | None
    change: Decimal
    wanted: Wanted
    by_day: list[Decimal] = field(default_factory=list)
    used_ratio: Decimal | None = None  # of its measured cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Unowned:
    """Cost that nobody owns, and why."""

    because: str
    provider: str | None
    service: str | None
    cost: Decimal
    wanted: Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is held of a source, and how old it is."""

    source: str
    table: str
    first: str  # first and last billing month or day held
    last: str
    rows: int
    delivered_at: dt.datetime  # the newest delivery
    age_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAge:
    """How old the newest data of a source is, and what it does not tell."""

    source: str
    age_s: int | None  # None: nothing came yet
    gap: str | None  # "no data from eks-prod since 14:02 UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a page is about, and what else could be chosen."""

    month: str | None  # None: every month
    months: list[str]  # in the ledger, newest first
    unit: str | None
    choices: dict[str, list[str]]  # unit, platform, activity: values that occur in the month
    currency: str
    currencies: dict[str, Decimal]  # cost of the scope in each


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A month at a glance."""

    rule: str
    snapshot: str
    why: str
    scope: Scope
    title: str
    lede: list[Said]
    total: Decimal
    before: Decimal | None
    figures: list[KeyFigure]
    days: list[dt.date]
    by_day: dict[str, list[Decimal]]  # activity to its cost of each day
    elsewhere: Decimal  # cost of the bill whose use lies outside the month
    once: Decimal  # tax, fees, purchases and credits: part of the bill, of no single day
    by_hour: dict[str, list[Decimal | None]]  # platform to reserved share of each hour of day
    moved: list[Thing]
    unowned: list[Unowned]
    unowned_total: Decimal
    sources: list[SourceState]


@dataclass(frozen=True, slots=True)
class Link:
    """Cost that goes from a name of one step to a name of the next (None: has none)."""

    step: int
    start: str | None
    end: str | None
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowReport:
    """Cost from provider to what it went into."""

    rule: str
    snapshot: str
    why: str
    currency: str
    steps: tuple[str, ...]
    total: Decimal
    links: list[Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedReport:
    """The change of each cost from one month to the next."""

    rule: str
    snapshot: str
    why: str
    currency: str
    before_month: str
    month: str
    before: Decimal
    now: Decimal
    rows: list[Thing]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargesReport:
    """One page of parts of charges, or of groups of them, with totals over the whole filter."""

    rule: str
    snapshot: str
    why: str
    scope: Scope
    group: str
    sort: str
    rows: list[dict[str, object]]
    page: int
    pages: int
    count: int  # rows of the filter
    charges: int  # parts of charges behind them
    total: Decimal
