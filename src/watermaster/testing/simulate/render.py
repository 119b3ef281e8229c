"""Write a simulated company to a folder: truth first, then the inputs, so nothing leaks back."""

import csv
import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from watermaster.model.events import Progress, Tell, tell_nobody
from watermaster.testing.simulate.beside import write_things
from watermaster.testing.simulate.bills import write_bill
from watermaster.testing.simulate.calendar import DAY_S
from watermaster.testing.simulate.estate import write_estate
from watermaster.testing.simulate.mended import write_fixes
from watermaster.testing.simulate.plan import Order, Plan, first_delivery, make_plan
from watermaster.testing.simulate.slurm import write_slurm
from watermaster.testing.simulate.transfers import write_transfers
from watermaster.testing.simulate.truth import write_truth
from watermaster.testing.simulate.usage import write_usage
from watermaster.units.periods import parse_month


@dataclass(frozen=True, slots=True)
class Delivered:
    """One bill in the order of arrival: its file and when its provider exported it."""

    source: str
    month: str
    path: Path
    exported_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Simulated:
    """Where everything lies; `bills` in the order in which they arrive."""

    plan: Plan
    truth: Path
    estate: Path
    sources: tuple[str, ...]  # of telemetry
    bills: tuple[Delivered, ...]


def simulate(order: Order, folder: Path, tell: Tell = tell_nobody) -> Simulated:
    """Plan, then write truth.json, estate/, bills/, slurm/, kubernetes/, transfers/, things/."""
    plan = make_plan(order)
    folder.mkdir(parents=True, exist_ok=True)
    write_truth(plan, folder / "truth.json")
    tell(Progress(1, 4, "steps", "simulating"))
    write_estate(plan, folder / "estate", folder)
    bills = tuple(_bills(plan, folder / "bills"))
    _write_arrivals(bills, folder)
    tell(Progress(2, 4, "steps", "simulating"))
    for cluster in plan.company.clusters:
        write = write_slurm if cluster.kind == "slurm" else write_usage
        write(plan, cluster, folder / cluster.kind / cluster.name)
    tell(Progress(3, 4, "steps", "simulating"))
    write_transfers(plan, folder / "transfers")
    write_things(plan, folder / "things")
    if plan.beside.mended:
        write_fixes(plan.beside.mended, plan.when, folder / "fixes.csv")
    tell(Progress(4, 4, "steps", "simulating"))
    sources = (*(cluster.name for cluster in plan.company.clusters), "transfers", "things")
    return Simulated(plan, folder / "truth.json", folder / "estate", sources, bills)


def _bills(plan: Plan, folder: Path) -> Iterator[Delivered]:
    """Every month once; then the restated month again, and one month with the same figures."""
    first = first_delivery(plan)
    for month in plan.when.months:
        for provider, ending in (("aws", "csv.gz"), ("azure", "parquet")):
            early = provider == "aws" and month == plan.restated_month
            path = folder / provider / f"{month}.{ending}"
            write_bill(plan, first if early else plan.bill, (provider, month), path)
            yield _arrived(Delivered(provider, month, path, _exported(month, 3)))
    for month, days in ((plan.restated_month, 20), (plan.reordered_month, 9)):
        if month:
            path = folder / "again" / f"aws-{month}.csv.gz"
            write_bill(plan, plan.bill, ("aws", month), path, 1)
            yield _arrived(Delivered("aws", month, path, _exported(month, days)))


def _arrived(one: Delivered) -> Delivered:
    """The file is as old as its export, as a store would say."""
    moment = one.exported_at.timestamp()
    os.utime(one.path, (moment, moment))
    return one


def _exported(month: str, days: int) -> dt.datetime:
    return parse_month(month).end + dt.timedelta(seconds=days * DAY_S)


def _write_arrivals(bills: tuple[Delivered, ...], folder: Path) -> None:
    """When each bill came: the order counts where a month comes twice."""
    with (folder / "arrivals.csv").open("w", newline="", encoding="utf-8") as out:
        write = csv.writer(out, lineterminator="\n")
        write.writerow(("source", "month", "file", "exported_at"))
        for bill in bills:
            where = bill.path.relative_to(folder).as_posix()
            write.writerow((bill.source, bill.month, where, bill.exported_at.isoformat()))
