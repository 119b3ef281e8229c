"""The plan of a simulation: ordinary life, then what is planted in it. Inputs come later."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from watermaster.model.resources import Purpose
from watermaster.testing.simulate.calendar import Calendar, calendar
from watermaster.testing.simulate.cloud import GB, Bill, Line, plan_bills, tagged, tags_of
from watermaster.testing.simulate.company import (
    KUBERNETES,
    Cluster,
    Company,
    Dataset,
    Size,
    halden,
)
from watermaster.testing.simulate.mended import plant_fixes
from watermaster.testing.simulate.planted import plant_estate
from watermaster.testing.simulate.things import Beside, Item, Planter
from watermaster.testing.simulate.work import LAB, Booking, cut_out, plan_work

DEVELOPMENT: Final = "care-dev"  # a namespace for trying things, declared by nobody
SCANS: Final = "scan-reader"
PASSES: Final = 6
PLANTS: Final = {Size.SMALL: 6, Size.FULL: 2}  # of each class of finding of the estate
IDLE_DAYS: Final = 19
RESTATED: Final = 1120  # the first delivery, in thousandths of the second
Typo = tuple[str, str]
Machine = Callable[[str, str, int], Line]  # provider, team, GPUs
Account = Callable[[str, str], tuple[str, str]]  # provider, team


@dataclass(frozen=True, slots=True)
class Order:
    """What to simulate; the same order gives the same company."""

    seed: int = 7
    months: int = 12
    end_month: str = "2026-10"
    size: Size = Size.FULL
    plants: int = 0  # of each class of finding of the estate; 0: as the size has
    fixes: int = 0  # things that were mended; it takes three months or more


@dataclass(frozen=True, slots=True)
class Stretch:
    """A node for some whole days or seconds, and why it stands out."""

    cluster: str
    node: int
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Move:
    """Bytes that left a dataset's bucket on one day, and the pod that asked for them."""

    day: int
    dataset: Dataset
    size_bytes: int
    pod: Booking | None


@dataclass
class Plan:
    """All that happens. `alike` holds the look-alikes: not the planted thing, but near it."""

    order: Order
    company: Company
    when: Calendar
    work: dict[str, list[Booking]]
    bill: Bill
    by_id: dict[str, list[str]] = field(default_factory=dict)  # workload: explicit resource ids
    commitments: list[tuple[str, str, str, str]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    idle: list[Stretch] = field(default_factory=list)
    down: list[Stretch] = field(default_factory=list)  # broken, so not idle
    night: list[Stretch] = field(default_factory=list)  # idle for one night only
    inactive: list[tuple[str, str, str]] = field(default_factory=list)  # cluster, month, name
    unowned: list[int] = field(default_factory=list)  # numbers of lines
    misspelt: list[tuple[int, str, Typo]] = field(default_factory=list)  # line, workload, spelling
    unused: list[tuple[str, str, int, int]] = field(default_factory=list)  # id, month, line, days
    repeated: list[tuple[str, str]] = field(default_factory=list)  # dataset, month
    restated_month: str = ""
    reordered_month: str = ""  # delivered again with the same figures
    restated: list[int] = field(default_factory=list)  # numbers of lines
    runaway: list[tuple[int, str, range]] = field(default_factory=list)  # line, workload, days
    alike: dict[str, list[str]] = field(default_factory=dict)
    beside: Beside = field(default_factory=Beside)  # what stands beside the clusters
    reads: list[tuple[str, str, str]] = field(default_factory=list)  # subject, group, dataset

    def cluster(self, name: str) -> Cluster:
        return next(one for one in self.company.clusters if one.name == name)


def make_plan(order: Order) -> Plan:
    """Draw everything from the seed."""
    dice = np.random.default_rng(order.seed)
    company, when = halden(order.size), calendar(order.end_month, order.months)
    work = {one.name: plan_work(dice, company, one, when) for one in company.clusters}
    make = plan_bills(dice, company, when)
    plan = Plan(order, company, when, work, make.bill)
    _plant_inactive(plan, dice)
    _plant_lab(plan, dice)
    for cluster in company.clusters:
        _plant_idle(plan, dice, cluster)
    _plant_tags(plan, dice, make.machine)
    _plant_commitments(plan, dice, make.machine)
    _plant_runaway(plan, dice, make.machine)
    _plant_moves(plan, dice, make.account)
    _plant_restated(plan)
    planter = Planter(
        np.random.default_rng([order.seed, 41]), make.bill, when, order.plants or PLANTS[order.size]
    )
    planter.found = plan.beside
    plant_estate(planter, company)
    if order.fixes:
        plant_fixes(planter, order.seed, order.fixes)
    return plan


# ---- clusters ----


def _plant_idle(plan: Plan, dice: np.random.Generator, cluster: Cluster) -> None:
    """Each month some nodes lie idle for days; as many are broken, or idle for a night."""
    alone = range(len(cluster.nodes))
    if cluster.kind == "slurm":
        alone = range(len(cluster.nodes) // 8 * 4, len(cluster.nodes))
    count = max(1, len(cluster.nodes) // 10)
    for month in plan.when.months:
        days = plan.when.days_of(month)
        drawn = dice.choice(list(alone), 3 * count if len(alone) >= 3 * count else 3, replace=False)
        for place, node in enumerate(int(one) for one in drawn):
            first = days[0] + int(dice.integers(1, 12))
            kind = place % 3
            if kind == 0:
                last = first + int(dice.integers(3, 15))
                span = plan.when.at(first), plan.when.at(last)
                plan.idle.append(Stretch(cluster.name, node, *span))
            elif kind == 1:
                span = plan.when.at(first), plan.when.at(first + int(dice.integers(1, 4)))
                plan.down.append(Stretch(cluster.name, node, *span))
            else:
                span = plan.when.at(first, 20), plan.when.at(first + 1, 6)
                plan.night.append(Stretch(cluster.name, node, *span))
            plan.work[cluster.name] = cut_out(plan.work[cluster.name], node, *span)


def _plant_inactive(plan: Plan, dice: np.random.Generator) -> None:
    """Pods and jobs that hold GPUs and never use them; others use them a little."""
    for cluster in plan.company.clusters:
        held = plan.work[cluster.name]
        is_slurm = cluster.kind == "slurm"
        for month in plan.when.months:
            span = plan.when.days_of(month)
            start, end = plan.when.at(span[0]), plan.when.at(span[-1] + 1)
            mine = [
                number for number, one in enumerate(held)
                if start <= one.start_s < end and (len(one.nodes) == 1 or not is_slurm)
            ]  # fmt: skip
            names = sorted({_key(held[number], cluster) for number in mine})
            still, calm = dice.choice(len(names), 2, replace=False)
            for number in mine:
                key = _key(held[number], cluster)
                if key == names[still]:
                    held[number] = replace(held[number], busy=0.0)
                elif key == names[calm]:
                    held[number] = replace(held[number], busy=0.09)
            plan.inactive.append((cluster.name, month, names[still]))


def _key(one: Booking, cluster: Cluster) -> str:
    return f"{one.name}@{one.start_s}" if cluster.kind == "slurm" else one.name


def _plant_lab(plan: Plan, dice: np.random.Generator) -> None:
    """A namespace that nobody declared takes one slot of the Kubernetes cluster each month.

    In the last month a second one does: an endpoint that reads health data from development.
    """
    for month in plan.when.months:
        _rehome(plan, dice, month, (LAB, "scratch"))
    _rehome(plan, np.random.default_rng([plan.order.seed, 42]), month, (DEVELOPMENT, SCANS))
    item = Item(
        kind="inference-service", platform=KUBERNETES, name=SCANS, namespace=DEVELOPMENT,
        uid=f"inference-service/{DEVELOPMENT}/{SCANS}", state="running", asked=(60, 31),
        uses=("s3://halden-imaging-archive/ct-2026",), made_days=40,
    )  # fmt: skip
    plan.beside.items.append(item)
    plan.reads.append((item.subject, DEVELOPMENT, "imaging-archive"))


def _rehome(plan: Plan, dice: np.random.Generator, month: str, told: tuple[str, str]) -> None:
    """One slot of a month is another namespace's, and nobody's."""
    held = plan.work[KUBERNETES]
    mark = f"-{month[2:4]}{month[5:]}-"
    busy = {name for _, _, name in plan.inactive}
    names = sorted({one.name for one in held if mark in one.name and one.workload} - busy)
    chosen = names[dice.integers(len(names))]
    group, stem = told
    for number, one in enumerate(held):
        if one.name == chosen:
            name = stem + chosen[chosen.index(mark) :]
            held[number] = replace(one, workload=None, group=group, name=name)


# ---- clouds ----


def _plant_tags(plan: Plan, dice: np.random.Generator, machine: Machine) -> None:
    """Things nobody owns, things with misspelt tags, and owned things with odd names."""
    works = [one for one in plan.company.at("aws") if one.gpus > 0]
    count = 8 if plan.order.size is Size.FULL else 5
    for _ in range(count):
        for kind in ("unowned", "misspelt", "odd"):
            work = works[dice.integers(len(works))]
            line = machine("aws", work.team, 4 if kind == "unowned" else 1)
            daily = _daily(plan, dice, line, 24)
            if kind == "unowned":
                plan.unowned.append(len(plan.bill.lines))
            elif kind == "misspelt":
                tags, typo = _misspelt(tags_of(work), dice)
                line = tagged(line, tags, None)
                plan.misspelt.append((len(plan.bill.lines), work.name, typo))
            else:
                plan.by_id.setdefault(work.name, []).append(line.id)
                plan.alike.setdefault("unowned", []).append(line.id)
                line = tagged(line, {}, work.name)
            plan.bill.add(line, daily)


def _misspelt(tags: dict[str, str], dice: np.random.Generator) -> tuple[dict[str, str], Typo]:
    """A slip in the key, or one in the values."""
    if dice.random() < 0.5:
        return {"Worklod": tags["workload"], "Temas": tags["team"]}, ("Worklod", tags["workload"])
    wrong = slip(tags["workload"])
    return {"workload": wrong, "team": slip(tags["team"])}, ("workload", wrong)


def slip(text: str) -> str:
    """Two neighbours change places.

    >>> slip("claims-rag")
    'lcaims-rag'
    """
    return text[1] + text[0] + text[2:]


def _daily(plan: Plan, dice: np.random.Generator, line: Line, hours: int) -> np.ndarray:
    """Some weeks of full days."""
    daily = np.zeros(plan.when.days, np.int64)
    lasts = int(dice.integers(12, max(13, min(90, plan.when.days - 4))))
    first = int(dice.integers(0, plan.when.days - lasts))
    daily[first : first + lasts] = line.unit_price * hours
    return daily


def _plant_commitments(plan: Plan, dice: np.random.Generator, machine: Machine) -> None:
    """Two commitments lie idle 19 of 31 days; two others are used, one of them but for a day."""
    long = [month for month in plan.when.months if len(plan.when.days_of(month)) == 31]
    chosen = [long[int(dice.integers(len(long)))] for _ in range(2)]
    places = (("aws", 8), ("azure", 8), ("aws", 4), ("azure", 4))
    for number, (provider, gpus) in enumerate(places):
        works = [
            one for one in plan.company.at(provider)
            if one.gpus >= 4 and one.purpose is not Purpose.EXPERIMENT
        ]  # fmt: skip
        work = works[dice.integers(len(works))]
        bare = machine(provider, work.team, gpus)
        stem = "savings-plan" if provider == "aws" else "reservation"
        idn = f"arn:aws:savingsplans::{bare.account}:savingsplan/{number:08x}"
        if provider == "azure":
            idn = f"/providers/Microsoft.Capacity/reservationOrders/{number:08x}"
        idle = np.zeros(plan.when.days, bool)
        if number < 2:
            days = plan.when.days_of(chosen[number])
            idle[dice.choice(list(days), IDLE_DAYS, replace=False)] = True
            plan.unused.append((idn, chosen[number], len(plan.bill.lines) + 1, IDLE_DAYS))
        elif number == 2:
            idle[int(dice.integers(plan.when.days))] = True
            plan.alike.setdefault("unused_commitments", []).append(idn)
        else:
            plan.alike.setdefault("unused_commitments", []).append(idn)
        plan.commitments.append((f"{stem}-{number + 1}", idn, provider, work.team))
        _commit(plan, (tagged(bare, tags_of(work), work.name), idn), idle)


def _commit(plan: Plan, told: tuple[Line, str], idle: np.ndarray) -> None:
    """Used rows, unused rows and the purchase of one commitment, at 55% of list."""
    line, idn = told
    amount = np.full(plan.when.days, line.unit_price * 24)
    kept = {name: getattr(line, name) for name in Line.__dataclass_fields__}
    own = {"commitment": idn, "billed": 0, "effective": 550, "contracted": 900,
           "pricing": "Committed"}  # fmt: skip
    plan.bill.add(Line(**kept | own | {"status": "Used"}), np.where(idle, 0, amount))
    none: dict[str, Any] = {
        "id": idn,
        "tags": {},
        "workload": None,
        "description": "unused commitment",
    }
    plan.bill.add(Line(**kept | own | none | {"status": "Unused"}), np.where(idle, amount, 0))
    bought = np.zeros(plan.when.days, np.int64)
    for month in plan.when.months:
        days = plan.when.days_of(month)
        bought[days[0]] = len(days) * line.unit_price * 24
    paid = {
        "category": "Purchase", "frequency": "Recurring", "billed": 550, "effective": 0,
        "contracted": 550, "description": "commitment, recurring fee", "status": "",
    }  # fmt: skip
    plan.bill.add(Line(**kept | own | none | paid), bought)


def _plant_runaway(plan: Plan, dice: np.random.Generator, machine: Machine) -> None:
    """An experiment that starts ten large instances and forgets them for nine days."""
    work = next(one for one in plan.company.workloads if one.name == "offer-uplift-sweep")
    month = plan.when.months[int(dice.integers(len(plan.when.months)))]
    first = plan.when.days_of(month)[int(dice.integers(2, 18))]
    for _ in range(10 if plan.order.size is Size.FULL else 3):
        line = machine("aws", work.team, 8)
        daily = np.zeros(plan.when.days, np.int64)
        daily[first : first + 9] = line.unit_price * 24
        plan.runaway.append((len(plan.bill.lines), work.name, range(first, first + 9)))
        plan.bill.add(tagged(line, tags_of(work), work.name), daily)


# ---- data ----


def _plant_moves(plan: Plan, dice: np.random.Generator, account: Account) -> None:
    """One corpus leaves its bucket six times in a month; others leave once, or bit by bit."""
    corpus, archive, reads, events, small = plan.company.datasets
    month = plan.when.months[int(dice.integers(len(plan.when.months)))]
    plan.repeated.append((corpus.name, month))
    days = dice.choice(list(plan.when.days_of(month)), PASSES, replace=False)
    moved = [(int(day), corpus, corpus.size_bytes) for day in days]
    for other in {plan.when.months[0], plan.when.months[-1]}:
        day = plan.when.days_of(other)[int(dice.integers(3, 24))]
        moved += [(day, archive, archive.size_bytes), (day + 2, reads, reads.size_bytes // 2)]
    for held in (events, small):
        moved += [(day, held, held.size_bytes // 60) for day in range(plan.when.days)]
    plan.alike["repeated_transfers"] = [archive.name, reads.name, events.name, small.name]
    for day, one, size_bytes in sorted(moved, key=lambda at: (at[0], at[1].name)):
        plan.moves.append(Move(day, one, size_bytes, _reader_of(plan, one, day)))
    for held in plan.company.datasets:
        daily = np.zeros(plan.when.days, np.int64)
        for day, left, size_bytes in moved:
            if left is held:
                daily[day] += size_bytes // GB * 90_000
        number, region = account("aws", held.owner)
        line = Line(
            provider="aws", id=held.arn, service="Amazon Simple Storage Service",
            group="Storage", unit="GB", sku="aws-s3-out", meter="EUC1-DataTransfer-Out-Bytes",
            description="$0.090 per GB data transfer out", region=region, account=number,
            unit_price=90_000,
        )  # fmt: skip
        plan.bill.add(line, daily)


def _reader_of(plan: Plan, held: Dataset, day: int) -> Booking | None:
    """The first pod of that day whose workload reads the dataset."""
    readers = {one.name for one in plan.company.workloads if one.dataset == held.name}
    start, end = plan.when.at(day), plan.when.at(day + 1)
    return next(
        (
            one
            for one in plan.work[KUBERNETES]
            if one.workload in readers and start <= one.start_s < end
        ),
        None,
    )


def _plant_restated(plan: Plan) -> None:
    """The storage of one AWS month was billed too high at first; another month comes twice."""
    plan.restated_month = plan.when.months[-3 if len(plan.when.months) > 3 else 0]
    if len(plan.when.months) > 1:
        plan.reordered_month = plan.when.months[-2]
    plan.restated = [
        number
        for number, line in enumerate(plan.bill.lines)
        if line.provider == "aws" and line.service == "Amazon Simple Storage Service"
        and line.meter == "TimedStorage-ByteHrs"
    ]  # fmt: skip


def first_delivery(plan: Plan) -> Bill:
    """The bill as it was before the restatement."""
    days = list(plan.when.days_of(plan.restated_month))
    daily = [one.copy() for one in plan.bill.daily]
    for number in plan.restated:
        daily[number][days] = daily[number][days] * RESTATED // 1000
    return Bill(plan.bill.lines, daily, plan.bill.billed_on)


def within(held: Iterable[Booking], start_s: int, end_s: int) -> Sequence[Booking]:
    """Bookings that touch a time."""
    return [one for one in held if one.start_s < end_s and one.end_s > start_s]
