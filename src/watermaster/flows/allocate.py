"""Give every charge to its owners, slice by slice, and book what closed months changed by."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from watermaster.decide.cost import allocate as rule
from watermaster.flows.closed import read_month
from watermaster.flows.estate import known_estate
from watermaster.flows.give import charge_slices, give
from watermaster.flows.open import Project
from watermaster.flows.own import charge_own
from watermaster.flows.restate import restate
from watermaster.ledger.closes import closed_months
from watermaster.ledger.lake import Slice
from watermaster.ledger.records import DECISIONS
from watermaster.ledger.write import Work, begin
from watermaster.model.events import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """The outcome of one `wm allocate` run."""

    revision: str
    rule: str
    why: str
    months: list[str]
    charges: int
    allocations: int
    restated: list[str] = field(default_factory=list)  # closed months with adjustments


def allocate_months(project: Project, months: Sequence[str] | None = None) -> Allocated:
    """Allocate the charges of `months` (None: every open month in the ledger).

    A closed month is not allocated anew: what its bills changed by is booked as adjustments.
    """
    for month in months or ():
        read_month(month)
    charge_own(project)
    with begin(project.ledger, "allocate", project.actor, project.tell) as work:
        sizes = _chosen(work, months)
        written = give(work, sizes, known_estate(project))
        found = sorted({month for _, month, _ in sizes})
        _record(work, found)
        restated = restate(work)
        return Allocated(
            revision=f"r{work.revision}",
            rule=rule.RULE,
            why=rule.WHY,
            months=found,
            charges=sum(sizes.values()),
            allocations=sum(written.rows.values()),
            restated=restated,
        )


def _chosen(work: Work, months: Sequence[str] | None) -> dict[Slice, int]:
    """The slices of charges to allocate, with their row counts. A closed month never changes."""
    closed = closed_months(work.connection)
    for month in sorted(closed.intersection(months or ())):
        text = f"{month} is closed: what changed since is booked in the open month"
        work.tell(Notice(text))
    found = charge_slices(work)
    return {
        key: count
        for key, count in found.items()
        if key[1] not in closed and (months is None or key[1] in months)
    }


def _record(work: Work, months: Sequence[str]) -> None:
    inputs = {"revision": work.head.revision, "snapshots": work.head.snapshots}
    for month in months:
        work.connection.execute(
            DECISIONS.insert().values(
                revision=work.revision,
                at=work.at(),
                action="allocate",
                rule=rule.RULE,
                subject=month,
                inputs=json.dumps(inputs, sort_keys=True),
                why=rule.WHY,
            )
        )
    work.detail |= {"months": list(months), "rule": rule.RULE}
