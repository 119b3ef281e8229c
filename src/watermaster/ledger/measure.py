"""Sums over files just written, before anybody sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from watermaster.ledger.engine import exactly
from watermaster.ledger.lake import Slice, path_of
from watermaster.ledger.open import Ledger
from watermaster.model.shapes import COSTS


@dataclass
class SliceSum:
    """What one slice of bills holds: exact billed cost, and the delivered files it came from."""

    cost: Decimal = Decimal(0)
    files: set[str] = field(default_factory=set)


def slice_sums(
    ledger: Ledger, files: Sequence[str], slice_by: Sequence[str]
) -> dict[Slice, SliceSum]:
    """Billed cost and delivered files of each slice in Parquet files of `charges`."""
    found: dict[Slice, SliceSum] = {}
    if not files:
        return found
    rows = ledger.engine.read_parquet([exactly(path_of(file)) for file in files])
    summed = rows.group_by(*slice_by, "charge_file").agg(
        cost=rows.billed_cost.sum().cast("decimal(38, 15)")
    )
    for row in ledger.engine.to_pyarrow(summed).to_pylist():
        one = found.setdefault(tuple(row[name] for name in slice_by), SliceSum())
        one.cost += row["cost"] or Decimal(0)
        one.files.add(row["charge_file"])
    return found


def cost_sums(ledger: Ledger, files: Sequence[str]) -> dict[str, Decimal | None]:
    """The exact sum of each of the four costs in Parquet files of charges or allocations."""
    if not files:
        return dict.fromkeys(COSTS)
    rows = ledger.engine.read_parquet([exactly(path_of(file)) for file in files])
    sums = {cost: rows[cost].sum().cast("decimal(38, 15)") for cost in COSTS}
    found: dict[str, Decimal | None] = ledger.engine.to_pyarrow(rows.aggregate(**sums)).to_pylist()[
        0
    ]
    return found
