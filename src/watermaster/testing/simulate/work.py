"""What runs on the clusters: every booking of GPUs, planned before anything is rendered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from watermaster.testing.simulate.calendar import DAY_S, HOUR_S, Calendar
from watermaster.testing.simulate.company import GPUS_A_NODE, Cluster, Company, Workload

LAYOUTS: Final = ((8,), (4, 4), (4, 2, 2), (4, 2, 1), (2, 2, 2, 2))
BLOCK: Final = 4  # nodes of a large Slurm job
LAB: Final = "tmp-lab"  # a namespace that nobody declared


@dataclass(frozen=True, slots=True)
class Booking:
    """So many GPUs on each of some nodes, held by one pod or job in [start_s, end_s)."""

    nodes: tuple[int, ...]
    gpus: int  # on each node
    start_s: int
    end_s: int
    workload: str | None  # None: nobody's
    group: str  # namespace or Slurm account
    name: str
    busy: float  # mean utilisation, 0..1

    @property
    def gpu_s(self) -> int:
        return len(self.nodes) * self.gpus * (self.end_s - self.start_s)


def plan_work(
    dice: np.random.Generator, company: Company, cluster: Cluster, when: Calendar
) -> list[Booking]:
    """A year as busy teams leave it: every node is used on every day."""
    works = company.at(cluster.name)
    if cluster.kind == "slurm":
        return list(_jobs(dice, works, cluster, when))
    return list(_pods(dice, works, cluster, when))


def _pods(
    dice: np.random.Generator, works: Sequence[Workload], cluster: Cluster, when: Calendar
) -> Iterator[Booking]:
    """Per month a layout of each node; per day one booking of each slot."""
    for month in when.months:
        days = when.days_of(month)
        for node in range(len(cluster.nodes)):
            for slot, gpus in enumerate(LAYOUTS[dice.integers(len(LAYOUTS))]):
                work = _fitting(dice, works, gpus)
                name = f"{work.name}-{month[2:4]}{month[5:]}-{node + 1:03d}-{slot}"
                yield from _slot(dice, (node, gpus), work, name, (when, days))


def _fitting(dice: np.random.Generator, works: Sequence[Workload], gpus: int) -> Workload:
    able = [one for one in works if one.gpus >= gpus] or list(works)
    return able[int(dice.integers(len(able)))]


def _slot(
    dice: np.random.Generator,
    place: tuple[int, int],
    work: Workload,
    name: str,
    told: tuple[Calendar, range],
) -> Iterator[Booking]:
    when, days = told
    node, gpus = place
    starts = dice.integers(0, 5 * 12, len(days)) * 300  # on full five minutes
    lasts = dice.integers(14 * 12, 19 * 12, len(days)) * 300
    busy = np.clip(dice.normal(work.busy, 0.06, len(days)), 0.08, 0.97)
    for number, day in enumerate(days):
        start = when.at(day) + (0 if work.is_service else int(starts[number]))
        end = when.at(day + 1) if work.is_service else start + int(lasts[number])
        yield Booking(
            (node,), gpus, start, end, work.name, work.team, name, round(float(busy[number]), 4)
        )


def _jobs(
    dice: np.random.Generator, works: Sequence[Workload], cluster: Cluster, when: Calendar
) -> Iterator[Booking]:
    """The first nodes in blocks of large jobs, the others one by one."""
    blocks = len(cluster.nodes) // BLOCK // 2
    single = range(blocks * BLOCK, len(cluster.nodes))
    large = [one for one in works if one.gpus >= BLOCK * GPUS_A_NODE]
    small = [one for one in works if one.gpus < BLOCK * GPUS_A_NODE]
    for block in range(blocks):
        nodes = tuple(range(block * BLOCK, block * BLOCK + BLOCK))
        yield from _queue(dice, nodes, large, when, (24, 130))
    for node in single:
        yield from _queue(dice, (node,), small, when, (6, 60))


def _queue(
    dice: np.random.Generator,
    nodes: tuple[int, ...],
    works: Sequence[Workload],
    when: Calendar,
    lasts_h: tuple[int, int],
) -> Iterator[Booking]:
    """One job after the other on the same nodes, minutes to hours between them."""
    at = when.start_s
    turns: list[int] = []
    while at < when.end_s:
        at += int(dice.integers(1, 20)) * 600
        end = min(at + int(dice.integers(*lasts_h)) * HOUR_S, when.end_s)
        halves = 2 if len(nodes) == 1 and dice.random() < 0.4 else 1
        for _ in range(halves if end > at else 0):
            turns = turns or [int(turn) for turn in dice.permutation(len(works))]
            work = works[turns.pop()]  # everybody has a turn
            busy = round(float(np.clip(dice.normal(work.busy, 0.05), 0.08, 0.97)), 2)
            yield Booking(
                nodes, GPUS_A_NODE // halves, at, end, work.name, work.team, work.name, busy
            )
        at = end


def cut_out(held: Sequence[Booking], node: int, start_s: int, end_s: int) -> list[Booking]:
    """The bookings without a stretch of time on one node."""
    left = []
    for one in held:
        if node not in one.nodes or one.end_s <= start_s or one.start_s >= end_s:
            left.append(one)
            continue
        if one.start_s < start_s:
            left.append(replace(one, end_s=start_s))
        if one.end_s > end_s:
            left.append(replace(one, start_s=end_s))
    return left


def by_node_day(held: Sequence[Booking], cluster: Cluster, when: Calendar) -> np.ndarray:
    """GPU-seconds booked, as an array of node x day."""
    found = np.zeros((len(cluster.nodes), when.days), np.int64)
    for one in held:
        first, last = one.start_s - when.start_s, one.end_s - when.start_s
        for day in range(first // DAY_S, -(-last // DAY_S)):
            inside = min(last, (day + 1) * DAY_S) - max(first, day * DAY_S)
            for node in one.nodes:
                found[node, day] += inside * one.gpus
    return found
