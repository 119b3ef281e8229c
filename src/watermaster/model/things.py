"""Native things as they were seen last, with what they cost, what they used, and whose they are."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from watermaster.model.behaviour import Behaviour
from watermaster.model.outcomes import Trial

DELETED: Final = "deleted"  # the state of what a watch saw go
STANDING: Final = frozenset({
    "node", "partition", "qos", "slurm-account", "reservation", "namespace", "network-policy",
    "experiment", "model-version",
})  # fmt: skip
INACTIVE_RATIO: Final = 0.05  # utilisation under which a GPU is not used
MEASURED_RATIO: Final = 0.9  # of the reserved time must have a utilisation
DELIVERING_DAYS: Final = 60  # so long without a request or reader: nothing is delivered


_BARE: Final = re.compile(r"^arn:aws[\w-]*:(?:ec2:[^:]*:\d*:(?:instance|volume)/|s3:::)([^/]+)$")


def billed_as(resource_id: str) -> str:
    """One spelling of an id that bills and interfaces of one provider spell in different ways.

    AWS bills machines, disks and buckets by their bare id; Azure minds no case.

    >>> billed_as("arn:aws:ec2:eu-central-1:1:volume/vol-0a"), billed_as("/subscriptions/A/X")
    ('vol-0a', '/subscriptions/a/x')
    """
    if resource_id.lower().startswith("/subscriptions/"):
        return resource_id.lower()
    bare = _BARE.match(resource_id)
    return bare[1] if bare else resource_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One native thing: a pod, a job, a volume, an endpoint. Moments are UTC."""

    source: str
    platform: str
    kind: str
    uid: str
    name: str | None = None
    namespace: str | None = None
    account: str | None = None
    creator: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    parent_uid: str | None = None
    first_seen: dt.datetime
    last_seen: dt.datetime
    resource_id: str | None = None
    state: str | None = None
    created_at: dt.datetime | None = None
    last_used: dt.datetime | None = None
    gpus: int | None = None
    accelerator: str | None = None
    bytes: int | None = None
    artefact: str | None = None
    model: str | None = None
    uses: tuple[str, ...] = ()
    workload: str | None = None  # as selectors say
    team: str | None = None
    is_ambiguous: bool = False  # two equal selectors
    reserved_s: int = 0  # GPU-seconds in the month
    measured_s: int = 0  # of these, with a utilisation
    used_s: int = 0  # GPU-seconds x utilisation
    busiest: float | None = None  # highest mean utilisation of an hour, 0..1
    tensor_ratio: float | None = None  # mean tensor core activity; None: not measured
    dram_ratio: float | None = None  # mean device memory activity; None: not measured
    held_hours: int = 0  # hours in which it held an accelerator
    span_hours: int = 0  # from the first of these to the last, but for days it held none
    last_held: dt.datetime | None = None  # the last of these
    p95: float | None = None  # of the hours it held: utilisation that 95% of them stay under
    p99: float | None = None
    still_s: int = 0  # GPU-seconds in hours that were never over 5%
    still_day_s: int = 0  # in whole days that were never over 5% and had no request
    still_hours: int = 0  # hours of those days
    memory_bytes: int | None = None  # most device memory held, a GPU; None: not measured
    requests: int | None = None  # in the month; None: not counted
    cost: Decimal | None = None  # EffectiveCost in the month; None: unknown

    @property
    def is_work(self) -> bool:
        """Whether it does something: that an account or a node is there tells of no work."""
        return self.kind not in STANDING

    @property
    def waits(self) -> bool:
        """Whether it is a job that stands in a queue, which its scheduler can hold back."""
        return (self.kind, self.state) == ("slurm-job", "pending")

    @property
    def place(self) -> str:
        """As people name it: kind/platform/uid."""
        return "/".join(part for part in (self.kind, self.platform, self.uid) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """A billed resource to which no rule gave an owner."""

    resource_id: str
    service: str | None
    account: str | None
    region: str | None
    first: dt.datetime
    last: dt.datetime
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadUse:
    """What one declared workload cost and did in the month."""

    workload: str
    cost: Decimal
    last_seen: dt.datetime | None  # of anything it runs; None: never
    runs: int
    requests: int | None
    behaviour: Behaviour | None = None  # None: nothing of it held a GPU or answered requests
    daily: Mapping[dt.date, Decimal] = field(default_factory=dict)  # the cost by day of use
    asked: int | None = None  # requests of the last 60 days; None: nobody counts them
    asked_days: int = 0  # of those 60, on how many they were counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that rules of the estate look at, of one month, at one moment."""

    month: str
    now: dt.datetime
    currency: str | None
    things: list[Thing] = field(default_factory=list)
    unclaimed: list[Unclaimed] = field(default_factory=list)
    workloads: list[WorkloadUse] = field(default_factory=list)
    account_teams: Mapping[str, tuple[str, float]] = field(default_factory=dict)  # most cost, share
    told_until: Mapping[str, dt.datetime] = field(default_factory=dict)  # source to its newest data
    silent: frozenset[str] = frozenset()  # sources with a gap: nothing follows from their silence
    trials: tuple[Trial, ...] = ()  # what is known of every experiment
