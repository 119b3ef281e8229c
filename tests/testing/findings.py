"""What the product's ledger says of each planted class: plain queries over its facts.

Nothing here sees the truth. Each function returns key -> cost, so that what was found can be
counted and weighed against what was planted.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from watermaster.flows.estate import known_estate
from watermaster.flows.findings import find
from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.ledger.read import read
from watermaster.ledger.records import SLICES
from watermaster.model.ingested import Ingested
from watermaster.model.tables import ibis

Found = Mapping[tuple[Any, ...], Decimal]
NODE_GPU_S = 8 * 86400
UNUSED_DAYS = 10
COPIES = 2


def _rows(project: Project, table: ibis.Table) -> list[dict[str, Any]]:
    return project.ledger.engine.to_pyarrow(table).to_pylist()


def _fact(project: Project, name: str) -> ibis.Table:
    return read(project.ledger, read_head(project.ledger.records), name)


def idle_nodes(project: Project) -> Found:
    """(node, day) healthy for most of a day on which nobody reserved it: its share of the idle."""
    use, supply = _fact(project, "gpu_hours"), _fact(project, "gpu_supply")
    key = ("platform", "node", "day")
    used = use.group_by(key).agg(reserved_s=use.reserved_s.sum())
    offered = supply.group_by(key).agg(healthy_s=supply.healthy_s.sum())
    days = offered.left_join(used, key)
    free = days.filter((days.reserved_s.fill_null(0) == 0) & (days.healthy_s > NODE_GPU_S // 2))
    cost_of_s = _cost_of_gpu_s(project)
    return {
        (row["platform"], row["node"], row["day"]): cost_of_s[row["platform"], row["day"]]
        * row["healthy_s"]
        for row in _rows(project, free)
    }


def _cost_of_gpu_s(project: Project) -> dict[tuple[str, str], Decimal]:
    """What one GPU-second of a platform cost on a day: all its allocations, by all its GPUs."""
    given = _fact(project, "allocations")
    own = given.filter(given.pool.notnull() & given.rule.startswith("pool:"))
    day = own.charge_start.cast("date").cast("string")
    summed = own.group_by(own.platform, day=day).agg(cost=own.effective_cost.sum())
    counts = {
        version.resource.spec.platform: version.resource.spec.count
        for version in known_estate(project).of("Pool")
    }
    return {
        (row["platform"], row["day"]): row["cost"] / (counts[row["platform"]] * 86400)
        for row in _rows(project, summed)
    }


def idle_pools(project: Project) -> Found:
    """(pool, month): the idle cost of a pool in a month of use."""
    given = _fact(project, "allocations")
    idle = given.filter((given.kind == "idle") & given.rule.startswith("pool:"))
    summed = idle.group_by("pool", "charge_month").agg(cost=idle.effective_cost.sum())
    return {(row["pool"], row["charge_month"]): row["cost"] for row in _rows(project, summed)}


def unowned(project: Project) -> Found:
    """(resource,) of which no row has an owner and none carries a tag."""
    return {key[:1]: cost for key, cost in _nobodys(project).items() if not key[1]}


def misspelt(project: Project) -> Found:
    """(resource,) of which no row has an owner although it carries tags."""
    return {key[:1]: cost for key, cost in _nobodys(project).items() if key[1]}


def _nobodys(project: Project) -> dict[tuple[str, bool], Decimal]:
    given, charges = _fact(project, "allocations"), _fact(project, "charges")
    key = ("charge_file", "charge_row")
    tags = charges.select(*key, "tags")
    used = given.filter(given.resource_id.notnull() & (given.charge_category == "Usage"))
    rows = used.inner_join(tags, key)
    by = rows.group_by("resource_id").agg(
        cost=rows.effective_cost.sum(),
        all_=rows.count(),
        nobodys=(rows.rule == "no-rule").cast("int64").sum(),
        tagged=rows.tags.notnull().cast("int64").sum(),
    )
    return {
        (row["resource_id"], row["tagged"] > 0): row["cost"]
        for row in _rows(project, by.filter(by.all_ == by.nobodys))
    }


def unowned_use(project: Project) -> Found:
    """(pool,): GPUs held by what nobody owns."""
    given = _fact(project, "allocations")
    held = given.filter(given.rule.endswith(":unowned-use"))
    summed = held.group_by("pool").agg(cost=held.effective_cost.sum())
    return {(row["pool"],): row["cost"] for row in _rows(project, summed)}


def unused_commitments(project: Project) -> Found:
    """(commitment, month) that nobody used on many days of a month."""
    given, charges = _fact(project, "allocations"), _fact(project, "charges")
    key = ("charge_file", "charge_row")
    idn = charges.select(*key, "commitment_discount_id")
    rows = given.filter(given.rule.startswith("commitment-unused")).inner_join(idn, key)
    summed = rows.group_by("commitment_discount_id", "charge_month").agg(
        cost=rows.effective_cost.sum(), days=rows.charge_start.nunique()
    )
    return {
        (row["commitment_discount_id"], row["charge_month"]): row["cost"]
        for row in _rows(project, summed)
        if row["days"] >= UNUSED_DAYS
    }


def repeated_transfers(project: Project) -> Found:
    """(dataset, month, times) whose bytes left more than twice over: what that transfer cost."""
    moved, given = _fact(project, "transfers"), _fact(project, "allocations")
    by = moved.group_by("resource_id", month=moved.day.left(7)).agg(bytes=moved.bytes.sum())
    held = {
        place: (version.resource.metadata.name, version.resource.spec.bytes)
        for version in known_estate(project).of("Dataset")
        for place in version.resource.spec.locations
    }
    paid = given.filter(given.rule.startswith("transfer:"))
    costs = {
        (row["dataset"], row["charge_month"]): row["cost"]
        for row in _rows(
            project,
            paid.group_by("dataset", "charge_month").agg(cost=paid.effective_cost.sum()),
        )
    }
    found = {}
    for row in _rows(project, by):
        name, size_bytes = held[row["resource_id"]]
        times = row["bytes"] // size_bytes
        if times >= COPIES:
            found[name, row["month"], times] = costs[name, row["month"]]
    return found


def restated(project: Project, ingested: list[Ingested]) -> Found:
    """(source, month): how much later deliveries changed the bill held before."""
    found = {
        (one.source, part.period): (part.cost or Decimal(0)) - part.was_cost
        for one in ingested
        for part in one.slices
        if part.was_cost is not None
    }
    with project.ledger.records.connect() as connection:
        known = set(connection.scalars(sa.select(SLICES.c.source)))
    return {key: delta for key, delta in found.items() if delta and key[0] in known}


def of_the_estate(
    project: Project, months: Sequence[str], clusters: Collection[str]
) -> dict[str, Found]:
    """What the product's own rules found: class -> key -> cost.

    Of every month what was held on the clusters and what nobody owns; of the last month the
    findings of every rule by their subject.
    """
    told: dict[str, dict[tuple[Any, ...], Decimal]] = {
        "inactive_gpus": {}, "undeclared_use": {}, "unowned_resources": {},
    }  # fmt: skip
    for month in months:
        found = find(project, month).found
        for one in found:
            kind, platform, *rest = one.subject.split("/")
            name, key = {
                "inactive-gpu": ("inactive_gpus", (platform, month)),
                "undeclared-workload": ("undeclared_use", tuple(rest)),
                "unowned-resource": ("unowned_resources", (one.subject[len("resource/") :],)),
            }.get(one.rule, ("", ()))
            if name and (kind in {"resource", "namespace"} or platform in clusters):
                told[name][key] = told[name].get(key, Decimal(0)) + (one.cost or 0)
    for one in found:
        told.setdefault(one.rule, {})[(_subject(one.subject),)] = one.cost or Decimal(0)
    return told


def _subject(text: str) -> str:
    """Without the moment of submission, which no plan knows."""
    return text.rpartition(":")[0] if text.startswith("slurm-job/") else text
