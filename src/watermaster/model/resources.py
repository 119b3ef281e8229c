"""What people declare: one pydantic record per kind, Kubernetes-shaped.

`apiVersion: watermaster/v1`, `kind`, `metadata {name, owner, labels, validFrom}`, `spec`.
A new kind is one record here and one line in `KINDS`. YAML keys are camelCase, fields snake_case.
"""

import datetime as dt
import difflib
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

API_VERSION: Final = "watermaster/v1"
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Day = dt.date
Money = Annotated[Decimal, Field(ge=0, max_digits=28, decimal_places=15)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


def _in_utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        near = difflib.get_close_matches(name, sorted(available_timezones()), 1, 0.6)
        msg = f"{name!r} is no time zone; write {near[0] if near else 'e.g. Europe/Berlin'}"
        raise ValueError(msg) from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class Record(BaseModel):
    """Base of all declared records: frozen, camelCase in YAML, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Metadata(Record):
    """Who and since when."""

    name: Name
    owner: Name | None = Field(None, description="the Team that answers for it")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    valid_from: Annotated[dt.datetime, AfterValidator(_in_utc)] | None = Field(
        None, description="UTC; default: the beginning at the first apply, later the apply itself"
    )


class Selector(Record):
    """All terms must hold. One Selector is one way to recognise a thing; a list is any of them.

    Classes, the strongest first: id (resourceId, uid), label, namespace or account, tag.
    """

    resource_id: str | None = Field(None, description="exact ResourceId of the bill")
    uid: str | None = Field(None, description="exact native uid, e.g. namespace/pod")
    labels: dict[str, str] = Field({}, description="labels of the native thing, exact")
    platform: str | None = Field(None, description="platform as its source names it")
    namespace: str | None = Field(None, description="Kubernetes namespace")
    account: str | None = Field(None, description="SubAccountId or BillingAccountId; Slurm account")
    name: str | None = Field(None, description="job or pod name, exact")
    user: str | None = Field(None, description="who created the native thing")
    provider: str | None = Field(None, description="ProviderName of the bill")
    service: str | None = Field(None, description="ServiceName of the bill")
    region: str | None = Field(None, description="RegionId of the bill")
    tags: dict[str, str] = Field({}, description="bill tags, exact; each key becomes a column")

    @model_validator(mode="after")
    def _has_a_term(self) -> "Selector":
        if not self.terms:
            msg = "a selector without terms would match everything; write at least one term"
            raise ValueError(msg)
        return self

    @property
    def terms(self) -> dict[str, str]:
        """Term key to value; labels and tags as `label:KEY` and `tag:KEY`."""
        plain = self.model_dump(exclude_none=True, exclude={"labels", "tags"})
        named = {f"label:{k}": v for k, v in self.labels.items()}
        return plain | named | {f"tag:{k}": v for k, v in self.tags.items()}


class SourceType(StrEnum):
    FOCUS = "focus"
    PROMETHEUS = "prometheus"
    SLURM = "slurm"
    OPENSHIFT = "openshift"
    USAGE = "usage"


class Delivery(StrEnum):
    WHOLE_MONTH = "whole-month"
    PARTS = "parts"


class SourceSpec(Record):
    """Where facts come from."""

    type: SourceType
    location: str = Field(description="file, folder, glob, s3://, abfs:// or http:// address")
    platform: str | None = Field(None, description="platform name given to what it sees")
    account: str | None = None
    currency: Currency | None = Field(None, description="for bills without BillingCurrency")
    time_zone: TimeZone = "UTC"
    delivery: Delivery = Delivery.WHOLE_MONTH
    date_format: str | None = Field(None, description="strptime format for ambiguous dates")
    settling_hours: int = Field(72, ge=0, description="hours after month end until it is settled")
    schedule: str | None = Field(
        None, pattern=r"^\S+( \S+){4}$", description="cron expression for wm sync"
    )
    step_seconds: int = Field(60, gt=0, description="sampling step of telemetry")
    options: dict[str, str] = {}


class TeamSpec(Record):
    """People by role, and where their cost goes."""

    unit: str = Field(description="business unit")
    cost_center: str | None = None
    contacts: dict[str, str] = Field({}, description="role to address, never a person's name")
    selectors: list[Selector] = Field([], description="charges that are the team's own")


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class PlatformSpec(Record):
    """A place that can run work."""

    type: Literal["kubernetes", "slurm", "ray", "local", "cloud"]
    provider: str | None = None
    account: str | None = None
    region: str | None = None
    country: str | None = Field(None, pattern="^[A-Z]{2}$")
    environment: Environment | None = None
    isolation: Literal["shared", "dedicated", "air-gapped"] = "shared"
    trust_boundary: str | None = None
    seen_as: list[str] = Field([], description="names under which sources report it")


class Capex(Record):
    """Straight line: (amount - residual) spread over the days of `months` from `from`."""

    amount: Money
    residual: Money = Decimal(0)
    start: Day = Field(alias="from")
    months: int = Field(gt=0, le=240)

    @model_validator(mode="after")
    def _residual_is_a_part(self) -> "Capex":
        if self.residual > self.amount:
            msg = f"residual {self.residual} is over the amount {self.amount}; write less"
            raise ValueError(msg)
        return self


class Tariff(Record):
    """Price of a kilowatt-hour in some hours of the local day; the first that holds counts."""

    price_per_kwh: Money
    hours: list[Annotated[int, Field(ge=0, le=23)]] | None = Field(
        None, min_length=1, description="local hours 0..23; none: all"
    )


class Power(Record):
    """Energy x PUE x tariff. Measured joules where telemetry has them, else rated watts."""

    rated_watts_per_gpu: Decimal = Field(gt=0, description="whole server share, at full load")
    pue: Decimal = Field(Decimal("1.0"), ge=1)
    tariff: list[Tariff] = Field(min_length=1)
    time_zone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _every_hour_has_a_price(self) -> "Power":
        priced = {hour for tariff in self.tariff for hour in tariff.hours or range(24)}
        left = [str(hour) for hour in range(24) if hour not in priced]
        if left:
            msg = f"tariff has no price for the hours {', '.join(left)}; add one without hours"
            raise ValueError(msg)
        return self


class PerMonth(Record):
    """A fixed amount a calendar month, spread over its days."""

    per_month: Money


PARTS: Final = ("capex", "power", "space", "staff")


class PoolCost(Record):
    """Each component EITHER from bills OR declared, never both."""

    bills: list[Selector] = Field([], description="bill rows that are this pool's cost")
    covers: list[Literal["capex", "power", "space", "staff"]] = Field(
        [], description="which components the bills carry; those may not be declared too"
    )
    capex: Capex | None = None
    power: Power | None = None
    space: PerMonth | None = None
    staff: PerMonth | None = None
    currency: Currency = "USD"

    @model_validator(mode="after")
    def _never_both(self) -> "PoolCost":
        both = [part for part in self.covers if getattr(self, part) is not None]
        if both:
            msg = f"{', '.join(both)}: from bills and declared; keep one of the two"
            raise ValueError(msg)
        if self.covers and not self.bills:
            msg = "covers names components but there are no bills; add bills: [selector]"
            raise ValueError(msg)
        declared = [part for part in PARTS if getattr(self, part) is not None]
        if self.bills and declared and not self.covers:
            msg = (
                f"bills are there beside a declared {', '.join(declared)}; "
                "say in covers which components the bills carry"
            )
            raise ValueError(msg)
        return self


class PoolSpec(Record):
    """Accelerators of one type on a Platform. `metadata.owner` pays for what lies idle."""

    platform: Name
    accelerator: str = Field(description="e.g. H100, L40S")
    count: int = Field(gt=0, description="accelerators when complete")
    gpus_per_node: int = Field(8, gt=0)
    nodes: list[str] = Field([], description="node names, shell patterns; none: all of platform")
    partitions: list[str] = Field([], description="partitions or node pools as seen")
    node_resources: dict[str, str] = Field(
        {}, description="node name to the ResourceId its bill carries (provider id)"
    )
    purchase: Literal["owned", "commitment", "on-demand", "spot"] = "owned"
    supply: Literal["observed", "declared"] = Field(
        "observed", description="declared: count x time is taken as supplied, and marked so"
    )
    weights: dict[str, int] = Field(
        {}, description="GPU model to relative weight of its GPU-second, where a node has several"
    )
    cost: PoolCost = PoolCost()


class Classification(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    HEALTH = "health"


class DatasetSpec(Record):
    """Data, where it lies and what may be done with it."""

    locations: list[str] = Field([], description="bucket, prefix or ResourceId")
    bytes: int | None = Field(None, ge=0)
    digest: str | None = None
    classification: Classification = Classification.INTERNAL
    legal_basis: str | None = None
    countries: list[str] = []
    retention_days: int | None = Field(None, gt=0)


class ModelSpec(Record):
    """A model, an API model, an agent or an MCP tool."""

    purpose: str
    base_model: str | None = None
    risk_class: Literal["minimal", "limited", "high", "prohibited"] | None = None
    licence: str | None = None
    intended_use: str | None = None
    served_by: str | None = Field(None, description="provider, for models behind an API")
    data_classes: list[Classification] = []


class Purpose(StrEnum):
    DATA_PREPARATION = "data-preparation"
    TRAINING = "training"
    FINE_TUNING = "fine-tuning"
    EVALUATION = "evaluation"
    BATCH_INFERENCE = "batch-inference"
    ONLINE_INFERENCE = "online-inference"
    EXPERIMENT = "experiment"


class Accelerators(Record):
    """One alternative a workload can run on."""

    accelerator: str
    count: int = Field(gt=0)


class WorkloadSpec(Record):
    """Work with a purpose and an owner, and the selectors that recognise it."""

    purpose: Purpose
    stage: Literal["idea", "experiment", "pilot", "production", "retired"] = "production"
    environment: Environment | None = None
    project: str | None = None
    business_value: str | None = None
    risk: Literal["low", "medium", "high"] | None = None
    end_date: Day | None = None
    model: Name | None = None
    datasets: list[Name] = []
    accelerators: list[Accelerators] = Field([], description="alternatives, the preferred first")
    selectors: list[Selector] = []


class SplitBy(StrEnum):
    EVEN = "even"
    COST = "cost"
    USAGE = "usage"
    FIXED = "fixed"


class AllocationRuleSpec(Record):
    """A shared cost and how it is spread."""

    match: list[Selector] = Field(min_length=1)
    split: SplitBy
    figure: Literal["reserved_s", "used_s", "bytes"] = Field(
        "reserved_s", description="for split: usage"
    )
    to: list[Name] = Field([], description="workloads or teams; none: all workloads with cost")
    shares: dict[Name, Decimal] = Field({}, description="for split: fixed; they sum to 1")
    to_kind: Literal["workload", "team"] = "team"
    until: Day | None = Field(None, description="first day on which the rule no longer holds")

    @model_validator(mode="after")
    def _shares_fit(self) -> "AllocationRuleSpec":
        if (self.split is SplitBy.FIXED) != bool(self.shares):
            msg = "split: fixed and shares go together; write both or neither"
            raise ValueError(msg)
        if self.shares and sum(self.shares.values()) != 1:
            msg = f"shares sum to {sum(self.shares.values())}; make them sum to exactly 1"
            raise ValueError(msg)
        if self.split is SplitBy.EVEN and not self.to:
            msg = "split: even needs to; list the teams or workloads"
            raise ValueError(msg)
        return self


class TagRule(Record):
    """One tag key and the values it may have."""

    key: str
    required: bool = False
    values: list[str] = Field([], description="allowed values; none: any")
    aliases: list[str] = Field([], description="other spellings of the key, reported not repaired")


class TagPolicySpec(Record):
    """Tag keys that matter; each becomes a column `tag_<snake_key>`."""

    tags: list[TagRule] = Field(min_length=1)
    condition: str | None = Field(None, description="CEL expression, for later work")

    @model_validator(mode="after")
    def _each_spelling_once(self) -> "TagPolicySpec":
        spellings = [word for rule in self.tags for word in (rule.key, *rule.aliases)]
        twice = sorted({word for word in spellings if spellings.count(word) > 1})
        if twice:
            msg = f"tags name {', '.join(twice)} more than once; keep each key and alias once"
            raise ValueError(msg)
        return self


class Price(Record):
    """One list price."""

    sku: str
    unit: str = Field(description="e.g. GPU-hour, GB-month, GB")
    price: Money
    region: str | None = None


class ExchangeRate(Record):
    """How much one unit of `currency` was worth on `day`."""

    day: Day
    currency: Currency
    rate: Decimal = Field(gt=0, max_digits=18, decimal_places=9)


class PriceSheetSpec(Record):
    """Prices, and exchange rates into `currency`, from a named source."""

    currency: Currency = "USD"
    source: str = Field(description="who published it")
    prices: list[Price] = []
    rates: list[ExchangeRate] = []


class CommitmentSpec(Record):
    """Money promised for a term. Only what no FOCUS bill carries is amortised from here."""

    provider: str
    commitment_id: str = Field(description="CommitmentDiscountId in bills, or the contract's")
    billed: bool = Field(default=True, description="false: no FOCUS bill carries its cost")
    pool: Name | None = None
    start: Day = Field(alias="from")
    months: int = Field(gt=0, le=120)
    upfront: Money = Decimal(0)
    per_month: Money = Decimal(0)
    currency: Currency = "USD"
    notice_days: int | None = Field(None, ge=0)


KINDS: Final[dict[str, type[Record]]] = {
    "Source": SourceSpec,
    "Team": TeamSpec,
    "Platform": PlatformSpec,
    "Pool": PoolSpec,
    "Dataset": DatasetSpec,
    "Model": ModelSpec,
    "Workload": WorkloadSpec,
    "AllocationRule": AllocationRuleSpec,
    "TagPolicy": TagPolicySpec,
    "PriceSheet": PriceSheetSpec,
    "Commitment": CommitmentSpec,
}


class Resource(Record):
    """One declared document, checked. `spec` is the record of its kind.

    A document of another language (OpenSLO) stands here untouched: `spec` is the whole document.
    """

    api_version: str = API_VERSION
    kind: str
    metadata: Metadata
    spec: Any

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name: what a resource is known by."""
        return self.kind, self.metadata.name

    def says_the_same(self, other: "Resource") -> bool:
        """Whether two resources differ in nothing but since when they hold."""
        return _timeless(self) == _timeless(other)


class ResourceVersion(Record):
    """A resource as it holds in [valid_from, valid_to), known since `recorded_at`."""

    resource: Resource
    valid_from: dt.datetime | None = Field(None, description="None: from the beginning")
    valid_to: dt.datetime | None = Field(None, description="None: until further notice")
    recorded_at: dt.datetime
    file: str = Field("", description="where it was declared, relative to the home's parent")


def load_resource(document: Mapping[str, Any]) -> Resource:
    """A checked resource from its document; pydantic's ValidationError when it is none."""
    found = Resource.model_validate(document)
    record = KINDS.get(found.kind) if found.api_version == API_VERSION else None
    if record is None:
        return found
    return found.model_copy(update={"spec": record.model_validate(found.spec)})


def store_resource(resource: Resource) -> dict[str, Any]:
    """The whole document with every default, so that a later default changes no history."""
    return resource.model_dump(mode="json", by_alias=True)


def written_resource(resource: Resource) -> dict[str, Any]:
    """The document as a person would write it: what is as by default is left out."""
    if resource.api_version != API_VERSION:
        return dict(resource.spec)
    written = resource.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"apiVersion": API_VERSION} | written | {"spec": written.get("spec", {})}


def _timeless(resource: Resource) -> tuple[Any, ...]:
    metadata = resource.metadata.model_copy(update={"valid_from": None})
    return resource.api_version, resource.kind, metadata, resource.spec
