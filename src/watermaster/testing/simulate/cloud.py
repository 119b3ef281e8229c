"""What the clouds bill: every billed thing and its amount of every day, in micro-dollars."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from watermaster.testing.simulate.calendar import Calendar
from watermaster.testing.simulate.company import Cluster, Company, Workload

MICRO: Final = 1_000_000
GB: Final = 10**9
WHOLE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One billed thing. Costs are parts per thousand of the list amount."""

    provider: str
    id: str
    service: str
    group: str  # FOCUS ServiceCategory
    unit: str = "Hours"
    type: str = ""
    sku: str = ""
    meter: str = ""
    description: str = ""
    region: str = ""
    account: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    workload: str | None = None
    category: str = "Usage"
    klass: str = ""
    frequency: str = "Usage-Based"
    pricing: str = "Standard"
    commitment: str = ""
    status: str = ""
    billed: int = WHOLE
    effective: int = WHOLE
    contracted: int = WHOLE
    hourly: bool = False
    unit_price: int = MICRO


@dataclass
class Bill:
    """Lines and, for each, list amounts of every day; 0 where `billed_on` is False."""

    lines: list[Line] = field(default_factory=list)
    daily: list[np.ndarray] = field(default_factory=list)
    billed_on: list[np.ndarray] = field(default_factory=list)

    def add(self, line: Line, daily: np.ndarray, billed_on: np.ndarray | None = None) -> None:
        """One more thing on the bill."""
        on = daily != 0 if billed_on is None else billed_on
        self.lines.append(line)
        self.daily.append(np.where(on, daily, 0).astype(np.int64))
        self.billed_on.append(on)

    def of(self, name: str, number: int, days: Sequence[int] | None = None) -> int:
        """One cost of one line over some days (none: all), in micro-dollars."""
        daily = self.daily[number] if days is None else self.daily[number][list(days)]
        return int(share(daily, getattr(self.lines[number], name)).sum())


def share(amounts: np.ndarray, thousandths: int) -> np.ndarray:
    """A part of each amount, in whole micro-dollars; the same for truth and bill."""
    return amounts * thousandths // WHOLE


_AWS_GPU: Final = {8: ("p4d.24xlarge", 32_772_600), 4: ("g5.12xlarge", 5_672_000),
                   1: ("g5.2xlarge", 1_212_000)}  # fmt: skip
_AZURE_GPU: Final = {8: ("Standard_ND96isr_H100_v5", 98_320_000), 4: ("Standard_NC96ads_A100_v4",
                     14_692_000), 1: ("Standard_NV36ads_A10_v5", 3_200_000)}  # fmt: skip
_P5_PER_HOUR: Final = 55_040_000
_PLAIN: Final = {
    "aws": (
        ("Amazon Simple Storage Service", "Storage", "GB-Mo", "TimedStorage-ByteHrs", 61),
        ("Amazon Relational Database Service", "Databases", "Hours", "InstanceUsage:db.r6g", 48),
        ("Amazon Elastic Block Store", "Storage", "GB-Mo", "EBS:VolumeUsage.gp3", 22),
        ("AmazonCloudWatch", "Management and Governance", "Metrics", "CW:MetricMonitorUsage", 9),
    ),
    "azure": (
        ("Storage Accounts", "Storage", "1 GB/Month", "Hot LRS Data Stored", 44),
        ("Azure SQL Database", "Databases", "1 Hour", "vCore", 52),
        ("Azure Monitor", "Management and Governance", "1 GB", "Data Ingestion", 8),
    ),
}


class Maker:
    """Makes lines with ids of their own; keeps dice and calendar at hand."""

    def __init__(self, dice: np.random.Generator, company: Company, when: Calendar) -> None:
        self.dice, self.company, self.when = dice, company, when
        self.units = {team.name: team.unit for team in company.teams}
        self.bill = Bill()

    def hex(self, length: int) -> str:
        return "".join(f"{n:x}" for n in self.dice.integers(0, 16, length))

    def noisy(self, per_day: int) -> np.ndarray:
        """Much the same every day, slowly growing, weekends a little lower."""
        days = np.arange(self.when.days)
        level = per_day * (1 + days / 2400) * np.where(days % 7 < 5, 1.0, 0.93)
        return (level * self.dice.uniform(0.94, 1.06, len(days))).astype(np.int64)

    def account(self, provider: str, team: str) -> tuple[str, str]:
        """Account or subscription of the team's unit, and a region."""
        number = sorted(set(self.units.values())).index(self.units[team]) + 1
        if provider == "aws":
            return f"7{number:02d}418230{number:03d}", "eu-central-1"
        return f"6f1c0a2e-0000-4000-8000-{number:012d}", "westeurope"

    def machine(self, provider: str, team: str, gpus: int) -> Line:
        """A GPU instance, not tagged yet."""
        kind, price = (_AWS_GPU if provider == "aws" else _AZURE_GPU)[gpus]
        account, region = self.account(provider, team)
        service = "Amazon Elastic Compute Cloud" if provider == "aws" else "Virtual Machines"
        return Line(
            provider=provider, id=self.resource(provider, account, region, "vm"), service=service,
            group="Compute", type=kind, sku=f"{provider}-{kind}", meter=f"BoxUsage:{kind}",
            description=f"{kind} Linux per hour", region=region, account=account,
            effective=870, contracted=900, billed=870, unit_price=price,
        )  # fmt: skip

    def resource(self, provider: str, account: str, region: str, what: str) -> str:
        if provider == "aws":
            name = f"instance/i-{self.hex(17)}" if what == "vm" else f"{what}-{self.hex(8)}"
            return f"arn:aws:ec2:{region}:{account}:{name}"
        folder = "virtualMachines" if what == "vm" else what
        return f"/subscriptions/{account}/resourceGroups/rg-ml/{folder}/{what}-{self.hex(8)}"


def plan_bills(dice: np.random.Generator, company: Company, when: Calendar) -> Maker:
    """The ordinary bills: workloads' machines and services, pool nodes, support, tax, credits."""
    make = Maker(dice, company, when)
    for work in [*company.at("aws"), *company.at("azure")]:
        for line, daily in _of_workload(make, work):
            make.bill.add(line, daily)
    for cluster in company.clusters:
        if cluster.is_billed:
            _nodes(make, cluster)
    _stored(make)
    for provider in ("aws", "azure"):
        _common(make, provider)
    return make


def tags_of(work: Workload) -> dict[str, str]:
    """How a disciplined team tags."""
    return {"workload": work.name, "team": work.team, "environment": "production"}


def _of_workload(make: Maker, work: Workload) -> Iterator[tuple[Line, np.ndarray]]:
    tags = tags_of(work)
    if work.gpus:
        for _ in range(1 + int(make.dice.integers(2))):
            line = make.machine(work.place, work.team, work.gpus)
            hours = int(make.dice.integers(5, 22))
            yield tagged(line, tags, work.name), make.noisy(line.unit_price * hours)
    account, region = make.account(work.place, work.team)
    for service, group, unit, meter, per_day in _PLAIN[work.place]:
        what = meter.split(":")[0].split(" ")[0].lower()
        line = Line(
            provider=work.place, id=make.resource(work.place, account, region, what),
            service=service, group=group, unit=unit, sku=f"{work.place}-{what}", meter=meter,
            description=f"{service} {meter}", region=region, account=account,
            billed=950, effective=950, contracted=950, unit_price=23_000,
        )  # fmt: skip
        amount = int(per_day * MICRO * make.dice.uniform(0.4, 3.0))
        yield tagged(line, tags, work.name), make.noisy(amount)


def tagged(line: Line, tags: Mapping[str, str], workload: str | None) -> Line:
    """The line with tags and the workload it is truly of."""
    kept = {name: getattr(line, name) for name in Line.__dataclass_fields__}
    return Line(**kept | {"tags": dict(tags), "workload": workload})


def _corrected(line: Line) -> Line:
    kept = {name: getattr(line, name) for name in Line.__dataclass_fields__}
    own = {"klass": "Correction", "description": "refund of hours billed in error"}
    return Line(**kept | own | {"effective": WHOLE, "billed": WHOLE, "contracted": WHOLE})


def _nodes(make: Maker, cluster: Cluster) -> None:
    """Instances that are nodes of a cluster: billed by the hour, split by what ran on them."""
    for number, _ in enumerate(cluster.nodes):
        account, region = make.account("aws", cluster.owner)
        line = Line(
            provider="aws", id=f"arn:aws:ec2:{region}:{account}:instance/{node_id(number)}",
            service="Amazon Elastic Compute Cloud", group="Compute", type="p5.48xlarge",
            sku="aws-p5.48xlarge", meter="BoxUsage:p5.48xlarge", region=region, account=account,
            description="p5.48xlarge Linux per hour", tags={"cluster": cluster.name},
            hourly=True, effective=620, billed=620, contracted=620, unit_price=_P5_PER_HOUR,
        )  # fmt: skip
        make.bill.add(line, np.full(make.when.days, 24 * _P5_PER_HOUR))


def node_id(number: int) -> str:
    """The instance id of a cluster's node."""
    return f"i-0f5e{number + 1:013x}"


def _stored(make: Maker) -> None:
    """What the datasets' buckets cost."""
    for held in make.company.datasets:
        account, region = make.account("aws", held.owner)
        line = Line(
            provider="aws", id=held.arn, service="Amazon Simple Storage Service", group="Storage",
            unit="GB-Mo", sku="aws-s3", meter="TimedStorage-ByteHrs", region=region,
            description="S3 storage, per GB-month", account=account, unit_price=23_000,
        )  # fmt: skip
        make.bill.add(line, np.full(make.when.days, held.size_bytes // GB * 23_000 // 30))


def _common(make: Maker, provider: str) -> None:
    """Support, tax and credits of a provider, once a month on the first or last day."""
    name = "AWS" if provider == "aws" else "Microsoft"
    for what, category, first, amount in (
        ("Support", "Purchase", True, 14_500), ("Tax", "Tax", False, 61_000),
        ("Credits", "Credit", False, -4_200),
    ):  # fmt: skip
        daily = np.zeros(make.when.days, np.int64)
        for month in make.when.months:
            day = make.when.days_of(month)[0 if first else -1]
            daily[day] = int(amount * MICRO * make.dice.uniform(0.95, 1.05))
        line = Line(
            provider=provider, id="", service=f"{name} {what}", group="Other", unit="Unit",
            description=f"{name} {what.lower()} of the month", category=category,
            frequency="Recurring" if first else "One-Time", pricing="",
        )  # fmt: skip
        make.bill.add(line, daily)
    free = Line(
        provider=provider, id="", service=f"{name} Free Tier", group="Other", unit="Requests",
        description="free requests", account=make.account(provider, "platform-ml")[0],
    )  # fmt: skip
    back = np.zeros(make.when.days, np.int64)
    back[int(make.dice.integers(make.when.days))] = -2_150 * MICRO
    billed = next(one for one in make.bill.lines if one.provider == provider and one.workload)
    make.bill.add(_corrected(billed), back)
    nothing = np.zeros(make.when.days, np.int64)
    make.bill.add(free, nothing, np.arange(make.when.days) % 5 == 0)
