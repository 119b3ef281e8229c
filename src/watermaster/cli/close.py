"""`wm close`: make a month's figures final."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.errors import UsageError

app = command_group()


@app.command(
    epilog=examples(
        "wm close 2026-09",
        "wm close 2026-09 --accept-gaps",
        'wm close 2026-09 --amend --why "the exporter of fra was down"',
    )
)
def close(
    month: Annotated[str, typer.Argument(help="billing month YYYY-MM")],
    accept_gaps: Annotated[
        bool, typer.Option("--accept-gaps", help="close what is unsettled; gaps are printed")
    ] = False,
    amend: Annotated[
        bool, typer.Option("--amend", help="book telemetry that came after the close")
    ] = False,
    why: Annotated[str, typer.Option("--why", help="reason of the amendment")] = "",
) -> None:
    """Make a month's figures final; later changes become adjustments in the open month."""
    from watermaster.flows.close import Gaps, amend_month, close_month

    if why and not amend:
        raise UsageError("wm close", "--why goes with --amend", "give both or neither")
    if amend:
        done = amend_month(project(), month, why)
    else:
        done = close_month(project(), month, Gaps.ACCEPT if accept_gaps else Gaps.REFUSE)
    said = f"{month} is closed" if done.is_new else f"{month} was closed at {done.at}"
    told = [f"{said}, at revision {done.snapshot}."]
    told += [f"gap: {gap}" for gap in done.gaps] + [f"note: {note}" for note in done.notes]
    told += [f"amended: {reason}" for reason in done.amended]
    columns = ["id", "month", "snapshot", "at", "actor"]
    rows = [{name: getattr(done, name) for name in columns}]
    show(done, Table(columns, rows, below=told))
