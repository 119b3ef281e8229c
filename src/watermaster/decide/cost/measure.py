"""What a pool's or a node's charge is split over: GPU-seconds reserved, idle, unmeasured.

Per hour and scope, in GPU-seconds: expected = GPUs x 3600; idle = max(0, healthy - reserved);
unhealthy = max(0, present - max(healthy, reserved)); unmeasured = max(0, expected -
max(present, reserved)). Where more is reserved than supplied (over-use), idle is 0 and the cost is
split by reserved shares. Source: DEFINITIONS, "cost kinds". Hours are whole: a charge covers every
hour it touches.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

import ibis

from watermaster.decide.cost.targets import Scope
from watermaster.model.estate import Estate
from watermaster.model.resources import Resource
from watermaster.model.tables import Column, Table

HOUR_S: Final = 3600
GROUP: Final = ("target", "start_s", "end_s")


def members(
    scopes: Iterable[Scope], nodes: Iterable[tuple[str, str, str | None]], estate: Estate
) -> Table:
    """Which seen node lies in which scope: platform, node, target, gpus, weight columns.

    nodes: platform, node and partition as seen.
    """
    seen_as = platform_names(estate)
    held = sorted(set(nodes), key=str)
    rows = {
        (platform, node, scope.number)
        for scope in scopes
        for platform, node, partition in held
        if is_member(scope, seen_as, platform, node, partition)
    }
    schema = {"platform": "string", "node": "string", "target": "int32"}
    return ibis.memtable(sorted(rows), schema=ibis.schema(schema))


def platform_names(estate: Estate) -> dict[str, set[str]]:
    """Declared platform name to every name sources may report it under."""
    found: dict[str, set[str]] = {}
    for version in estate.of("Platform"):
        name = version.resource.metadata.name
        found.setdefault(name, {name}).update(version.resource.spec.seen_as)
    return found


def is_member(
    scope: Scope, seen_as: dict[str, set[str]], platform: str, node: str, partition: str | None
) -> bool:
    """Whether a seen node belongs to a scope."""
    spec = scope.pool.spec
    if platform not in seen_as.get(spec.platform, {spec.platform}):
        return False
    if scope.node is not None:
        return node == scope.node
    if spec.nodes and not any(fnmatchcase(node, pattern) for pattern in spec.nodes):
        return False
    return not spec.partitions or partition in spec.partitions


def use_by_hour(gpu_hours: Table, nodes: Table, owners: Table, weights: Table) -> Table:
    """GPU-seconds by scope, hour and owner.

    gpu_hours: as in model/shapes.py; nodes: of `members`; owners: day, platform, subject_kind,
    subject_uid, owner; weights: target, model, weight (relative worth of a model's GPU-second).
    returns: target, hour (hours since 1970), owner (null: nobody's), reserved_s, used_s, known_s
    (reserved GPU-seconds whose utilisation was measured).
    """
    named = beside(gpu_hours, owners, "day", "platform", "subject_kind", "subject_uid")
    placed = _placed(named, nodes, weights)
    return placed.group_by("target", "hour", "owner").agg(
        reserved_s=(placed.reserved_s * placed.weight).sum().cast("int64"),
        used_s=(placed.used_s * placed.weight).sum().cast("int64"),
        known_s=ibis.ifelse(placed.used_s.notnull(), placed.reserved_s * placed.weight, 0)
        .sum()
        .cast("int64"),
    )


def supply_by_hour(gpu_supply: Table, nodes: Table, weights: Table) -> Table:
    """GPU-seconds present and healthy by scope and hour: target, hour, present_s, healthy_s."""
    placed = _placed(gpu_supply, nodes, weights)
    return placed.group_by("target", "hour").agg(
        present_s=(placed.present_s * placed.weight).sum().cast("int64"),
        healthy_s=(placed.healthy_s * placed.weight).sum().cast("int64"),
    )


def _placed(rows: Table, nodes: Table, weights: Table) -> Table:
    inside = rows.inner_join(nodes, ["platform", "node"])
    inside = inside.mutate(hour=hour_of(inside.hour.epoch_seconds()))
    weighed = beside(inside, weights, "target", "model")
    return weighed.mutate(weight=ibis.coalesce(weighed.weight, 1))


def beside(rows: Table, more: Table, *keys: str) -> Table:
    """All rows, with the other columns of `more` where the keys meet, else null."""
    joined = rows.left_join(more, list(keys))
    return joined.select(*(rows[name] for name in rows.columns),
                         *(more[name] for name in more.columns if name not in keys))  # fmt: skip


def model_weights(scopes: Iterable[Scope]) -> Table:
    """target, model, weight of every pool that weighs its models differently."""
    rows = [
        (scope.number, model, weight)
        for scope in scopes
        for model, weight in scope.pool.spec.weights.items()
    ]
    schema = {"target": "int32", "model": "string", "weight": "int64"}
    return ibis.memtable(rows, schema=ibis.schema(schema))


def weights(groups: Table, scopes: Sequence[Scope], use: Table, supply: Table) -> Table:
    """The weight table of every group: target, start_s, end_s, owner, weight, used_s, known_s.

    groups: target, start_s, end_s (seconds since 1970), one row per distinct charge period.
    """
    hours = explode_hours(groups).inner_join(_scope_table(scopes), "target")
    work = hours.inner_join(use, ["target", "hour"])
    worked = work.group_by(*GROUP, owner=ibis.coalesce(work.owner, work.unowned)).agg(
        weight=work.reserved_s.sum().cast("int64"),
        used_s=work.used_s.sum().cast("int64"),
        known_s=work.known_s.sum().cast("int64"),
    )
    reserved = use.group_by("target", "hour").agg(reserved_s=use.reserved_s.sum().cast("int64"))
    rest = _rest(beside(hours, supply, "target", "hour"), reserved)
    return worked.union(rest)


def _rest(hours: Table, reserved: Table) -> Table:
    seen = beside(hours, reserved, "target", "hour")
    reserved_s = ibis.coalesce(seen.reserved_s, 0)
    # supply that is declared, not observed, counts as present and healthy throughout
    healthy = ibis.ifelse(seen.is_declared, seen.expected_s, ibis.coalesce(seen.healthy_s, 0))
    present = ibis.ifelse(seen.is_declared, seen.expected_s, ibis.coalesce(seen.present_s, 0))
    by_state = seen.mutate(
        idle_s=_positive(healthy - reserved_s),
        unhealthy_s=_positive(present - ibis.greatest(healthy, reserved_s)),
        unmeasured_s=_positive(seen.expected_s - ibis.greatest(present, reserved_s)),
    )
    parts = [
        by_state.group_by(*GROUP, owner=by_state[state]).agg(
            weight=by_state[f"{state}_s"].sum().cast("int64")
        )
        for state in ("idle", "unhealthy", "unmeasured")
    ]
    none = ibis.null("int64")
    return ibis.union(*parts).mutate(used_s=none, known_s=none)


def explode_hours(groups: Table) -> Table:
    """One row per group and hour it touches, at least one: `hour` in hours since 1970."""
    first = hour_of(groups.start_s)
    last = hour_of(groups.end_s + (HOUR_S - 1))
    return groups.mutate(hour=ibis.range(first, ibis.greatest(last, first + 1)).unnest())


def hour_of(seconds: Column) -> Column:
    """Hours since 1970 of seconds since 1970."""
    return (seconds // HOUR_S).cast("int64")


def _positive(value: Column) -> Column:
    return ibis.greatest(value, 0).cast("int64")


def _scope_table(scopes: Sequence[Scope]) -> Table:
    rows = [
        {
            "target": scope.number,
            "expected_s": _gpus(scope.pool, scope.node) * HOUR_S,
            "is_declared": scope.pool.spec.supply == "declared",
            "idle": scope.idle,
            "unmeasured": scope.unmeasured,
            "unhealthy": scope.unhealthy,
            "unowned": scope.unowned,
        }
        for scope in scopes
    ]
    schema = {"target": "int32", "expected_s": "int64", "is_declared": "boolean"}
    schema |= dict.fromkeys(("idle", "unmeasured", "unhealthy", "unowned"), "int32")
    return ibis.memtable(rows, schema=ibis.schema(schema))


def _gpus(pool: Resource, node: str | None) -> int:
    """GPUs a scope should have, in the weight of the pool's own accelerator."""
    weight: int = pool.spec.weights.get(pool.spec.accelerator, 1)
    return weight * (pool.spec.count if node is None else pool.spec.gpus_per_node)
