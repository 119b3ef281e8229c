"""Fixes planted in the simulated company: bills, inventory and requests of things that were mended.

The cost of each comes from fixes.py, at prices that somebody else pays too; what would have been is
in truth.json alone.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from watermaster.testing.simulate.calendar import Calendar
from watermaster.testing.simulate.cloud import MICRO, Line, tagged
from watermaster.testing.simulate.fixes import Case, draw_over
from watermaster.testing.simulate.things import HERE, Planter

LIST_PRICE: Final = 4_000_000  # micro-dollars a unit, before any change
OTHERS: Final = 40_000_000  # what somebody else buys of the same every day, at that price
COLUMNS: Final = ("platform", "kind", "uid", "effect", "fixed", "undone")


@dataclass(frozen=True, slots=True)
class MendedThing:
    """One planted fix."""

    uid: str
    kind: str
    case: Case


def plant_fixes(make: Planter, seed: int, count: int) -> None:
    """So many endpoints of declared workloads, each mended on a day of its own."""
    for case in draw_over(seed, count, make.when.days):
        team = make.team()
        name = make.work(team, purpose="online-inference")
        arn = make.arn("endpoint")
        _bill(make, arn, (name, team), case.cost * MICRO, case)
        others = np.full(make.when.days, OTHERS) * case.price / case.price[0]
        _bill(make, make.arn("endpoint"), (None, make.team(team)), others, case)
        make.item(
            "endpoint", uid=name, workload=name, team=team, resource_id=arn, gpus=1,
            state="running", accelerator="A10G",
            asked_daily=tuple(int(volume) for volume in case.volume),
        )  # fmt: skip
        make.found.mended.append(MendedThing(name, "endpoint", case))


def _bill(make: Planter, arn: str, work: tuple[str | None, str], micros: Any, case: Case) -> None:
    """A line for each price; both are of one thing and one SKU."""
    workload, team = work
    tags = {"team": team} | ({"workload": workload} if workload else {})
    for level in dict.fromkeys(case.price.tolist()):
        line = Line(
            provider="aws", id=arn, service="Amazon SageMaker", group="AI and Machine Learning",
            type="ml", sku=f"aws-mended-{case.number}", meter="EUC1-Hosting",
            description="SageMaker per hour",
            region="eu-central-1", account="710418230001",
            unit_price=round(LIST_PRICE * level / case.price[0]),
        )  # fmt: skip
        held = tagged(line, tags, workload)
        make.bill.add(held, np.where(case.price == level, np.rint(micros), 0).astype(np.int64))


def fixes_truth(held: list[MendedThing], when: Calendar) -> list[dict[str, Any]]:
    """What each fix truly saved, by the month."""
    return [
        {"uid": one.uid, "kind": one.case.kind, "saving": one.case.true_saving,
         "undone": None if one.case.undone is None else when.text(one.case.undone)}
        for one in held
    ]  # fmt: skip


def write_fixes(held: list[MendedThing], when: Calendar, path: Path) -> None:
    """What a person knows of the fixes: which thing, and when."""
    with path.open("w", newline="", encoding="utf-8") as out:
        write = csv.writer(out, lineterminator="\n")
        write.writerow(COLUMNS)
        write.writerows(_rows(held, when))


def _rows(held: list[MendedThing], when: Calendar) -> Iterator[tuple[str, ...]]:
    for one in held:
        effect = "removes" if one.case.kind == "removed" else "lowers"
        undone = "" if one.case.undone is None else when.text(one.case.undone)
        yield HERE, one.kind, one.uid, effect, when.text(one.case.fixed), undone
