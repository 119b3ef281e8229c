"""Sums over files just written, before anybody sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import ibis

from watermaster.ledger.engine import exactly
from watermaster.ledger.lake import Slice, path_of
from watermaster.ledger.open import Ledger
from watermaster.model.shapes import COSTS
from watermaster.model.tables import Table

IDENTITY: Final = (  # what a row is about; two runs of a month tell the same, at other costs
    "charge_period_start", "charge_period_end", "billing_account_id", "sub_account_id",
    "charge_category", "charge_class", "charge_description", "service_name", "region_id",
    "resource_id", "sku_id", "sku_price_id", "sku_meter", "commitment_discount_id",
    "commitment_discount_status", "tags",
)  # fmt: skip
MOST_KEYS: Final = 1_000_000  # looked at; of larger deliveries every n-th


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


def twins(
    ledger: Ledger, files: Sequence[str], slice_by: Sequence[str]
) -> list[tuple[str, str, float]]:
    """Pairs of delivered files in one slice that tell of the same things, in Parquet files.

    Of each pair, the share of the smaller one's things that the other tells too, the largest first.
    """
    if not files:
        return []
    rows = ledger.engine.read_parquet([exactly(path_of(file)) for file in files])
    texts = [rows[name].cast("string").fill_null("") for name in IDENTITY]
    about = ibis.literal("\n").join(texts).hash()
    step = 1 + ledger.engine.to_pyarrow(rows.count()).as_py() // MOST_KEYS
    keys = rows.select(*slice_by, "charge_file", about=about)
    keys = keys.filter(keys.about % step == 0).distinct().cache()
    sizes = keys.group_by("charge_file").agg(size=keys.count())
    one, other = keys.view(), keys.view()
    both = one.inner_join(other, [*slice_by, "about", one.charge_file < other.charge_file]).select(
        first=one.charge_file, second=other.charge_file
    )
    pairs = both.group_by("first", "second").agg(shared=both.count())
    held = {row["charge_file"]: row["size"] for row in _rows(ledger, sizes)}
    found = [
        (row["first"], row["second"], row["shared"] / min(held[row["first"]], held[row["second"]]))
        for row in _rows(ledger, pairs)
    ]
    return sorted(found, key=lambda pair: (-pair[2], pair[:2]))


def _rows(ledger: Ledger, table: Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ledger.engine.to_pyarrow(table).to_pylist()
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
