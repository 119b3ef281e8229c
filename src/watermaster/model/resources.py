"""What people declare: one pydantic record per kind, Kubernetes-shaped.

`apiVersion: watermaster/v1`, `kind`, `metadata {name, owner, labels, validFrom}`, `spec`.
A new kind is one record here and one line in `KINDS`. YAML keys are camelCase, fields snake_case.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from watermaster.model.acts import TargetSpec
from watermaster.model.behaviour import Profile
from watermaster.model.channels import ChannelSpec
from watermaster.model.gates import GateSpec
from watermaster.model.identity import Member
from watermaster.model.outcomes import OutcomeSpec
from watermaster.model.pools import PoolSpec
from watermaster.model.record import Currency, Day, Money, Name, Record, Selector, TimeZone
from watermaster.model.tagging import EVERY, Inherit, TagRepairSpec, VirtualTagSpec
from watermaster.units.schedule import check_schedule

API_VERSION: Final = "watermaster/v1"


def _in_utc(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


class Metadata(Record):
    """Who and since when."""

    name: Name
    owner: Name | None = Field(None, description="the Team that answers for it")
    labels: dict[str, str] = Field({})
    annotations: dict[str, str] = Field({})
    valid_from: Annotated[dt.datetime, AfterValidator(_in_utc)] | None = Field(
        None, description="UTC; default: the beginning at the first apply, later the apply itself"
    )


class SourceType(StrEnum):
    FOCUS = "focus"
    PROMETHEUS = "prometheus"
    SLURM = "slurm"
    OPENSHIFT = "openshift"
    KUBERNETES = "kubernetes"
    MLFLOW = "mlflow"
    RAY = "ray"
    USAGE = "usage"
    AWS = "aws"
    AZURE = "azure"
    STORE = "store"
    ACCESS_LOG = "access-log"
    OTLP = "otlp"
    BEDROCK = "bedrock"
    AZURE_OPENAI = "azure-openai"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    LITELLM = "litellm"
    AWS_CUR = "aws-cur"
    AZURE_COST = "azure-cost"


class Delivery(StrEnum):
    WHOLE_MONTH = "whole-month"
    PARTS = "parts"


BILLS: Final = frozenset({SourceType.FOCUS, SourceType.AWS_CUR, SourceType.AZURE_COST})


LATE_DAYS: Final = 2.0  # how late a received point may come, where its Source says nothing


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
    schedule: Annotated[str, AfterValidator(check_schedule)] | None = Field(
        None, description="cron expression in the time zone; wm sync and wm serve pull by it"
    )
    step_seconds: int = Field(60, gt=0, description="sampling step of telemetry")
    options: dict[str, str] = Field({})


class TeamSpec(Record):
    """People by role, and where their cost goes."""

    unit: str = Field(description="business unit")
    cost_center: str | None = None
    contacts: dict[str, str] = Field({}, description="role to address, never a person's name")
    members: list[Member] = Field([], description="who may do what with what the team owns")
    until: Day | None = Field(None, description="first day on which the team is no more")
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
    until: Day | None = Field(None, description="first day on which it is no more")


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
    countries: list[str] = Field([])
    retention_days: int | None = Field(None, gt=0)
    until: Day | None = Field(None, description="first day on which it is no more")


class ModelSpec(Record):
    """A model, an API model, an agent or an MCP tool."""

    purpose: str
    base_model: str | None = None
    risk_class: Literal["minimal", "limited", "high", "prohibited"] | None = None
    licence: str | None = None
    intended_use: str | None = None
    served_by: str | None = Field(
        None, description="platform of the source that counts its requests, for what an API serves"
    )
    seen_as: list[str] = Field([], description="names the API gives it; none: all it serves")
    billed: list[Selector] = Field([], description="charges for its use, split by measured tokens")
    data_classes: list[Classification] = Field([])
    until: Day | None = Field(None, description="first day on which it is no more")

    @model_validator(mode="after")
    def _is_measured_where_it_is_billed(self) -> "ModelSpec":
        if self.billed and self.served_by is None:
            msg = "billed needs servedBy; name the platform of the source that counts its requests"
            raise ValueError(msg)
        return self


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


class WorkBudget(Record):
    """What a piece of work may cost in all."""

    amount: Money
    currency: Currency = "USD"


class WorkloadSpec(Record):
    """Work with a purpose and an owner, and the selectors that recognise it."""

    purpose: Purpose
    stage: Literal["idea", "experiment", "pilot", "production", "retired"] = "production"
    environment: Environment | None = None
    project: str | None = None
    business_value: str | None = None
    risk: Literal["low", "medium", "high"] | None = None
    profile: Profile | None = Field(None, description="what it asks most of an accelerator")
    end_date: Day | None = Field(None, description="its last day; an experiment must have one")
    budget: WorkBudget | None = Field(
        None, description="what it may cost in all; an experiment must have one"
    )
    model: Name | None = None
    datasets: list[Name] = Field([])
    accelerators: list[Accelerators] = Field([], description="alternatives, the preferred first")
    selectors: list[Selector] = Field([])


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
    aliases: list[str] = Field(
        [], description="other spellings of the key; wm tag fix proposes them"
    )
    inherit: list[Inherit] = Field(
        EVERY, description="whose labels may give it where a charge has none; [] for nobody's"
    )


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
    prices: list[Price] = Field([])
    rates: list[ExchangeRate] = Field([])


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
    "TagRepair": TagRepairSpec,
    "VirtualTag": VirtualTagSpec,
    "PriceSheet": PriceSheetSpec,
    "Commitment": CommitmentSpec,
    "Target": TargetSpec,
    "Channel": ChannelSpec,
    "Outcome": OutcomeSpec,
    "Gate": GateSpec,
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
