"""Splitting money exactly, on every engine. The only place where money is divided.

The parts of a charge are differences of one cumulative function, so their sum telescopes to the
cost whatever the rounding: `part = f(hi) - f(lo)`, the last `f(hi)` being the cost itself. Ratios
are cumulated once per weight group in the small table; money is rescaled at most once per charge.
A part is accurate to |cost| x 1e-10 + 1.5e-10; the residue goes to the heaviest owner.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

import ibis

from watermaster.model.tables import Column, Table

RULE: Final = "split/1"
MONEY: Final = "decimal(28, 15)"
_EXACT_SUM: Final = "decimal(38, 15)"
_COARSE: Final = "decimal(19, 10)"  # one side 19 wide, else DuckDB overflows at run time
_FINE: Final = "decimal(10, 5)"


def cumulate(weights: Table, group: Sequence[str], owner: str) -> Table:
    """Turn weights into the ratios every charge of a group is split by.

    weights: the group columns, `owner` (text, unique in a group), `weight` int64 >= 0 with group
    sums below 2^53. Rows of weight 0 get no part.
    returns: the rows of weight > 0 with lo10, hi10, lo5, hi5 (cumulative ratios rounded down to
    10 and 5 digits, the last hi being 1), is_last, and `ratio` decimal(11, 10), sum 1 per group.
    """
    heavy = weights.filter(weights.weight > 0)
    lightest_first = ibis.window(
        group_by=list(group), order_by=[heavy.weight, heavy[owner].desc()], rows=(None, 0)
    )
    heaviest_first = ibis.window(
        group_by=list(group), order_by=[heavy.weight.desc(), heavy[owner].asc()]
    )
    summed = heavy.mutate(
        up_to=heavy.weight.sum().over(lightest_first).cast("float64"),
        total=heavy.weight.sum().over(group_by=list(group)).cast("float64"),
        own=heavy.weight.cast("float64"),
        is_last=ibis.row_number().over(heaviest_first) == 0,
    )
    before = summed.up_to - summed.own
    cut = summed.mutate(
        lo10=_ratio(before, summed.total, 10, _COARSE),
        lo5=_ratio(before, summed.total, 5, _FINE),
        hi10=ibis.ifelse(
            summed.is_last, _one(_COARSE), _ratio(summed.up_to, summed.total, 10, _COARSE)
        ),
        hi5=ibis.ifelse(summed.is_last, _one(_FINE), _ratio(summed.up_to, summed.total, 5, _FINE)),
    )
    return cut.mutate(ratio=(cut.hi10 - cut.lo10).cast("decimal(11, 10)")).drop(
        "up_to", "total", "own"
    )


def due(amount: Decimal, done: int, whole: int) -> Decimal:
    """What of `amount` falls to the first `done` of `whole` equal steps, at 15 decimals.

    The differences of successive steps telescope: however they round, they sum to the amount.

    >>> [due(Decimal(1), step + 1, 3) - due(Decimal(1), step, 3) for step in (0, 1, 2)]
    [Decimal('0.333333333333333'), Decimal('0.333333333333334'), Decimal('0.333333333333333')]
    """
    with localcontext(prec=60):
        reached = amount * min(max(done, 0), whole) / whole
        return reached.quantize(Decimal("1e-15"), rounding=ROUND_HALF_UP)


def rescale(charges: Table, costs: Sequence[str], is_split: Column) -> Table:
    """Add a_<cost> and b_<cost>: the cost cut toward zero to 5 and 10 digits, null if unsplit.

    To be called before the join that multiplies rows: it is the one costly cast.
    """
    coarse = charges.mutate(
        **{f"a_{cost}": ibis.ifelse(is_split, cut_coarse(charges[cost]), None) for cost in costs}
    )
    rest = "decimal(15, 15)"
    return coarse.mutate(
        **{
            f"b_{cost}": _toward_zero(
                (coarse[cost] - coarse[f"a_{cost}"]).cast(rest),
                rest,
                "0.00000000005",
                "decimal(10, 10)",
            )
            for cost in costs
        }
    )


def cut_coarse(cost: Column) -> Column:
    """Money cut toward zero to 5 decimals: decimal(18, 5)."""
    return _toward_zero(cost, MONEY, "0.000005", "decimal(18, 5)")


def part(rows: Table, cost: str) -> Column:
    """One owner's part of `cost`, in rows of `rescale` joined with rows of `cumulate`.

    is_whole rows (one owner takes all) carry the cost as it is.
    """
    upper = ibis.ifelse(rows.is_last, rows[cost], _reached(rows, cost, "hi"))
    share = (upper - _reached(rows, cost, "lo")).cast(_EXACT_SUM).cast(MONEY)
    return ibis.ifelse(rows.is_whole, rows[cost], share)


def _reached(rows: Table, cost: str, end: str) -> Column:
    """f(c) = a x c10 + b x c5: scales 5 + 10 and 10 + 5, so that nothing is rounded."""
    coarse = (rows[f"a_{cost}"] * rows[f"{end}10"]).cast(MONEY)
    fine = (rows[f"b_{cost}"] * rows[f"{end}5"]).cast("decimal(21, 15)")
    return coarse + fine


def _ratio(cumulated: Column, total: Column, digits: int, kind: str) -> Column:
    steps = (cumulated * float(10**digits) / total.nullif(0)).floor().cast("int64")
    # an integer times a power of ten, exact: 18 + 19 + 1 digits, one side 19 wide
    unit = ibis.literal(Decimal(1).scaleb(-digits), type=f"decimal(19, {digits})")
    return (steps.cast("decimal(18, 0)") * unit).cast(f"decimal(38, {digits})").cast(kind)


def _one(kind: str) -> Column:
    return ibis.literal(Decimal(1), type=kind)


def _toward_zero(amount: Column, kind: str, half_step: str, to: str) -> Column:
    """Both engines round half away from zero; moving half a step to zero first cuts instead."""
    step = Decimal(half_step)
    half = ibis.cases(
        (amount > 0, ibis.literal(step, type=kind)),
        (amount < 0, ibis.literal(-step, type=kind)),
        else_=ibis.literal(Decimal(0), type=kind),
    )
    return (amount - half).cast(to)
