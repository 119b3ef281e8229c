"""`wm statement`: a month's cost by owner, and the journal that books it."""

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import Output, command_group, examples, project, the_call
from watermaster.cli.output import Table, render, save, say
from watermaster.model.errors import UsageError
from watermaster.model.statement import Journal, Statement

app = command_group()
COLUMNS = ("team", "workload", "kind", "account", "service", "effective", "billed")


class StatementOutput(StrEnum):
    """How a statement is printed; XLSX goes to a file."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    XLSX = "xlsx"


@app.command(
    epilog=examples(
        "wm statement 2026-09",
        "wm statement 2026-09 --team search -o xlsx --out search.xlsx",
        "wm statement 2026-09 --journal -o csv --out journal.csv",
    )
)
def statement(
    month: Annotated[str, typer.Argument(help="billing month YYYY-MM")],
    team: Annotated[str | None, typer.Option("--team", help="only this team's lines")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="only this unit's lines")] = None,
    journal: Annotated[bool, typer.Option("--journal", help="double entry on billed cost")] = False,
    restated: Annotated[
        bool, typer.Option("--restated", help="as the bills are now, not as closed")
    ] = False,
    output: Annotated[
        StatementOutput | None, typer.Option("--output", "-o", help="how to print")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="write to this file")] = None,
) -> None:
    """A month's cost by owner, account and service: effective (showback), billed (chargeback)."""
    from watermaster.flows.closed import View
    from watermaster.flows.statement import StatementQuestion, journal_of, statement_of

    if journal and restated:
        raise UsageError("wm statement", "a journal books what is closed", "drop --restated")
    view = View.RESTATED if restated else View.CLOSED
    question = StatementQuestion(month=month, team=team, unit=unit, view=view)
    found = (journal_of if journal else statement_of)(project(), question)
    _print(found, _chosen(output, out), out)


def _chosen(output: StatementOutput | None, out: Path | None) -> StatementOutput:
    if output is None and out is not None and out.suffix[1:] in set(StatementOutput):
        return StatementOutput(out.suffix[1:])
    return output or StatementOutput(the_call().output.value)


def _print(found: Statement | Journal, output: StatementOutput, out: Path | None) -> None:
    if output is StatementOutput.XLSX:
        from watermaster.flows.statement_xlsx import write_xlsx

        if out is None:
            raise UsageError("wm statement", "-o xlsx needs a file", "add --out FILE.xlsx")
        return write_xlsx(found, out)
    the_call().output = Output(output.value)
    table = _journal_table(found) if isinstance(found, Journal) else _table(found)
    text = render(found, table)
    if out is None:
        return say(text)
    return save(text, out)


def _table(found: Statement) -> Table:
    rows = [dataclasses.asdict(line) for line in found.lines]
    state = f"closed at {found.closed_at}" if found.closed_at else "open"
    currencies = {line.currency for line in found.lines}
    columns = [*COLUMNS, *(["currency"] if len(currencies) > 1 else [])]
    if any(line.adjusts_month for line in found.lines):
        columns.append("adjusts_month")
    sums = [
        f"{row.what}: {row.effective:,.2f} effective, {row.billed:,.2f} billed {row.currency or ''}"
        for row in [*found.totals, *found.check]
    ]
    return Table(
        columns,
        rows,
        wide=["unit", "currency", "adjusts_month"],
        above=[f"Statement {found.month}, {state}, revision {found.snapshot}. {found.why}"],
        below=[
            *(line.rstrip() for line in sums),
            *(f"gap: {gap}" for gap in found.gaps),
            *(f"note: {note}" for note in found.notes),
        ],
    )


def _journal_table(found: Journal) -> Table:
    rows = [dataclasses.asdict(entry) for entry in found.entries]
    sums = [
        f"debits {row['debit']:,.2f}, credits {row['credit']:,.2f} {row['currency'] or ''}"
        for row in found.totals
    ]
    return Table(
        ["number", "account", "cost_center", "kind", "debit", "credit", "currency"],
        rows,
        wide=["date", "unit", "team", "adjusts_month", "text"],
        above=[f"Journal {found.month}, revision {found.snapshot}. {found.why}"],
        below=[*sums, *(f"gap: {gap}" for gap in found.gaps)],
    )
