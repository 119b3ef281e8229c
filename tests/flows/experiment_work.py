"""A ledger with two months of experiments that are asked, and of one that nobody asks any more."""

import datetime as dt

import numpy as np

from tests.flows.small import Clock, charge, declare, project_at, resource, store
from watermaster.flows.allocate import allocate_months
from watermaster.flows.findings import find
from watermaster.flows.open import Project

FIRST, DAYS = dt.date(2026, 8, 3), 59  # a Monday; to 30 September
ASKED = {"letters": 1000, "songs": 1000, "poems": 1000, "quiet": 0}  # requests a day

BUDGETS = {  # each costs 590 USD in all
    "letters": {"amount": 590}, "songs": {"amount": 500},
    "poems": {"amount": 500, "currency": "JPY"}, "quiet": {"amount": 9000},
}  # fmt: skip


def day_at(number: int, hour: int = 0) -> dt.datetime:
    return dt.datetime.combine(FIRST, dt.time()) + dt.timedelta(days=number, hours=hour)


def prepare(home) -> Project:
    """Four experiments of 10 a day; a letter and a song are worth 0.02, a poem 0.005.

    That its gates pass is known of letters alone.
    """
    project = project_at(home, Clock("2026-10-05T08:00:00"))
    dice = np.random.default_rng(7)
    rows: dict[str, list[dict[str, object]]] = {"charges": [], "subjects": [], "requests": []}
    for number in range(DAYS):
        month, day = f"{day_at(number):%Y-%m}", f"{day_at(number):%Y-%m-%d}"
        for place, (name, asked) in enumerate(ASKED.items()):
            rows["charges"].append(charge(
                "aws", month, 10 * number + place, "20", resource_id=f"ep-{name}",
                charge_period_start=day_at(number), charge_period_end=day_at(number, 24),
            ))  # fmt: skip
            thing = {"source": "inventory", "day": day, "platform": "aws",
                     "subject_kind": "endpoint", "subject_uid": name}  # fmt: skip
            rows["subjects"].append(thing | {
                "name": name, "resource_id": f"ep-{name}", "artefact": f"sha256:{name}",
                "first_seen": day_at(number), "last_seen": day_at(number, 23),
                "created_at": day_at(-40), "labels": None,
            })  # fmt: skip
            count = int(dice.poisson(asked) * (1 if number % 7 < 5 else 0.6))
            rows["requests"].append(thing | {"hour": day_at(number), "requests": count})
    for table, held in rows.items():
        store(project, table, held)
    declare(
        project,
        resource("Team", "rag", {"unit": "Care"}),
        *(document(name) for name in ASKED),
        outcome("letters", "0.02"), outcome("songs", "0.02"), outcome("poems", "0.005"),
    )  # fmt: skip
    allocate_months(project)
    find(project)
    return project


def document(name: str):
    found = resource("Workload", name, {
        "purpose": "experiment", "stage": "experiment", "endDate": "2027-01-31",
        "budget": BUDGETS[name], "selectors": [{"resourceId": f"ep-{name}"}, {"uid": name}],
    }, "rag")  # fmt: skip
    if name == "letters":
        found["metadata"]["annotations"] = {"watermaster/gates": "passed"}
    return found


def outcome(name: str, worth: str):
    return resource("Outcome", f"{name}-answered", {
        "measure": "answers", "valuePerUnit": worth, "source": "controlling", "approvedBy": "rag",
        "workload": name}, "rag")  # fmt: skip
