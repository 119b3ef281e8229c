"""Who can get a part of a charge: every target of a claim, numbered, with what it stands for.

One version of one owner is one number: where a workload or its team changes, the claim is cut in
time, so that the number alone gives every dimension and no figure joins back.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from watermaster.decide.cost.claims import Claim, Order, bill_claims, subject_claims
from watermaster.decide.cost.match import AMBIGUOUS, NOBODY
from watermaster.model.estate import Estate, holds
from watermaster.model.resources import Resource, ResourceVersion, SplitBy
from watermaster.model.tables import Table, ibis

UNUSED: Final = 2
FIRST_DIRECT: Final = 10
FIRST_SPLIT: Final = 1_000_000  # from here on a charge has several owners: the same at any time,
FIRST_MONTHLY: Final = 2_000_000  # by month,
FIRST_PERIODIC: Final = 3_000_000  # by the charge's own period

DIMENSIONS: Final = (
    "workload", "team", "unit", "cost_center", "model", "dataset", "project", "environment",
    "purpose", "stage", "platform", "pool", "accelerator",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What one number stands for."""

    kind: str
    rule: str
    workload: str | None = None
    team: str | None = None
    unit: str | None = None
    cost_center: str | None = None
    model: str | None = None
    dataset: str | None = None
    project: str | None = None
    environment: str | None = None
    purpose: str | None = None
    stage: str | None = None
    platform: str | None = None
    pool: str | None = None
    accelerator: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """A pool, or one node of it, as one version: what its charges are split over."""

    number: int
    pool: Resource
    node: str | None
    idle: int  # owner numbers of what nobody's work explains
    unmeasured: int
    unhealthy: int
    unowned: int


@dataclass(frozen=True, slots=True)
class Movement:
    """A dataset whose data transfer is split by the bytes each workload moved."""

    dataset: Resource
    fallback: int  # owner number where no movement was seen


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A model behind an API, whose charges are split by the tokens of whoever asked it."""

    model: Resource
    order: Order  # which of its tokens a charge is for
    unmeasured: int  # owner number where no tokens were counted
    unowned: int  # of tokens of nobody's


@dataclass(frozen=True, slots=True)
class Rule:
    """A shared-cost rule and the owner number of each resource it may go to."""

    rule: Resource
    owners: Mapping[str, int]
    fallback: int  # owner number where nobody had any of the figure it goes by


@dataclass
class Targets:
    """All numbers: claims on bills and on native things, owners, scopes, shared rules."""

    bills: list[tuple[Claim, int]] = field(default_factory=list)
    subjects: list[tuple[Claim, int]] = field(default_factory=list)
    owners: dict[int, Owner] = field(default_factory=dict)
    scopes: dict[int, Scope] = field(default_factory=dict)
    transfers: dict[int, Movement] = field(default_factory=dict)
    models: dict[int, ModelUse] = field(default_factory=dict)
    rules: dict[int, Rule] = field(default_factory=dict)

    def owner_table(self) -> Table:
        """owner, kind, rule and the dimensions; one row per number."""
        rows = [{"owner": number} | asdict(owner) for number, owner in self.owners.items()]
        schema = {"owner": "int32"} | dict.fromkeys(("kind", "rule", *DIMENSIONS), "string")
        return ibis.memtable(rows, schema=ibis.schema(schema))


def number_targets(estate: Estate) -> Targets:
    """Give every target of every claim its numbers."""
    found = Targets()
    found.owners[NOBODY] = Owner(kind="unallocated", rule="no-rule")
    found.owners[AMBIGUOUS] = Owner(kind="unallocated", rule="ambiguous")
    found.owners[UNUSED] = Owner(kind="idle", rule="commitment-unused")
    counter = _Counter()
    teams = _by_name(estate.of("Team"))
    known: dict[tuple[Any, ...], int] = {}
    for claims, numbered in (
        (bill_claims(estate), found.bills),
        (subject_claims(estate), found.subjects),
    ):
        for claim in claims:
            for cut, team in _cut(claim, teams, estate):
                key = (claim.target, cut.start, cut.end)
                if key not in known:
                    known[key] = _number(found, counter, estate, cut, team)
                numbered.append((cut, known[key]))
    return found


@dataclass
class _Counter:
    direct: int = FIRST_DIRECT
    split: int = FIRST_SPLIT
    monthly: int = FIRST_MONTHLY
    periodic: int = FIRST_PERIODIC

    def next(self, kind: str) -> int:
        number: int = getattr(self, kind)
        setattr(self, kind, number + 1)
        return number


def _number(
    found: Targets, counter: _Counter, estate: Estate, claim: Claim, team: Resource | None
) -> int:
    version = claim.version
    match claim.target.kind:
        case "Pool" | "Node":
            number = counter.next("periodic")
            found.scopes[number] = _scope(found, counter, number, claim, team)
        case "Transfer":
            number = counter.next("periodic")
            fallback = counter.next("direct")
            found.owners[fallback] = replace(
                direct_owner(version.resource, team), rule=f"transfer:{claim.target.name}"
            )
            found.transfers[number] = Movement(version.resource, fallback)
        case "tokens-cached" | "tokens-in" | "tokens-out" | "tokens":
            number = counter.next("periodic")
            name = claim.target.name
            nobody = Owner(kind="unmeasured", rule=f"tokens:{name}", model=name)
            owners = (
                nobody,
                replace(nobody, kind="unallocated", rule=f"{nobody.rule}:unowned-use"),
            )
            numbers = []
            for owner in owners:
                numbers.append(counter.next("direct"))
                found.owners[numbers[-1]] = owner
            found.models[number] = ModelUse(version.resource, claim.order, *numbers)
        case "AllocationRule":
            spec = version.resource.spec
            fixed = spec.split in {SplitBy.EVEN, SplitBy.FIXED}
            number = counter.next("split" if fixed else "monthly")
            found.rules[number] = _rule(found, counter, estate, claim)
        case "Purchase":
            number = counter.next("direct")
            name = claim.target.name
            found.owners[number] = replace(
                direct_owner(version.resource, team), kind="direct", rule=f"purchase:{name}"
            )
        case _:
            number = counter.next("direct")
            found.owners[number] = direct_owner(version.resource, team)
    return number


def direct_owner(resource: Resource, team: Resource | None) -> Owner:
    """The owner a Workload, Dataset, Team or Commitment is for what is its own."""
    name, spec = resource.metadata.name, resource.spec
    whose = Owner(
        kind="direct",
        rule=f"selector:{name}",
        team=team.metadata.name if team else resource.metadata.owner,
        unit=team.spec.unit if team else None,
        cost_center=team.spec.cost_center if team else None,
    )
    match resource.kind:
        case "Workload":
            return replace(
                whose, workload=name, model=spec.model, project=spec.project,
                dataset=spec.datasets[0] if len(spec.datasets) == 1 else None,
                environment=spec.environment, purpose=spec.purpose, stage=spec.stage,
            )  # fmt: skip
        case "Dataset":
            return replace(whose, rule=f"dataset:{name}", dataset=name)
        case "Commitment" if not spec.billed:
            return replace(whose, kind="unmeasured", rule=f"commitment:{name}", pool=spec.pool)
        case "Commitment":
            return replace(whose, kind="idle", rule=f"commitment-unused:{name}", pool=spec.pool)
        case _:
            return replace(whose, rule=f"team:{name}")


def _rule(found: Targets, counter: _Counter, estate: Estate, claim: Claim) -> Rule:
    rule = claim.version.resource
    owners = {}
    for name in rule.spec.to or rule.spec.shares:
        kind = "Team" if rule.spec.to_kind == "team" else "Workload"
        resource = estate.at(kind, name, claim.start)
        if resource is not None:
            owners[name] = counter.next("direct")
            team = name if kind == "Team" else resource.metadata.owner
            found.owners[owners[name]] = direct_owner(
                resource, estate.at("Team", team or "", claim.start)
            )
    fallback = counter.next("direct")
    name = rule.metadata.name
    found.owners[fallback] = Owner(kind="unallocated", rule=f"rule:{name}:no-weight")
    return Rule(rule, owners, fallback)


def _scope(
    found: Targets, counter: _Counter, number: int, claim: Claim, team: Resource | None
) -> Scope:
    pool = claim.version.resource
    rule = f"pool:{pool.metadata.name}"
    if pool.spec.supply == "declared":
        rule += ":declared"
    base = Owner(
        kind="idle",
        rule=rule,
        team=team.metadata.name if team else pool.metadata.owner,
        unit=team.spec.unit if team else None,
        cost_center=team.spec.cost_center if team else None,
        platform=pool.spec.platform,
        pool=pool.metadata.name,
        accelerator=pool.spec.accelerator,
    )
    nobody = replace(base, kind="unallocated", team=None, unit=None, cost_center=None)
    states = (
        base,
        replace(base, kind="unmeasured"),
        replace(base, kind="unallocated", rule=f"{rule}:unhealthy"),
        replace(nobody, rule=f"{rule}:unowned-use"),
    )
    numbers = []
    for owner in states:
        numbers.append(counter.next("direct"))
        found.owners[numbers[-1]] = owner
    return Scope(number, pool, claim.target.node, *numbers)


def _cut(
    claim: Claim, teams: Mapping[str, list[ResourceVersion]], estate: Estate
) -> Iterator[tuple[Claim, Resource | None]]:
    """The claim in pieces, one for each version of its team that holds meanwhile.

    A shared cost is cut wherever any team or workload changes, since it may go to any of them.
    """
    resource = claim.version.resource
    name = resource.metadata.name if resource.kind == "Team" else resource.metadata.owner
    own = teams.get(name or "", [])
    watched = own
    if claim.target.kind == "AllocationRule":
        watched = [*estate.of("Team"), *estate.of("Workload")]
    edges = [edge for v in watched for edge in (v.valid_from, v.valid_to) if edge is not None]
    for start, end in _between(claim.start, claim.end, edges):
        team = next((v.resource for v in own if holds(v, start)), None)
        yield replace(claim, start=start, end=end), team


def _by_name(versions: Iterable[ResourceVersion]) -> dict[str, list[ResourceVersion]]:
    found: defaultdict[str, list[ResourceVersion]] = defaultdict(list)
    for version in versions:
        found[version.resource.metadata.name].append(version)
    return found


def _between(
    start: dt.datetime | None, end: dt.datetime | None, edges: Sequence[dt.datetime]
) -> Iterable[tuple[dt.datetime | None, dt.datetime | None]]:
    inner = sorted({e for e in edges if (start is None or e > start) and (end is None or e < end)})
    return list(zip([start, *inner], [*inner, end], strict=True))
