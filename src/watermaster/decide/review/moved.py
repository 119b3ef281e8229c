"""What moved, and why: the change of cost by price, volume, mix, new and gone, exactly.

For one subject and one price (service, SKU, kind of pricing, unit) with cost c and quantity q in
both months: price = c1 - q1 p0, with p0 = c0 / q0. The rest of a subject's change in one unit is
volume = (Q1 - Q0) C0 / Q0 and mix = what is left of sum(q1 p0) - C0. A price a subject did not pay
before counts with what it pays now, so that it is volume and mix, never a change of price. This
is the usual price, volume and mix bridge of management accounting, taken per SKU.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Final

from watermaster.decide.cost.by import SUM, Cost
from watermaster.decide.cost.moved import thing_columns
from watermaster.model.decision import Decision
from watermaster.model.moved import Cause, Reason
from watermaster.model.tables import Column, Table, ibis

RULE: Final = "cost-explained/1"
OWN: Final = "own:"
POOL_DAYS: Final = "pool-days"
QUANTITY: Final = "decimal(38, 15)"
DIGITS: Final = Decimal("1e-15")
PRICE: Final = ("provider", "service", "sku", "pricing", "unit")
Row = Mapping[str, Any]


def quantities(allocations: Table, charges: Table, months: tuple[str, str], cost: Cost) -> Decision:
    """Cost and quantity of two months, for each subject and each price it paid.

    allocations, charges: of those months, joined by charge_file and charge_row. A part's quantity
    is its ratio of its charge's PricingQuantity; of own pools, which are charged by the day, it is
    the ratio: pool-days. Only usage with a SKU and a quantity over 0 counts.
    returns: workload, kind, team, pool, service_of, currency, provider, service, sku, pricing,
    unit (null: no quantity), cost_before, cost_now, quantity_before, quantity_now
    """
    key = {"file": charges.charge_file, "row": charges.charge_row}
    told = charges.select(**key, **_priced(charges))
    rows = allocations.left_join(
        told, (allocations.charge_file == told.file) & (allocations.charge_row == told.row)
    )
    quantity = (rows.units.cast(QUANTITY) * rows.ratio).cast(QUANTITY)
    amount, month = rows[cost.column], rows.billing_month
    before, now = (month == name for name in months)
    found = rows.group_by(
        **{name: column for name, column in thing_columns(rows).items() if name != "service"},
        service_of=thing_columns(rows)["service"], currency=rows.billing_currency,
        provider=rows.provider, service=rows.service, sku=rows.sku, pricing=rows.pricing,
        unit=rows.priced_in,
    ).agg(
        cost_before=amount.sum(where=before).cast(SUM), cost_now=amount.sum(where=now).cast(SUM),
        quantity_before=quantity.sum(where=before), quantity_now=quantity.sum(where=now),
    )  # fmt: skip
    why = f"The {cost.value} cost of {months[1]} minus that of {months[0]}, taken apart by SKU."
    return Decision(rule=RULE, rows=found, why=why)


def _priced(charges: Table) -> dict[str, Column]:
    is_own = charges.source.startswith(OWN)
    sku = ibis.coalesce(charges.sku_id, charges.sku_meter)
    is_use = (charges.charge_category == "Usage") & sku.notnull()
    counted = is_use & (charges.pricing_quantity > 0)
    unit = ibis.ifelse(counted, charges.pricing_unit.fill_null("units"), ibis.null("string"))
    units = ibis.ifelse(counted, charges.pricing_quantity, ibis.null(QUANTITY))
    return {
        "sku": sku,
        "pricing": charges.pricing_category,
        "priced_in": ibis.ifelse(is_own, ibis.literal(POOL_DAYS), unit),
        "units": ibis.ifelse(is_own, ibis.literal(1).cast(QUANTITY), units),
    }


@dataclass(frozen=True, slots=True)
class _Paid:
    """What one subject paid at one price in two months."""

    price: tuple[str | None, ...]  # PRICE
    cost: tuple[Decimal, Decimal]
    quantity: tuple[Decimal, Decimal]


def explain(rows: Iterable[Row], name_of: Callable[[Row], tuple[str, str | None]]) -> list[Reason]:
    """Every reason, the largest first; they add up to the change to the last digit.

    name_of: the name of a row's subject, and its kind where it is no workload
    """
    by_subject: dict[tuple[str, str | None], list[_Paid]] = {}
    for row in rows:
        by_subject.setdefault(name_of(row), []).append(_paid(row))
    reasons: list[Reason] = []
    prices: dict[tuple[str | None, ...], list[Reason]] = {}
    with localcontext() as context:
        context.prec = 60
        for (name, kind), paid in by_subject.items():
            for one in _of_subject(name, kind, paid):
                if isinstance(one, Reason):
                    reasons.append(one)
                else:
                    prices.setdefault(one[0], []).append(one[1])
        reasons += [_together(key, held) for key, held in prices.items()]
    kept = [one for one in reasons if one.amount]
    return sorted(kept, key=lambda one: (-abs(one.amount), one.cause, one.subject))


def steps_of(reasons: Iterable[Reason]) -> dict[Cause, Decimal]:
    """The change by cause."""
    steps = dict.fromkeys(Cause, Decimal(0))
    for one in reasons:
        steps[one.cause] += one.amount
    return steps


def _paid(row: Row) -> _Paid:
    zero = Decimal(0)
    return _Paid(
        tuple(row[name] for name in PRICE),
        (row["cost_before"] or zero, row["cost_now"] or zero),
        (row["quantity_before"] or zero, row["quantity_now"] or zero),
    )


def _of_subject(
    name: str, kind: str | None, paid: Sequence[_Paid]
) -> Iterator[Reason | tuple[tuple[str | None, ...], Reason]]:
    before, now = (sum((one.cost[i] for one in paid), Decimal(0)) for i in (0, 1))
    had, has = (any(one.cost[i] or one.quantity[i] for one in paid) for i in (0, 1))
    if not (had and has):
        cause = Cause.NEW if has else Cause.GONE
        words = "new: no cost the month before" if has else "gone: no cost any more"
        yield _reason(cause, name, kind, now - before, words)
        return
    bare = [one for one in paid if one.price[-1] is None or not any(one.quantity)]
    other = sum((one.cost[1] - one.cost[0] for one in bare), Decimal(0))
    yield _reason(Cause.OTHER, name, kind, other, "carries no quantity: fees, taxes, credits")
    by_unit: dict[str, list[_Paid]] = {}
    for one in paid:
        if one not in bare:
            by_unit.setdefault(str(one.price[-1]), []).append(one)
    for unit, held in by_unit.items():
        yield from _in_unit(name, kind, unit, held)


def _in_unit(
    name: str, kind: str | None, unit: str, paid: Sequence[_Paid]
) -> Iterator[Reason | tuple[tuple[str | None, ...], Reason]]:
    """Price of each SKU paid in both months; volume and mix over all of one unit."""
    at_old_prices = Decimal(0)
    for one in paid:
        (c0, c1), (q0, q1) = one.cost, one.quantity
        if q0 and q1:
            old = (q1 * c0 / q0).quantize(DIGITS, ROUND_HALF_EVEN)
            reason = _reason(Cause.PRICE, name, kind, c1 - old, "")
            yield one.price, replace(reason, before=c0 / q0, now=c1 / q1, unit=unit)
        else:  # bought in one of the months only: its price did not change
            old = c1
        at_old_prices += old
    c0 = sum((one.cost[0] for one in paid), Decimal(0))
    q0, q1 = (sum((one.quantity[i] for one in paid), Decimal(0)) for i in (0, 1))
    volume = ((q1 - q0) * c0 / q0).quantize(DIGITS, ROUND_HALF_EVEN) if q0 else at_old_prices - c0
    more = "more" if q1 > q0 else "fewer"
    share = f" {(q1 - q0) / q0:+.0%}" if q0 else ""
    told = _reason(Cause.VOLUME, name, kind, volume,
                   f"volume{share}: {abs(q1 - q0):,.0f} {more} {unit}")  # fmt: skip
    yield replace(told, before=q0, now=q1, unit=unit)
    yield _reason(Cause.MIX, name, kind, at_old_prices - c0 - volume,
                  f"mix: other kinds of {unit} than before")  # fmt: skip


def _reason(cause: Cause, name: str, kind: str | None, amount: Decimal, words: str) -> Reason:
    return Reason(cause=cause, subject=name, kind=kind, amount=amount, before=None, now=None,
                  unit=None, words=words)  # fmt: skip


def _together(price: tuple[str | None, ...], held: Sequence[Reason]) -> Reason:
    """One price that several pay is one reason; its change is told as they felt it most."""
    most = max(held, key=lambda one: (abs(one.amount), one.subject))
    amount = sum((one.amount for one in held), Decimal(0))
    _, service, sku, pricing, unit = price
    name = sku or service or "unknown"
    change = (most.now / most.before - 1) if most.now and most.before else None
    far = f" {change:+.1%}" if change is not None else ""
    paid = f", paid by {len(held)}" if len(held) > 1 else f", paid by {most.subject}"
    words = f"price of {name}{far} a unit of {unit}" + (f" ({pricing})" if pricing else "") + paid
    return replace(most, subject=name, kind=None, amount=amount, words=words, subjects=len(held))
