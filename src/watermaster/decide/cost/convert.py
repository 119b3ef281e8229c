"""Several currencies: the rate of the day a charge starts, rounded once per charge.

The converted cost stands beside the original. Exact on every engine: the cost is cut into 5
decimals and the rest, both products keep all their digits, and only the rest is rounded (half
away from zero); cost and rest have one sign, so that this is the rounding of the whole product.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import ibis

from watermaster.decide.cost.split import cut_coarse
from watermaster.model.estate import Estate
from watermaster.model.shapes import COSTS
from watermaster.model.tables import Column, Table

RULE: Final = "convert/1"
CARRIED_DAYS: Final = 7  # a day without a rate takes the latest one of the week before
CONVERTED: Final = tuple(f"converted_{cost}" for cost in COSTS)
COLUMNS: Final = dict.fromkeys(CONVERTED, "decimal(28, 15)") | {"converted_currency": "string"}
SCHEMA: Final = ibis.schema(
    {"rate_currency": "string", "rate_day": "string", "rate": "decimal(18, 9)"}
)
_MONEY: Final = "decimal(28, 15)"
_WIDE: Final = "decimal(38, 15)"


@dataclass(frozen=True, slots=True)
class Conversion:
    """Into which currency, by which rates: rate_currency, rate_day (YYYY-MM-DD), rate."""

    currency: str
    rates: Table


def day_rates(estate: Estate, currency: str) -> Table:
    """The rate of each currency on each day into `currency`, of all price sheets that have it.

    returns: rate_currency, rate_day (YYYY-MM-DD), rate. Where two sheets differ on a day, the
    one whose name sorts first counts.
    """
    known: dict[tuple[str, dt.date], object] = {}
    for version in sorted(
        estate.of("PriceSheet"), key=lambda v: v.resource.metadata.name, reverse=True
    ):
        if version.resource.spec.currency == currency:
            known |= {(rate.currency, rate.day): rate.rate for rate in version.resource.spec.rates}
    return ibis.memtable(list(_carried(known)), schema=SCHEMA)


def _carried(
    known: dict[tuple[str, dt.date], object],
) -> Iterator[tuple[str, str, object]]:
    for (currency, day), rate in known.items():
        yield currency, day.isoformat(), rate
        for later in _days_after(day):
            if (currency, later) in known:
                break
            yield currency, later.isoformat(), rate


def _days_after(day: dt.date) -> Iterable[dt.date]:
    return (day + dt.timedelta(days=number) for number in range(1, CARRIED_DAYS + 1))


def convert(charges: Table, into: Conversion) -> Table:
    """Add CONVERTED and converted_currency: null where the day has no rate.

    charges: billing_currency, charge_period_start and the four costs. A charge in the currency
    already is its own conversion.
    """
    rates, currency = into.rates, into.currency
    day = charges.charge_period_start.cast("date").cast("string")
    on = [charges.billing_currency == rates.rate_currency, day == rates.rate_day]
    joined = charges.left_join(rates, on)
    kept = [joined[name] for name in (*charges.columns, "rate")]
    rows = joined.select(*kept)
    is_own = rows.billing_currency == currency
    amounts = {
        name: ibis.ifelse(is_own, rows[cost], _times(rows[cost], rows.rate))
        for name, cost in zip(CONVERTED, COSTS, strict=True)
    }
    told = ibis.ifelse(is_own | rows.rate.notnull(), ibis.literal(currency), None)
    return rows.mutate(**amounts, converted_currency=told).drop("rate")


def _times(cost: Column, rate: Column) -> Column:
    coarse = cut_coarse(cost)
    rest = (cost - coarse).cast("decimal(15, 15)").cast("decimal(19, 15)")
    wide = rate.cast("decimal(19, 9)")  # one side 19 wide, else DuckDB overflows at run time
    whole = (coarse * wide).cast("decimal(38, 14)").cast(_WIDE)  # 5 + 9 decimals: exact
    rounded = (rest * rate).cast("decimal(38, 24)").cast(_WIDE)  # 15 + 9 decimals, rounded once
    return (whole + rounded).cast("decimal(38, 16)").cast(_MONEY)


def amount_in(allocations: Table, cost: str, currency: str) -> Column:
    """A cost in one currency: as billed, or converted; null where it cannot be said."""
    own = ibis.ifelse(allocations.billing_currency == currency, allocations[cost], None)
    if "converted_currency" not in allocations.columns:
        return own
    converted = allocations[f"converted_{cost}"]
    other = ibis.ifelse(allocations.converted_currency == currency, converted, None)
    return ibis.coalesce(own, other)


def foreign(currencies: Sequence[str], currency: str) -> list[str]:
    """The currencies of bills that are not the organisation's."""
    return sorted(one for one in currencies if one and one != currency)
