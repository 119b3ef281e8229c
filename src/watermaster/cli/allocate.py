"""`wm allocate`: give every charge to its owners."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show

app = command_group("")


@app.command("allocate", epilog=examples("wm allocate", "wm allocate --month 2026-10"))
def allocate(
    month: Annotated[
        list[str] | None, typer.Option("--month", help="billing month YYYY-MM; again for more")
    ] = None,
) -> None:
    """Give every charge of the open months to its owners; run it after bills or estate change."""
    from watermaster.flows.allocate import allocate_months

    done = allocate_months(project(), month)
    row = {"months": ", ".join(done.months), "charges": done.charges, "parts": done.allocations}
    told = [f"closed {month} has adjustments, see wm cost by adjusts" for month in done.restated]
    show(done, Table(["months", "charges", "parts"], [row], above=[done.why], below=told))
