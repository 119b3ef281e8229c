"""Reservations of a scheduler that keep accelerators for nobody."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from watermaster.decide.estate.finding import evidence_of, found
from watermaster.decide.estate.presence import present, telling
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import Seen, Thing

IDLE: Final = dt.timedelta(days=2)
INSIDE: Final = "reservation"  # label of a job that runs, or waits to run, in one
MEANT: Final = frozenset({"MAINT", "DAILY", "HOURLY", "WEEKLY", "WEEKDAY", "WEEKEND", "TIME_FLOAT"})


def idle_reservations(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Active for two days or longer, holding accelerators, and no job ran or waits inside.

    Those for maintenance, and those that come again by themselves, are meant as they are.
    """
    del estate
    used = {(one.platform, one.labels.get(INSIDE)) for one in telling(seen)}
    for one in present(seen):
        if one.kind != "reservation" or not one.gpus or (one.state or "").lower() != "active":
            continue
        flags = set((one.labels.get("flags") or "").upper().split(","))
        stood = seen.now - one.first_seen
        if flags & MEANT or stood < IDLE or (one.platform, _name(one)) in used:
            continue
        yield found(
            seen, "idle-reservation", one.place, one.cost,
            why=f"keeps {one.gpus} {one.accelerator or 'GPUs'} of {one.platform} for "
            f"{one.creator or one.account or 'somebody'} since {one.first_seen:%Y-%m-%d}; no job "
            f"ran or waits inside it in {seen.month}",
            next_step=f"ask {one.team or one.creator or 'who made it'}, or release it, which can "
            "be undone until its end",
            team=one.team, evidence=evidence_of([one]), source=one.source, since=one.first_seen,
        )  # fmt: skip


def _name(one: Thing) -> str:
    return one.name or one.uid
