"""Allocated rows of FOCUS 1.3 and later REPLACE the row they were split from.

A feed that carries both counts the same cost twice. It is found by the ratio sum: where the
allocated rows of one origin (same resource, price, account and periods) hold `cost` and their
AllocatedRatio sum to `r`, a row beside them with cost / r is the origin itself. One with the
rest, cost / r - cost, is what was not allocated and stays.
"""

from dataclasses import replace
from typing import Any, Final

from watermaster.model.errors import RefusedError
from watermaster.observe.engine import Truth, ibis, json_all_texts, json_valid
from watermaster.observe.focus_faults import Ask, Origin, Reading, ask_row

KEY: Final = "= origin"
CLOSE: Final = 0.01  # of the cost: ratios are printed with few digits
_SAME: Final = (
    "billing_period_start", "charge_period_start", "charge_period_end", "billing_account_id",
    "sub_account_id", "resource_id", "sku_price_id", "charge_category", "billing_currency",
)  # fmt: skip


def without_origins(file: Reading, ask: Ask) -> tuple[Reading, list[str]]:
    """The file without rows that its allocated rows replace; RefusedError unless told to drop."""
    keyed = replace(file, text=_keyed(file))
    twice = _counted_twice(keyed)
    found = ask_row(
        ask, twice.aggregate(rows=twice["whole_rows"].sum(), parts=twice["part_rows"].sum())
    )
    rows, parts = (int(str(found[name] or 0)) for name in ("rows", "parts"))
    if not rows:
        return file, []
    if file.order.origin is not Origin.DROP:
        raise RefusedError(
            file.order.where,
            f"carries {parts} allocated rows and the {rows} rows they were split from, "
            "so that their cost would count twice",
            "give --origin drop to keep the allocated rows, or deliver one of the two",
        )
    is_origin = ~is_allocated(keyed) & keyed.text[KEY].isin(twice[KEY])
    dropped = f"{rows} rows dropped because {parts} allocated rows replace them"
    return replace(keyed, text=keyed.text.filter(~is_origin)), [dropped]


def is_allocated(file: Reading) -> Truth:
    """Whether a row is a part of another."""
    return file.text_of("allocated_method_id").notnull()


def _keyed(file: Reading) -> Any:
    parts = [raw.fill_null("") for _, raw in file.raws(_SAME)]
    return file.text.mutate({KEY: ibis.literal("\x1f").join(parts)}).view()


def _counted_twice(file: Reading) -> Any:
    """One row per origin that is there beside its allocated rows."""
    part = is_allocated(file)
    cost = file.number("effective_cost" if file.has("effective_cost") else "billed_cost")
    cost = cost.cast("float64")
    details = file.text_of("allocated_method_details")
    details = json_valid(details).ifelse(details, ibis.null("string"))
    ratios = json_all_texts(details, "$.Elements[*].AllocatedRatio").cast("array<float64>")
    sums = file.text.group_by(KEY).aggregate(
        parts=part.ifelse(cost, 0.0).sum(),
        whole=part.ifelse(0.0, cost).sum(),
        ratio=part.ifelse(ratios.sums(), ibis.null("float64")).sum(),
        part_rows=part.ifelse(1, 0).sum(),
        whole_rows=part.ifelse(0, 1).sum(),
    )
    share = ibis.coalesce(sums["ratio"], 1.0)
    gap = (sums["whole"] * share - sums["parts"]).abs()
    both = (sums["part_rows"] > 0) & (sums["whole_rows"] > 0) & (sums["parts"] != 0)
    return sums.filter(both & (gap <= sums["parts"].abs() * CLOSE))
