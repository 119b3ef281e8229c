"""The statement of a month, and its journal: who pays what, and that it is all of the bill."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from watermaster.model.decision import Decision
from watermaster.model.statement import KINDS, Amounts, Entry, Line
from watermaster.model.tables import Table, ibis
from watermaster.units.periods import parse_month

RULE: Final = "statement/1"
JOURNAL_RULE: Final = "journal/1"
SUM: Final = "decimal(38, 15)"
BY: Final = ("unit", "team", "workload", "kind", "account", "service")
BOOKED_BY: Final = ("cost_center", "unit", "team", "kind", "provider", "account", "service")
NOTHING: Final = Decimal(0)


def lines(allocations: Table) -> Decision:
    """Both costs by owner, account, service, currency and the month adjusted.

    allocations: as flows/closed.py gives them, with adjusts_month.
    returns: BY, currency, adjusts_month, effective, billed decimal(38, 15), sorted by BY.
    """
    why = "Effective cost shows what was used, billed cost is what is charged on."
    return Decision(rule=RULE, rows=_summed(allocations, BY), why=why)


def bookings(allocations: Table) -> Decision:
    """Both costs by what a journal books: BOOKED_BY, currency and adjusts_month."""
    why = "Each cost centre is debited its billed cost; what the provider is owed is credited."
    return Decision(rule=JOURNAL_RULE, rows=_summed(allocations, BOOKED_BY), why=why)


def bill_sums(charges: Table) -> Table:
    """Both costs of the bills themselves, by currency."""
    return charges.group_by(currency=charges.billing_currency).agg(
        effective=charges.effective_cost.sum().cast(SUM),
        billed=charges.billed_cost.sum().cast(SUM),
    )


def _summed(rows: Table, by: Sequence[str]) -> Table:
    found = rows.group_by(*by, "adjusts_month", currency=rows.billing_currency).agg(
        effective=rows.effective_cost.sum().cast(SUM), billed=rows.billed_cost.sum().cast(SUM)
    )
    order = [ibis.asc(name, nulls_first=False) for name in (*by, "currency", "adjusts_month")]
    return found.order_by(order)


def read_lines(rows: Iterable[Mapping[str, Any]]) -> list[Line]:
    """Rows of `lines` as records; a cost that no row has is nothing to pay."""
    return [
        Line(**dict(row) | {"effective": row["effective"] or NOTHING,
                            "billed": row["billed"] or NOTHING})
        for row in rows
    ]  # fmt: skip


def totals(shown: Sequence[Line]) -> list[Amounts]:
    """Each kind, then the adjustments, then all of it, in each currency."""
    found = []
    for currency in _currencies(shown):
        mine = [line for line in shown if line.currency == currency]
        own = [line for line in mine if line.adjusts_month is None]
        for kind in KINDS:
            held = [line for line in own if line.kind == kind]
            if held:
                found.append(_amounts(kind, currency, held))
        later = [line for line in mine if line.adjusts_month is not None]
        if later:
            found.append(_amounts("adjustments", currency, later))
        found.append(_amounts("total", currency, mine))
    return found


def check(every: Sequence[Line], bills: Iterable[Mapping[str, Any]]) -> list[Amounts]:
    """The month's own lines beside its bills, and the difference, which must be nothing."""
    billed = {row["currency"]: row for row in bills}
    own = [line for line in every if line.adjusts_month is None]
    found = []
    for currency in sorted({*_currencies(own), *billed}, key=str):
        held = _amounts("statement", currency, [line for line in own if line.currency == currency])
        row = billed.get(currency, {})
        bill = Amounts(
            what="bills",
            currency=currency,
            effective=row.get("effective") or NOTHING,
            billed=row.get("billed") or NOTHING,
        )
        difference = Amounts(
            what="difference",
            currency=currency,
            effective=held.effective - bill.effective,
            billed=held.billed - bill.billed,
        )
        found += [held, bill, difference]
    return found


def entries(rows: Iterable[Mapping[str, Any]], month: str) -> Iterator[Entry]:
    """Two entries for each row of `bookings` that is not nothing: cost, and what is owed for it."""
    date = (parse_month(month).end - dt.timedelta(days=1)).date().isoformat()
    kept = [row for row in rows if row["billed"]]
    for number, row in enumerate(kept, start=1):
        common = {
            name: row[name] for name in ("unit", "team", "kind", "currency", "adjusts_month")
        } | {"number": number, "date": date, "text": _text(row, month)}
        more, less = max(row["billed"], NOTHING), max(-row["billed"], NOTHING)
        cost = f"cost:{row['service'] or '-'}"
        owed = f"payable:{row['provider'] or '-'}/{row['account'] or '-'}"
        centre = row["cost_center"]
        yield Entry(account=cost, cost_center=centre, debit=more, credit=less, **common)
        yield Entry(account=owed, cost_center=None, debit=less, credit=more, **common)


def entry_totals(booked: Sequence[Entry]) -> list[dict[str, object]]:
    """Debits and credits of each currency."""
    return [
        {
            "currency": currency,
            "debit": sum((e.debit for e in booked if e.currency == currency), NOTHING),
            "credit": sum((e.credit for e in booked if e.currency == currency), NOTHING),
        }
        for currency in sorted({entry.currency for entry in booked}, key=str)
    ]


def _text(row: Mapping[str, Any], month: str) -> str:
    if row["adjusts_month"]:
        return f"adjustment of {row['adjusts_month']}, {row['kind']}, {row['service'] or '-'}"
    return f"AI compute {month}, {row['kind']}, {row['service'] or '-'}"


def _currencies(held: Iterable[Line]) -> list[str | None]:
    return sorted({line.currency for line in held}, key=str)


def _amounts(what: str, currency: str | None, held: Sequence[Line]) -> Amounts:
    return Amounts(
        what=what,
        currency=currency,
        effective=sum((line.effective for line in held), NOTHING),
        billed=sum((line.billed for line in held), NOTHING),
    )
