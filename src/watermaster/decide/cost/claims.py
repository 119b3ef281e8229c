"""What the estate claims: every selector as terms, a rank, a time and a target.

Order of the rules, the first that holds decides: unused commitments, pools, data transfer, models
behind an API, purchases of commitments, workloads, datasets, teams, shared costs, contracts whose
use nobody sees. Within one of them the class of the strongest term outranks the number of terms:
explicit id, then label or name, then namespace or account, then tag.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from watermaster.model.estate import Estate
from watermaster.model.record import Selector
from watermaster.model.resources import ResourceVersion


class Order(IntEnum):
    """Which rule comes first."""

    COMMITMENT = 0
    POOL = 1
    TRANSFER = 2
    TOKENS_CACHED = 3  # of the use of a model behind an API: what is said to be for cached tokens,
    TOKENS_IN = 4  # for tokens read,
    TOKENS_OUT = 5  # for tokens written,
    TOKENS = 6  # and the rest
    PURCHASE = 7
    WORKLOAD = 8
    DATASET = 9
    TEAM = 10
    SHARED = 11
    UNUSED = 12  # contracts no bill carries, whose use nobody sees


TOKEN_ORDERS: Final = (Order.TOKENS_CACHED, Order.TOKENS_IN, Order.TOKENS_OUT, Order.TOKENS)


@dataclass(frozen=True, slots=True)
class Target:
    """What a claim points to: a resource, or a node of a pool."""

    kind: str  # Workload, Pool, Node, Dataset, Transfer, tokens, Team, Commitment, Purchase, ...
    name: str
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Whoever meets all terms at a time in [start, end) belongs to the target."""

    order: Order
    rank: tuple[int, int]  # class of the strongest term, number of terms
    terms: tuple[tuple[str, str], ...]  # sorted by key
    target: Target
    start: dt.datetime | None
    end: dt.datetime | None
    version: ResourceVersion = field(compare=False, repr=False)


ID, LABEL, ACCOUNT, TAG, BROAD = 4, 3, 2, 1, 0
_CLASSES: Final = {
    "resource_id": ID,
    "uid": ID,
    "name": LABEL,
    "namespace": ACCOUNT,
    "account": ACCOUNT,
    "user": ACCOUNT,
    "commitment": ID,
}
BILL_KEYS: Final = frozenset({"resource_id", "account", "provider", "service", "region"})
SUBJECT_KEYS: Final = frozenset({"uid", "platform", "namespace", "account", "name", "user"})


def bill_claims(estate: Estate) -> list[Claim]:
    """Every claim on bill rows."""
    return [claim for claim in _all_claims(estate) if _all_known(claim, BILL_KEYS, "tag:")]


def subject_claims(estate: Estate) -> list[Claim]:
    """Every claim of workloads and teams on native things (pods, jobs)."""
    found = (
        claim
        for claim in _all_claims(estate)
        if claim.order in {Order.WORKLOAD, Order.TEAM} and _all_known(claim, SUBJECT_KEYS, "label:")
    )
    return list(found)


def _all_known(claim: Claim, keys: frozenset[str], prefix: str) -> bool:
    own = {"commitment", "unused", "transfer"}
    return all(key in keys or key in own or key.startswith(prefix) for key, _ in claim.terms)


def _all_claims(estate: Estate) -> Iterator[Claim]:
    for version in estate.of("Commitment"):
        terms = {"commitment": version.resource.spec.commitment_id}
        yield _claim(Order.COMMITMENT, terms, Target("Commitment", _name(version)), version)
        yield _claim(Order.PURCHASE, terms, Target("Purchase", _name(version)), version)
        if not version.resource.spec.billed:
            own = {"resource_id": commitment_source(_name(version))}
            yield _claim(Order.UNUSED, own, Target("Commitment", _name(version)), version)
    for version in estate.of("Pool"):
        yield from _pool_claims(version)
    for version in estate.of("Dataset"):
        for location in version.resource.spec.locations:
            terms = {"resource_id": location}
            yield _claim(Order.TRANSFER, terms, Target("Transfer", _name(version)), version)
            yield _claim(Order.DATASET, terms, Target("Dataset", _name(version)), version)
    for order in TOKEN_ORDERS:
        kind = order.name.lower().replace("_", "-")
        yield from _selected(estate.of("Model"), order, kind, "billed")
    yield from _selected(estate.of("Workload"), Order.WORKLOAD, "Workload", "selectors")
    yield from _selected(estate.of("Team"), Order.TEAM, "Team", "selectors")
    yield from _selected(estate.of("AllocationRule"), Order.SHARED, "AllocationRule", "match")


def _pool_claims(version: ResourceVersion) -> Iterator[Claim]:
    spec, name = version.resource.spec, _name(version)
    own = {"resource_id": own_resource_id(name)}
    yield _claim(Order.POOL, own, Target("Pool", name), version)
    for selector in spec.cost.bills:
        yield _claim(Order.POOL, selector.terms, Target("Pool", name), version)
    for node, resource_id in spec.node_resources.items():
        yield _claim(Order.POOL, {"resource_id": resource_id}, Target("Node", name, node), version)


def own_resource_id(pool: str) -> str:
    """The ResourceId of charges generated from a pool's declared cost."""
    return f"own:{pool}"


def commitment_source(name: str) -> str:
    """The source of a commitment's charges; the slash keeps it apart from a pool of that name."""
    return own_resource_id(f"commitment/{name}")


def _selected(
    versions: Iterable[ResourceVersion], order: Order, kind: str, field: str
) -> Iterator[Claim]:
    for version in versions:
        selectors: list[Selector] = getattr(version.resource.spec, field)
        for selector in selectors:
            yield _claim(order, selector.terms, Target(kind, _name(version)), version)


def _claim(order: Order, terms: dict[str, str], target: Target, version: ResourceVersion) -> Claim:
    rank = (max(_class(key) for key in terms), len(terms))
    held = tuple(sorted(terms.items()))
    return Claim(order, rank, held, target, version.valid_from, _end(version), version)


def _end(version: ResourceVersion) -> dt.datetime | None:
    """When the claim ends: with its version, or with the last day of a dated rule."""
    until = getattr(version.resource.spec, "until", None)
    ends = [version.valid_to] if version.valid_to else []
    if until is not None:
        ends.append(dt.datetime.combine(until, dt.time(), tzinfo=dt.UTC))
    return min(ends, default=None)


def _class(key: str) -> int:
    if key.startswith("label:"):
        return LABEL
    return TAG if key.startswith("tag:") else _CLASSES.get(key, BROAD)


def _name(version: ResourceVersion) -> str:
    return version.resource.metadata.name
