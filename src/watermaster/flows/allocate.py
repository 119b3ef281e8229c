"""Give every charge to its owners, slice by slice, in one commit."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from watermaster.decide.cost import allocate as rule
from watermaster.decide.cost.targets import Targets, number_targets
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.flows.own import charge_own
from watermaster.flows.weigh import weigh
from watermaster.ledger.hold import hold
from watermaster.ledger.lake import Slice, files_at, load
from watermaster.ledger.measure import cost_sums
from watermaster.ledger.read import read
from watermaster.ledger.records import CLOSES, DECISIONS
from watermaster.ledger.write import Work, begin
from watermaster.model.errors import RefusedError, WatermasterError
from watermaster.model.events import Progress
from watermaster.model.tables import Table

ROWS_A_BATCH: Final = 4_000_000  # small slices are split together, a large one alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """The outcome of one `wm allocate` run."""

    revision: str
    rule: str
    why: str
    months: list[str]
    charges: int
    allocations: int


def allocate_months(project: Project, months: Sequence[str] | None = None) -> Allocated:
    """Allocate the charges of `months` (None: every open month in the ledger)."""
    charge_own(project)
    with begin(project.ledger, "allocate", project.actor, project.tell) as work:
        estate = known_estate(project)
        targets = number_targets(estate)
        sizes = _chosen(work, months)
        charges = read(project.ledger, work.head, "charges", list(sizes))
        weights = weigh(work, charges, targets, estate)
        held = hold(project.ledger, rule.parts(weights, targets), "held_parts")
        tags = sorted(name for name in charges.columns if name.startswith("tag_"))
        work.add_columns("allocations", dict.fromkeys(tags, "string"))
        count = _write(work, sizes, held, targets)
        found = sorted({month for _, month, _ in sizes})
        _record(work, found)
        return Allocated(
            revision=f"r{work.revision}",
            rule=rule.RULE,
            why=rule.WHY,
            months=found,
            charges=sum(sizes.values()),
            allocations=count,
        )


def _chosen(work: Work, months: Sequence[str] | None) -> dict[Slice, int]:
    """The slices of charges to allocate, with their row counts. A closed month never changes."""
    closed = set(work.connection.scalars(sa.select(CLOSES.c.month)))
    for month in months or ():
        if month in closed:
            raise RefusedError(
                month, "the month is closed", "corrections are booked by wm close of a later month"
            )
    table = load(work.ledger.catalog, "charges")
    sizes: defaultdict[Slice, int] = defaultdict(int)
    for _, key, count in files_at(table, work.head.snapshots["charges"]):
        if key[1] not in closed and (months is None or key[1] in months):
            sizes[key] += count
    return dict(sizes)


def _write(work: Work, sizes: dict[Slice, int], held: Table, targets: Targets) -> int:
    by_month: defaultdict[Slice, dict[Slice, int]] = defaultdict(dict)
    for key, count in sizes.items():
        by_month[key[:2]][key] = count
    done, written_rows, total = 0, 0, sum(sizes.values())
    for batch in _batches(by_month):
        parts = [key for month in batch for key in by_month[month]]
        charges = read(work.ledger, work.head, "charges", parts)
        rows = rule.allocate(charges, held, targets).rows
        written = work.write("allocations", rows, one_slice=len(batch) == 1)
        _prove_conserved(work, parts, written.files)
        work.swap("allocations", batch, written)
        done += sum(sizes[key] for key in parts)
        written_rows += sum(written.rows.values())
        work.tell(Progress(done, total, "charges"))
    return written_rows


def _batches(by_month: dict[Slice, dict[Slice, int]]) -> Iterator[list[Slice]]:
    batch: list[Slice] = []
    size = 0
    for key, parts in sorted(by_month.items()):
        count = sum(parts.values())
        if batch and size + count > ROWS_A_BATCH:
            yield batch
            batch, size = [], 0
        batch.append(key)
        size += count
    if batch:
        yield batch


def _prove_conserved(work: Work, charges: Sequence[Slice], written: Sequence[str]) -> None:
    """Every drop is accounted for: nothing is committed that loses or makes money."""
    table = load(work.ledger.catalog, "charges")
    files = [path for path, _, _ in files_at(table, work.head.snapshots["charges"], charges)]
    billed, given = cost_sums(work.ledger, files), cost_sums(work.ledger, written)
    if billed != given:
        raise WatermasterError(
            ", ".join("/".join(key) for key in charges),
            f"allocations sum to {given}, charges to {billed}",
            "report this as a defect; the ledger is unchanged",
        )


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
