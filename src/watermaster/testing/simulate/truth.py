"""What is true of a plan, to the last micro-dollar; written before any input is rendered."""

import functools
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from watermaster.model.shapes import COSTS
from watermaster.testing.simulate.calendar import DAY_S
from watermaster.testing.simulate.cloud import MICRO, share
from watermaster.testing.simulate.company import GPUS_A_NODE, Cluster
from watermaster.testing.simulate.mended import fixes_truth
from watermaster.testing.simulate.plan import Plan, Stretch, first_delivery, within
from watermaster.testing.simulate.truth_estate import estate_truth
from watermaster.testing.simulate.work import Booking, by_node_day
from watermaster.units.periods import parse_month

PLACES: Final = Decimal("0.000001")
Finding = dict[str, Any]


def truth_of(plan: Plan) -> dict[str, Any]:
    """Every class of planted thing: what, where, when, GPU-seconds, cost as decimal text."""
    return {
        "company": plan.company.name,
        "seed": plan.order.seed,
        "months": list(plan.when.months),
        "idle_nodes": [_idle_node(plan, one) for one in plan.idle],
        "idle_pools": list(_idle_pools(plan)),
        "inactive": list(_inactive(plan)),
        "unowned": [_line(plan, number) for number in plan.unowned],
        "untagged": [
            _line(plan, number)
            for rule in ("undeclared-workload", "ambiguous-selector")
            for one in plan.beside.planted.get(rule, [])
            for number in one.lines
        ],
        "unowned_use": _unowned_use(plan),
        "misspelt": [
            _line(plan, number) | {"workload": workload, "key": key, "value": value}
            for number, workload, (key, value) in plan.misspelt
        ],
        "unused_commitments": [_unused(plan, *one) for one in plan.unused],
        "repeated_transfers": [_repeated(plan, *one) for one in plan.repeated],
        "restated": [_restated(plan)],
        "runaway": _runaway(plan),
        "duplicate_endpoints": [
            {"model": "halden-claims-7b", "workloads": ["triage-assistant", "triage-assistant-b"]}
        ],
        "estate": estate_truth(plan, functools.partial(_of_last_month, plan)),
        "fixes": fixes_truth(plan.beside.mended, plan.when),
        "look_alikes": plan.alike
        | plan.beside.alike
        | {
            "down_nodes": [_where(plan, one) for one in plan.down],
            "idle_for_a_night": [_where(plan, one) for one in plan.night],
            "delivered_again": [plan.reordered_month] if plan.reordered_month else [],
        },
    }


def write_truth(plan: Plan, path: Path) -> None:
    """As JSON; nothing outside `testing` may read it."""
    path.write_text(json.dumps(truth_of(plan), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def cost_of_day(plan: Plan, cluster: Cluster, day: int) -> Decimal:
    """What all GPUs of a cluster cost on one day."""
    count = cluster.gpus
    if cluster.is_billed:
        mine = [n for n, line in enumerate(plan.bill.lines) if line.hourly]
        return Decimal(sum(plan.bill.of("effective", n, [day]) for n in mine)) / MICRO
    month = parse_month(plan.when.month_of(day))
    in_month = Decimal(month.seconds // DAY_S)
    in_term = Decimal(capex_days(cluster))
    nodes = len(cluster.nodes)
    energy = cluster.watts_per_gpu * count * 24 / 1000 * cluster.pue * cluster.per_kwh
    fixed = (cluster.space_per_node + cluster.staff_per_node) * nodes / in_month
    return cluster.capex_per_gpu * count / in_term + energy + fixed


CAPEX_FROM: Final = "2025-01"


def capex_days(cluster: Cluster) -> int:
    """Days of the straight line, from 2025-01-01."""
    start = parse_month(CAPEX_FROM).start
    years, months = divmod(cluster.capex_months, 12)
    return (start.replace(year=start.year + years, month=1 + months) - start).days


def _cost(plan: Plan, cluster: Cluster, per_day: np.ndarray) -> str:
    """GPU-seconds of each day at the cost of that day's GPU-second."""
    supply_s = cluster.gpus * DAY_S
    total = sum(
        (cost_of_day(plan, cluster, day) * int(gpu_s) / supply_s
         for day, gpu_s in enumerate(per_day) if gpu_s),
        Decimal(0),
    )  # fmt: skip
    return str(total.quantize(PLACES))


def _where(plan: Plan, one: Stretch) -> Finding:
    cluster = plan.cluster(one.cluster)
    first = (one.start_s - plan.when.start_s) // DAY_S
    last = (one.end_s - 1 - plan.when.start_s) // DAY_S
    return {
        "pool": cluster.pool,
        "platform": cluster.name,
        "node": cluster.nodes[one.node],
        "days": [plan.when.text(day) for day in range(first, last + 1)],
    }


def _idle_node(plan: Plan, one: Stretch) -> Finding:
    cluster = plan.cluster(one.cluster)
    per_day = np.zeros(plan.when.days, np.int64)
    first, last = ((s - plan.when.start_s) // DAY_S for s in (one.start_s, one.end_s))
    per_day[first:last] = GPUS_A_NODE * DAY_S
    return _where(plan, one) | {
        "gpu_seconds": int(per_day.sum()),
        "cost": _cost(plan, cluster, per_day),
    }


def idle_of(plan: Plan, cluster: Cluster) -> np.ndarray:
    """GPU-seconds healthy and not reserved, by node and day."""
    healthy = np.full((len(cluster.nodes), plan.when.days), GPUS_A_NODE * DAY_S)
    for one in plan.down:
        if one.cluster == cluster.name:
            first, last = ((s - plan.when.start_s) // DAY_S for s in (one.start_s, one.end_s))
            healthy[one.node, first:last] = 0
    return healthy - by_node_day(plan.work[cluster.name], cluster, plan.when)


def _idle_pools(plan: Plan) -> Iterator[Finding]:
    """All idle, planted or not, by pool and month."""
    for cluster in plan.company.clusters:
        idle = idle_of(plan, cluster).sum(axis=0)
        for month in plan.when.months:
            days = list(plan.when.days_of(month))
            mine = np.zeros_like(idle)
            mine[days] = idle[days]
            yield {
                "pool": cluster.pool,
                "month": month,
                "gpu_seconds": int(mine.sum()),
                "cost": _cost(plan, cluster, mine),
            }


def _used(plan: Plan, cluster: Cluster, held: list[Booking]) -> Finding:
    per_day = by_node_day(held, cluster, plan.when).sum(axis=0)
    return {"gpu_seconds": int(per_day.sum()), "cost": _cost(plan, cluster, per_day)}


def _of_last_month(plan: Plan, cluster: Cluster, held: Sequence[Booking]) -> Decimal:
    """What bookings cost in the last month."""
    per_day = by_node_day(held, cluster, plan.when).sum(axis=0)
    days = plan.when.days_of(plan.when.months[-1])
    inside = np.zeros_like(per_day)
    inside[list(days)] = per_day[list(days)]
    return Decimal(_cost(plan, cluster, inside))


def _inactive(plan: Plan) -> Iterator[Finding]:
    """What never used its GPUs; a job that an idle node took away is nothing."""
    for name, month, key in plan.inactive:
        cluster, wanted = plan.cluster(name), key.partition("@")[0]
        days = plan.when.days_of(month)
        held = [
            one
            for one in within(plan.work[name], plan.when.at(days[0]), plan.when.at(days[-1] + 1))
            if one.busy == 0 and one.name == wanted
        ]
        if held:
            where = {"pool": cluster.pool, "platform": name, "name": wanted, "month": month}
            yield where | _used(plan, cluster, held)


def _unowned_use(plan: Plan) -> list[Finding]:
    """By pool and namespace."""
    found = []
    for cluster in plan.company.clusters:
        held = [one for one in plan.work[cluster.name] if one.workload is None]
        for group in sorted({one.group for one in held}):
            mine = [one for one in held if one.group == group]
            where = {"pool": cluster.pool, "namespace": group}
            found.append(where | _used(plan, cluster, mine))
    return found


def _dollars(micros: int) -> str:
    return str((Decimal(micros) / MICRO).quantize(PLACES))


def _line(plan: Plan, number: int) -> Finding:
    days = np.flatnonzero(plan.bill.billed_on[number])
    return {
        "resource_id": plan.bill.lines[number].id,
        "from": plan.when.text(int(days[0])),
        "to": plan.when.text(int(days[-1])),
        "cost": _dollars(plan.bill.of("effective", number)),
    }


def _unused(plan: Plan, idn: str, month: str, number: int, days: int) -> Finding:
    cost = plan.bill.of("effective", number, plan.when.days_of(month))
    return {"commitment_id": idn, "month": month, "days": days, "cost": _dollars(cost)}


def _repeated(plan: Plan, name: str, month: str) -> Finding:
    days = set(plan.when.days_of(month))
    moves = [one for one in plan.moves if one.dataset.name == name and one.day in days]
    held = moves[0].dataset
    number = next(
        n for n, line in enumerate(plan.bill.lines)
        if line.id == held.arn and line.sku == "aws-s3-out"
    )  # fmt: skip
    return {
        "dataset": name,
        "month": month,
        "times": len(moves),
        "bytes": sum(one.size_bytes for one in moves),
        "cost": _dollars(plan.bill.of("effective", number, sorted(days))),
    }


def _restated(plan: Plan) -> Finding:
    """Second delivery minus first, for each cost."""
    days = list(plan.when.days_of(plan.restated_month))
    first = first_delivery(plan)
    found: Finding = {"source": "aws", "month": plan.restated_month}
    for cost, name in zip(COSTS, ("billed", "effective", "list", "contracted"), strict=True):
        delta = 0
        for number in plan.restated:
            part = 1000 if name == "list" else getattr(plan.bill.lines[number], name)
            now = share(plan.bill.daily[number][days], part).sum()
            delta += int(now - share(first.daily[number][days], part).sum())
        found[cost] = _dollars(delta)
    return found


def _runaway(plan: Plan) -> list[Finding]:
    if not plan.runaway:
        return []
    _, workload, days = plan.runaway[0]
    cost = sum(plan.bill.of("effective", number) for number, _, _ in plan.runaway)
    return [
        {
            "workload": workload,
            "from": plan.when.text(days[0]),
            "to": plan.when.text(days[-1]),
            "cost": _dollars(cost),
        }
    ]
