"""`wm doctor`: what is wrong with the ledger on disk, and mending it."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.checkup import Finding

app = command_group("")


@app.command("doctor", epilog=examples("wm doctor", "wm doctor --fix", "wm doctor -o json"))
def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="put back what stands ahead, remove what nobody names")
    ] = False,
) -> None:
    """Check tables, files, records and the audit log; exits 2 when something is at fault."""
    from watermaster.flows.doctor import check_up, mend_all

    opened = project()
    found = mend_all(opened) if fix else check_up(opened)
    rows = [_row(finding) for finding in found.findings]
    mended = [f"mended: {text}" for text in found.mended]
    show(found, Table(["check", "is", "what", "do"], rows, above=mended))
    if not found.is_healthy:
        raise typer.Exit(2)


def _row(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "is": finding.health.value,
        "what": finding.what,
        "do": finding.fix or None,
    }
