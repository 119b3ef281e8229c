"""What an initiative returns, as declared; and what the evidence says of an experiment."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from pydantic import Field, model_validator

from watermaster.model.record import Currency, Day, Money, Name, Record

PROMOTED_FROM: Final = 0.8  # P(net benefit > 0) to promote; 1 - this to sunset
LEAST_WEEKS: Final = 8  # sums of few weeks are too far from a normal distribution
LEAST_DECLARED: Final = 4  # periods; they are longer, or were counted by a person
QUIET_DAYS: Final = 30  # without a request or commit


class Counted(StrEnum):
    REQUESTS = "requests"
    TOKENS = "tokens"
    DECLARED = "declared"


class OutcomeCount(Record):
    """How much was delivered in one period."""

    start: Day = Field(alias="from", description="first day of the period")
    volume: Money


class OutcomeSpec(Record):
    """What an initiative returns: what is counted, what a unit is worth, and who says so."""

    measure: str = Field(description="what is delivered, e.g. letters answered")
    counted: Counted = Field(
        Counted.REQUESTS, description="by the ledger (requests, tokens), or declared in counts"
    )
    value_per_unit: Money = Field(description="what a unit is worth")
    currency: Currency = "USD"
    period: Literal["day", "week", "month"] = Field(
        "month", description="how long a declared count runs"
    )
    source: str = Field(description="where the value of a unit comes from")
    approved_by: Name = Field(description="the Team that answers for the value")
    workload: Name | None = Field(None, description="the Workload it belongs to; or a model")
    model: Name | None = Field(None, description="the Model whose workloads it belongs to")
    unit_cost: Money | None = Field(
        None, description="what a unit will cost in production; none: what it costs now"
    )
    alpha: float = Field(
        1 - PROMOTED_FROM, gt=0, le=0.5,
        description="share of worthless experiments that may be promoted, however often one looks",
    )  # fmt: skip
    counts: list[OutcomeCount] = Field([], description="for counted: declared")

    @model_validator(mode="after")
    def _belongs_and_is_counted(self) -> "OutcomeSpec":
        if (self.workload is None) == (self.model is None):
            msg = "an outcome belongs to a workload or to a model; name one of the two"
            raise ValueError(msg)
        if (self.counted is Counted.DECLARED) != bool(self.counts):
            msg = "counted: declared and counts go together; write both or neither"
            raise ValueError(msg)
        return self


class Verdict(StrEnum):
    PROMOTE = "promote"
    SUNSET = "sunset"
    GO_ON = "go on"
    NO_VALUE = "no stated value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """All that is known of one experiment when it is judged."""

    workload: str
    owner: str | None
    stage: str
    outcome: str | None  # name of the Outcome; None: no stated value
    alpha: float
    least: int = LEAST_WEEKS  # periods, before anything is said
    net: tuple[float, ...] = ()  # value - cost of each whole week (or declared period), in order
    value: Decimal | None = None  # of all of them
    cost: Decimal | None = None  # fully allocated, of the same time; in production where declared
    currency: str | None = None
    volume: float | None = None
    quiet_days: int | None = None  # since the last request or commit; None: nobody counts them
    gates_pass: bool | None = None  # None: not known, which is not passed
    artefact: str | None = None  # what to keep of it: digest or address
    spent: Decimal | None = None  # in the month that is looked at
    budget: Decimal | None = None  # what it may cost in all, as declared
    spent_in_all: Decimal | None = None  # of all months; None: not known in the budget's currency
    note: str | None = None  # why nothing can be said, where that is so


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What to do with an experiment, and every figure it rests on."""

    trial: Trial
    verdict: Verdict
    probability: float | None  # P(net benefit > 0), as of these periods
    evidence_for: float | None  # always-valid: under a worthless one rarely ever over 1 / alpha
    evidence_against: float | None
    needed: float  # 1 / alpha
    why: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentsReport:
    """Every experiment with its verdict, those to decide on first."""

    rule: str
    snapshot: str
    why: str
    month: str
    rows: list[Judgement] = field(default_factory=list)
