"""GPU use and supply of a Kubernetes cluster as plain Parquet files, one of each a month."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from watermaster.testing.simulate.calendar import DAY_S, HOUR_S
from watermaster.testing.simulate.company import GPUS_A_NODE, Cluster
from watermaster.testing.simulate.plan import DEVELOPMENT, SCANS, Plan, slip, within
from watermaster.testing.simulate.work import Booking, cut_out

LABEL_NOISE: Final = 0.05  # of pods and days: the label missing or misspelt
GAPS: Final = 0.02  # of node-hours: nothing was seen
GAP_H: Final = 5
LATE: Final = 0.02  # of rows: they come last, out of order
SKEW_S: Final = 3  # clocks of nodes differ by up to so much


@dataclass(frozen=True, slots=True)
class Seen:
    """What telemetry caught of one cluster in one month: bookings, and hours without a gap."""

    held: list[Booking]
    is_seen: np.ndarray  # node x hour
    start_s: int


def caught(plan: Plan, cluster: Cluster, month: str) -> Seen:
    """The plan of a month with gaps cut out."""
    days = plan.when.days_of(month)
    start, hours = plan.when.at(days[0]), len(days) * 24
    dice = np.random.default_rng([plan.order.seed, 11, days[0], len(cluster.nodes)])
    is_seen = np.ones((len(cluster.nodes), hours), bool)
    month_held = within(plan.work[cluster.name], start, start + hours * HOUR_S)
    held: list[Booking] = []
    for node in range(len(cluster.nodes)):
        mine = [one for one in month_held if one.nodes[0] == node]
        for first in dice.integers(0, hours - GAP_H, round(hours * GAPS / GAP_H)):
            is_seen[node, first : first + GAP_H] = False
            span = start + int(first) * HOUR_S, start + int(first + GAP_H) * HOUR_S
            mine = cut_out(mine, node, *span)
        held += mine
    return Seen(held, is_seen, start)


def write_usage(plan: Plan, cluster: Cluster, folder: Path) -> None:
    """`use-2026-10.parquet` and `supply-2026-10.parquet` of every month."""
    folder.mkdir(parents=True, exist_ok=True)
    for month in plan.when.months:
        seen = caught(plan, cluster, month)
        dice = np.random.default_rng([plan.order.seed, 12, seen.start_s])
        use = _late(dice, pa.table(_use(dice, seen.held, cluster)))
        pq.write_table(use, folder / f"use-{month}.parquet", compression="zstd")
        supply = pa.table(_supply(plan, cluster, seen))
        pq.write_table(supply, folder / f"supply-{month}.parquet", compression="zstd")


def label_of(dice: np.random.Generator, one: Booking) -> dict[str, str]:
    """The labels a pod carries on one day: right, missing or misspelt."""
    if one.workload is None:
        return {}
    drawn = dice.random()
    if drawn < LABEL_NOISE / 2:
        return {}
    right = drawn >= LABEL_NOISE
    return {"app": one.workload if right else slip(one.workload), "team": one.group}


def _use(dice: np.random.Generator, held: Sequence[Booking], cluster: Cluster) -> dict[str, Any]:
    skew = dice.integers(0, SKEW_S + 1, len(cluster.nodes))
    starts = np.array([one.start_s for one in held])
    ends = np.array([one.end_s for one in held])
    node = np.array([one.nodes[0] for one in held])
    busy = np.array([one.busy for one in held])
    gpus = np.array([one.gpus for one in held])
    starts = starts + np.where(starts % DAY_S == 0, 0, skew[node])
    ends = ends + np.where(ends % DAY_S == 0, 0, skew[node])
    used = np.rint((ends - starts) * gpus * busy).astype(np.int64)
    return {
        "platform": pa.repeat(cluster.name, len(held)),
        "node": pa.array(cluster.nodes).take(pa.array(node)),
        "start": _moments(starts),
        "end": _moments(ends),
        "subject_kind": pa.repeat("pod", len(held)),
        "subject_uid": pa.array([uid_of(one) for one in held]),
        "name": pa.array([one.name for one in held]),
        "namespace": pa.array([one.group for one in held]),
        "parent_uid": pa.array([_parent(one) for one in held], pa.string()),
        "labels": pa.array([json.dumps(label_of(dice, one)) for one in held]),
        "model": pa.repeat(cluster.accelerator, len(held)),
        "gpus": gpus,
        "used_s": used,
        "utilisation_field": pa.repeat("SM_ACTIVE", len(held)),
    }


def _parent(one: Booking) -> str | None:
    """What made a pod, where the cluster tells."""
    return f"inference-service/{DEVELOPMENT}/{SCANS}" if one.group == DEVELOPMENT else None


def uid_of(one: Booking) -> str:
    """A pod's uid where no label says another."""
    return f"{one.group}/{one.name}"


def _late(dice: np.random.Generator, rows: pa.Table) -> pa.Table:
    is_late = dice.random(len(rows)) < LATE
    order = np.concatenate([np.flatnonzero(~is_late), dice.permutation(np.flatnonzero(is_late))])
    return rows.take(pa.array(order))


def healthy_by_hour(plan: Plan, cluster: Cluster, seen: Seen) -> np.ndarray:
    """Whether a node is sound, by node and hour of the month."""
    healthy = np.ones_like(seen.is_seen)
    for one in plan.down:
        if one.cluster == cluster.name:
            first, last = ((at - seen.start_s) // HOUR_S for at in (one.start_s, one.end_s))
            healthy[one.node, max(first, 0) : max(last, 0)] = False
    return healthy


def _supply(plan: Plan, cluster: Cluster, seen: Seen) -> dict[str, Any]:
    node, hour = np.nonzero(seen.is_seen)
    healthy = healthy_by_hour(plan, cluster, seen)[node, hour]
    whole = GPUS_A_NODE * HOUR_S
    healthy_s = np.where(healthy, whole, 0)
    return {
        "platform": pa.repeat(cluster.name, len(node)),
        "node": pa.array(cluster.nodes).take(pa.array(node)),
        "hour": _moments(seen.start_s + hour * HOUR_S),
        "partition": pa.repeat("gpu", len(node)),
        "model": pa.repeat(cluster.accelerator, len(node)),
        "present_s": np.full(len(node), whole),
        "healthy_s": healthy_s,
        "schedulable_s": healthy_s,
        "evidence": pa.repeat("DCGM_FI_DEV_GPU_UTIL", len(node)),
    }


def _moments(seconds: np.ndarray) -> pa.Array:
    return pa.array(seconds * 1_000_000).cast(pa.timestamp("us", "UTC"))
