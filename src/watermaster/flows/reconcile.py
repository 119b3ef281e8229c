"""Hold a month of the ledger beside the invoices of finance."""

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from watermaster.decide.cost.reconcile import RULE, reconcile, unexplained
from watermaster.flows.gaps import rejected_by_file
from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.reconciled import Billed, Invoice, Reconciled
from watermaster.model.tables import Table, ibis

COLUMNS: Final = ("invoice_id", "issuer", "currency", "amount", "tax")


def reconcile_month(project: Project, month: str, invoices: Path | None = None) -> Reconciled:
    """The bills of a billing month against invoices (None: only what the bills say)."""
    head = read_head(project.ledger.records)
    table = load(project.ledger.catalog, "charges")
    held = {key for _, key, _ in files_at(table, head.snapshots["charges"]) if key[1] == month}
    if not held:
        raise NotFoundError(f"month {month}", "has no bills", "see wm status for the months")
    rows = _billed(read(project.ledger, head, "charges", sorted(held)))
    billed = [Billed(**row) for row in project.ledger.engine.to_pyarrow(rows).to_pylist()]
    given = list(read_invoices(invoices)) if invoices else []
    rejected = sum(rejected_by_file(project, month).values())
    lines = reconcile(billed, given, rejected)
    equal = sum(1 for one in lines if one.difference == 0)
    return Reconciled(
        rule=RULE,
        snapshot=head.name,
        why=f"{len(given)} invoices beside the bills of {month}: {equal} equal to the last digit.",
        month=month,
        lines=lines,
        unexplained=unexplained(lines),
    )


def read_invoices(path: Path) -> Iterator[Invoice]:
    """A CSV with a header: invoice_id, currency, amount, and perhaps issuer and tax."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            missing = {"invoice_id", "currency", "amount"} - set(reader.fieldnames or ())
            if missing:
                fix = f"write a header with {', '.join(COLUMNS)}"
                raise BadInputError(str(path), f"has no column {', '.join(sorted(missing))}", fix)
            for number, row in enumerate(reader, 2):
                yield _invoice(path, number, row)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(str(path), f"cannot be read ({error})", "name a CSV file") from None


def _invoice(path: Path, number: int, row: Mapping[str, str | None]) -> Invoice:
    def amount(name: str) -> Decimal | None:
        text = (row.get(name) or "").strip()
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            fix = "write it like 1234.56"
            raise BadInputError(f"{path}:{number}", f"{name} {text!r} is no amount", fix)
        return value

    total = amount("amount")
    if total is None or not row.get("invoice_id") or not row.get("currency"):
        fix = "every line needs invoice_id, currency and amount"
        raise BadInputError(f"{path}:{number}", "is not whole", fix)
    return Invoice(
        invoice_id=str(row["invoice_id"]),
        issuer=row.get("issuer") or None,
        currency=str(row["currency"]),
        amount=total,
        tax=amount("tax"),
    )


def _billed(charges: Table) -> Table:
    """BilledCost of each invoice by kind of charge; own pools are on no invoice."""
    bills = charges.filter(~charges.charge_file.startswith("own:"))
    cost = ibis.coalesce(bills.billed_cost, 0)

    def of(*categories: str) -> Table:
        return bills.charge_category.isin(categories).ifelse(cost, 0).sum().cast("decimal(38, 15)")

    known = of("Tax") + of("Credit") + of("Adjustment")
    return bills.group_by(
        invoice_id=bills.invoice_id,
        issuer=bills.invoice_issuer_name,
        currency=bills.billing_currency,
    ).agg(
        use=(cost.sum().cast("decimal(38, 15)") - known).cast("decimal(38, 15)"),
        tax=of("Tax"), credits=of("Credit"), adjustments=of("Adjustment"), rows=bills.count(),
    )  # fmt: skip
