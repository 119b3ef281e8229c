"""Give charges to their owners and write the allocations, proved to lose and make nothing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from watermaster.decide.cost import allocate as rule
from watermaster.decide.cost import convert
from watermaster.decide.cost.targets import DIMENSIONS, Targets, number_targets
from watermaster.flows.weigh import weigh
from watermaster.ledger.files import Written
from watermaster.ledger.hold import hold
from watermaster.ledger.lake import Slice, files_at, load
from watermaster.ledger.measure import cost_sums
from watermaster.ledger.read import read
from watermaster.ledger.write import Work
from watermaster.model.errors import WatermasterError
from watermaster.model.estate import Estate
from watermaster.model.events import Progress
from watermaster.model.tables import Table

ROWS_A_BATCH: Final = 4_000_000  # small slices are split together, a large one alone


def charge_slices(work: Work) -> dict[Slice, int]:
    """Every slice of charges with its row count."""
    table = load(work.ledger.catalog, "charges")
    sizes: defaultdict[Slice, int] = defaultdict(int)
    for _, key, count in files_at(table, work.head.snapshots["charges"]):
        sizes[key] += count
    return dict(sizes)


def give(work: Work, sizes: dict[Slice, int], estate: Estate) -> Written:
    """Allocate the charges of some slices as `estate` says; seen by all with the commit."""
    if not sizes:
        return Written({}, [])
    targets = number_targets(estate)
    charges = read(work.ledger, work.head, "charges", list(sizes))
    weights = weigh(work, charges, targets, estate)
    held = hold(work.ledger, rule.parts(weights, targets), "held_parts")
    held = held.drop(*_blank(work, held))
    tags = sorted(name for name in charges.columns if name.startswith("tag_"))
    work.add_columns("allocations", dict.fromkeys(tags, "string"))
    into = _conversion(work, charges, estate)
    if into is not None:
        work.add_columns("allocations", convert.COLUMNS)
    return _write(work, sizes, held, (targets, into))


def _conversion(work: Work, charges: Table, estate: Estate) -> convert.Conversion | None:
    """Rates into the organisation's currency; None where every bill is in it already."""
    currency = work.ledger.config.currency
    billed = charges.select("billing_currency").distinct()
    known = work.ledger.engine.to_pyarrow(billed).column(0).to_pylist()
    if not convert.foreign(known, currency):
        return None
    rates = hold(work.ledger, convert.day_rates(estate, currency), "held_rates")
    return convert.Conversion(currency, rates)


def _blank(work: Work, held: Table) -> list[str]:
    """Dimensions that none of the parts has."""
    asked = held.aggregate(**{name: held[name].count() for name in (*DIMENSIONS, "utilisation")})
    counts = work.ledger.engine.to_pyarrow(asked).to_pylist()[0]
    return [name for name, count in counts.items() if not count]


def _write(
    work: Work,
    sizes: dict[Slice, int],
    held: Table,
    how: tuple[Targets, convert.Conversion | None],
) -> Written:
    by_month: defaultdict[Slice, dict[Slice, int]] = defaultdict(dict)
    for key, count in sizes.items():
        by_month[key[:2]][key] = count
    done, every, total = 0, Written({}, []), sum(sizes.values())
    for batch in _batches(by_month):
        parts = [key for month in batch for key in by_month[month]]
        charges = read(work.ledger, work.head, "charges", parts)
        rows = rule.allocate(charges, held, *how).rows
        written = work.write("allocations", rows, one_slice=len(batch) == 1)
        _prove_conserved(work, parts, written.files)
        work.swap("allocations", batch, written)
        done += sum(sizes[key] for key in parts)
        every |= written
        work.tell(Progress(done, total, "charges"))
    return every


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
