"""`wm reconcile`: a month's bills against the invoices of finance."""

from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show

app = command_group("")


@app.command(
    "reconcile",
    epilog=examples("wm reconcile 2026-10 --invoices invoices.csv", "wm reconcile 2026-10"),
)
def reconcile(
    month: Annotated[str, typer.Argument(help="billing month YYYY-MM")],
    invoices: Annotated[
        Path | None, typer.Option(help="CSV: invoice_id,issuer,currency,amount,tax")
    ] = None,
) -> None:
    """Hold a month's bills beside its invoices; exits 2 where a difference is unexplained."""
    from watermaster.flows.reconcile import reconcile_month

    found = reconcile_month(project(), month, invoices)
    rows = [
        {
            "invoice": one.invoice_id, "issuer": one.issuer, "ledger": one.ledger,
            "invoiced": one.invoice, "difference": one.difference, "why": one.why,
            "currency": one.currency, "use": one.use, "tax": one.tax, "credits": one.credits,
            "adjustments": one.adjustments,
        }
        for one in found.lines
    ]  # fmt: skip
    below = [f"unexplained: {cost:,.2f} {name}" for name, cost in found.unexplained.items()]
    columns = ["invoice", "issuer", "ledger", "invoiced", "difference", "why"]
    wide = ["currency", "use", "tax", "credits", "adjustments"]
    show(found, Table(columns, rows, wide=wide, above=[found.why], below=below))
    if found.unexplained:
        raise typer.Exit(2)
