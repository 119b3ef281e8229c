"""What is true of the estate in the last month: what was planted, and what follows by definition.

Ordinary life holds some of the same: a workload that drew no node, a pod sized too large. Those
are no plants, but they are true, and are reckoned from the plan as docs/reference/findings.md
defines them.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

import numpy as np

from watermaster.testing.simulate.calendar import DAY_S, HOUR_S
from watermaster.testing.simulate.cloud import MICRO
from watermaster.testing.simulate.company import Cluster
from watermaster.testing.simulate.plan import Plan, within
from watermaster.testing.simulate.work import Booking

HALF: Final = 0.5
FITS: Final = 0.4  # p95 of use under which half of the GPUs would do at 80%
STILL: Final = 0.05
HELD_DAYS: Final = 7
Told = tuple[str, str, Decimal]  # rule, subject, cost
Price = Callable[[Cluster, Sequence[Booking]], Decimal]  # what bookings cost in the last month


def estate_truth(plan: Plan, price: Price) -> dict[str, list[dict[str, str]]]:
    """Findings of the last month by rule: the subject, and what it costs in that month."""
    found: dict[str, list[dict[str, str]]] = {}
    for rule, subject, cost in (*_planted(plan), *_of_bills(plan), *_of_clusters(plan, price)):
        row = {"subject": subject, "cost": str(cost.quantize(Decimal("0.000001")))}
        found.setdefault(rule, []).append(row)
    return found


def _planted(plan: Plan) -> Iterator[Told]:
    for rule, held in plan.beside.planted.items():
        for one in held:
            micros = sum(_billed(plan, number) for number in one.lines)
            yield rule, one.subject, Decimal(micros) / MICRO * Decimal(str(one.share))


def _of_bills(plan: Plan) -> Iterator[Told]:
    """Resources nobody owns, and the experiment that runs away."""
    for number in (*plan.unowned, *(number for number, _, _ in plan.misspelt)):
        if micros := _billed(plan, number):
            yield (
                "unowned-resource", f"resource/{plan.bill.lines[number].id}",
                Decimal(micros) / MICRO,
            )  # fmt: skip
    micros = sum(_billed(plan, number) for number, _, _ in plan.runaway)
    if micros:
        yield "runaway-experiment", f"workload/{plan.runaway[0][1]}", Decimal(micros) / MICRO


def _billed(plan: Plan, number: int) -> int:
    return plan.bill.of("effective", number, plan.when.days_of(plan.when.months[-1]))


def _of_clusters(plan: Plan, price: Price) -> Iterator[Told]:
    days = plan.when.days_of(plan.when.months[-1])
    start, end = plan.when.at(days[0]), plan.when.at(days[-1] + 1)
    ran = set()
    for cluster in plan.company.clusters:
        held = within(plan.work[cluster.name], start, end)
        ran |= {one.workload for one in held}
        yield from _undeclared(cluster, held, price)
        for subject, group, name in plan.reads:
            mine = [one for one in held if one.group == group and one.workload is None]
            if mine:
                yield "data-out-of-place", f"{subject}+dataset/{name}", price(cluster, mine)
        if cluster.kind == "kubernetes":
            yield from _pods(cluster, held, price)
            yield from _half_empty(plan, cluster, held, price)
        else:
            yield from _jobs(plan, cluster, price)
    places = {cluster.name for cluster in plan.company.clusters}
    for work in plan.company.workloads:
        if work.place in places and work.name not in ran and work.purpose.value != "experiment":
            yield "declared-not-running", f"workload/{work.name}", Decimal(0)


def _undeclared(cluster: Cluster, held: Sequence[Booking], price: Price) -> Iterator[Told]:
    for group in sorted({one.group for one in held if one.workload is None}):
        mine = [one for one in held if one.group == group and one.workload is None]
        yield (
            "undeclared-workload", f"namespace/{cluster.name}/{group}", price(cluster, mine)
        )  # fmt: skip


def _pods(cluster: Cluster, held: Sequence[Booking], price: Price) -> Iterator[Told]:
    """Pods that never used their GPUs, and pods of which 95% of the hours needed half of them."""
    by_pod: dict[str, list[Booking]] = {}
    for one in held:
        by_pod.setdefault(f"pod/{cluster.name}/{one.group}/{one.name}", []).append(one)
    for subject, mine in sorted(by_pod.items()):
        gpus = mine[0].gpus
        if all(one.busy < STILL for one in mine):
            yield "inactive-gpu", subject, price(cluster, mine)
        elif gpus >= 2 and sum(one.gpu_s for one in mine) >= HELD_DAYS * DAY_S * gpus:
            hours = [round((one.end_s - one.start_s) / HOUR_S) for one in mine]
            p95 = float(np.quantile(np.repeat([one.busy for one in mine], hours), 0.95))
            if STILL <= p95 <= FITS:
                yield "oversized-request", subject, price(cluster, mine)


def _half_empty(
    plan: Plan, cluster: Cluster, held: Sequence[Booking], price: Price
) -> Iterator[Told]:
    """Two services of one model that use under half of their GPUs together."""
    serving = [one for one in plan.company.at(cluster.name) if one.is_service and one.model]
    for one, other in combinations(sorted(serving, key=lambda work: work.name), 2):
        first, second = ([b for b in held if b.workload == work.name] for work in (one, other))
        if one.model != other.model or not first or not second:
            continue
        used = sum(b.gpu_s * b.busy for b in (*first, *second))
        if used < HALF * sum(b.gpu_s for b in (*first, *second)):
            cost = min(price(cluster, first), price(cluster, second))
            yield "duplicate-endpoint", f"workload/{one.name}+{other.name}", cost


def _jobs(plan: Plan, cluster: Cluster, price: Price) -> Iterator[Told]:
    """Jobs that never used their GPUs, by the number the queue gives them."""
    held = sorted(plan.work[cluster.name], key=lambda one: (one.end_s, one.start_s, one.nodes))
    days = plan.when.days_of(plan.when.months[-1])
    for number, one in enumerate(held):
        if one.busy < STILL and plan.when.at(days[0]) < one.end_s <= plan.when.at(days[-1] + 1):
            job = f"{cluster.name}:{100_000 + number}"
            yield "inactive-gpu", f"slurm-job/{cluster.name}/{job}", price(cluster, [one])
