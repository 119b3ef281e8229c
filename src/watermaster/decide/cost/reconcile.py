"""Ledger against invoices: each difference with what explains it.

An invoice is met by its id; where the bill names no invoice, by issuer and currency if there is
only one such invoice. A difference is explained by rounding (an invoice has two decimals: at most
half a cent for each row of the bill, never over `ROUNDING`), by its tax alone, by the credits
alone, or by rows of the bill that were rejected; what none of these explains is unexplained.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from watermaster.model.reconciled import Billed, Invoice, Line

RULE: Final = "reconcile/1"
HALF_A_CENT: Final = Decimal("0.005")
ROUNDING: Final = Decimal("1.00")  # more than this is never rounding


def reconcile(
    billed: Sequence[Billed], invoices: Sequence[Invoice], rejected_rows: int
) -> list[Line]:
    """One line per invoice, the largest difference first. rejected_rows: of the month's files."""
    given = {(one.invoice_id, one.currency): one for one in invoices}
    lines, met = [], set()
    for held in billed:
        invoice = _invoice_of(held, given, invoices)
        if invoice is not None:
            met.add((invoice.invoice_id, invoice.currency))
        lines.append(_line(held, invoice, rejected_rows))
    for key, invoice in given.items():
        if key not in met:
            lines.append(_alone(invoice))
    return sorted(lines, key=_size)


def unexplained(lines: Sequence[Line]) -> dict[str, Decimal]:
    """The differences that nothing explains, by currency."""
    found: dict[str, Decimal] = {}
    for one in lines:
        if one.difference and one.why.startswith("unexplained"):
            found[one.currency] = found.get(one.currency, Decimal(0)) + one.difference
    return found


def _invoice_of(
    held: Billed, given: Mapping[tuple[str, str], Invoice], invoices: Sequence[Invoice]
) -> Invoice | None:
    if held.invoice_id is not None:
        return given.get((held.invoice_id, held.currency))
    alike = [one for one in invoices if one.issuer == held.issuer and one.currency == held.currency]
    return alike[0] if len(alike) == 1 else None


def _line(held: Billed, invoice: Invoice | None, rejected_rows: int) -> Line:
    difference = None if invoice is None else invoice.amount - held.total
    return Line(
        invoice_id=held.invoice_id or (invoice.invoice_id if invoice else None),
        issuer=held.issuer,
        currency=held.currency,
        ledger=held.total,
        invoice=None if invoice is None else invoice.amount,
        use=held.use,
        tax=held.tax,
        credits=held.credits,
        adjustments=held.adjustments,
        difference=difference,
        why=_why(held, invoice, rejected_rows),
    )


def _why(held: Billed, invoice: Invoice | None, rejected_rows: int) -> str:
    if invoice is None:
        return "no invoice was given for it: it may not be issued yet"
    difference = invoice.amount - held.total
    if difference == 0:
        return "equal to the last digit"
    if abs(difference) <= min(HALF_A_CENT * held.rows, ROUNDING):
        return f"rounding: {held.rows} rows, an invoice has two decimals"
    if not held.tax and difference == invoice.tax:
        return "the tax of the invoice, which the bill does not carry"
    if held.tax and difference == -held.tax:
        return "the tax of the bill, which the invoice does not carry"
    if held.credits and difference == -held.credits:
        return "credits of the bill, which the invoice does not carry"
    if rejected_rows:
        return f"unexplained; {rejected_rows} rows were rejected: wm ingest rejected"
    return "unexplained"


def _alone(invoice: Invoice) -> Line:
    nothing = Decimal(0)
    return Line(
        invoice_id=invoice.invoice_id, issuer=invoice.issuer, currency=invoice.currency,
        ledger=None, invoice=invoice.amount, use=nothing, tax=nothing, credits=nothing,
        adjustments=nothing, difference=invoice.amount,
        why="unexplained; no bill of this invoice was delivered",
    )  # fmt: skip


def _size(one: Line) -> tuple[Decimal, str]:
    return -abs(one.difference or Decimal(0)), one.invoice_id or ""
