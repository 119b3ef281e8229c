"""What a closed month changed by: the present allocation less the closed one, owner by owner.

Closed statements + adjustments = present bills, by every dimension but day and resource, however
often the month is restated: what earlier adjustments booked, in months closed since, counts.
"""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Final

import ibis

from watermaster.model.decision import Decision
from watermaster.model.shapes import ADJUSTMENTS, COSTS, MONEY
from watermaster.model.tables import Table

RULE: Final = "adjust/1"
WHY: Final = "The present bill by the closed month's rules, less what was closed and booked before."
SUM: Final = "decimal(38, 15)"
_NAMES: Final = ("adjusts_month", "adjusts_close_id", "billing_month")
KEY: Final = tuple(name for name in ADJUSTMENTS.types if name not in {*_NAMES, *COSTS})


def adjust(present: Table, closed: Table, booked: Table, tags: Sequence[str] = ()) -> Decision:
    """One row per owner and dimension whose cost differs.

    present, closed: allocations of one month; booked: adjustments of it that stay.
    returns: KEY, the tag columns, the four costs (the difference); rows of four zeros are left out.
    """
    key = [*KEY, *tags]
    every = ibis.union(_signed(present, key, 1), _signed(closed, key, -1), _signed(booked, key, -1))
    summed = every.group_by(key).agg(
        **{cost: every[cost].sum().cast(SUM).cast(MONEY) for cost in COSTS}
    )
    differs = reduce(or_, (summed[cost] != 0 for cost in COSTS))
    return Decision(rule=RULE, rows=summed.filter(differs), why=WHY)


def _signed(rows: Table, key: Sequence[str], sign: int) -> Table:
    costs = {cost: ibis.coalesce(rows[cost], 0).cast(MONEY) for cost in COSTS}
    signed = {name: cost if sign > 0 else (-cost).cast(MONEY) for name, cost in costs.items()}
    return rows.select(*(rows[name] for name in key), **signed)
