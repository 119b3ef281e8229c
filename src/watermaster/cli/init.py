"""`wm init`."""

from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, the_call
from watermaster.cli.output import Table, show

app = command_group()


@app.command(epilog=examples("wm init", 'wm init --organisation "Halden Group" --currency EUR'))
def init(
    estate: Annotated[Path, typer.Option("--estate", help="folder for the example")] = Path(
        "estate"
    ),
    organisation: Annotated[
        str | None, typer.Option(help="name shown on pages and reports")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="currency figures convert to")] = None,
) -> None:
    """Make a home for the ledger and an example estate; what is there stays as it is."""
    from watermaster.flows.init import initialise

    chosen = {"organisation": organisation, "currency": currency}
    settings = {key: value for key, value in chosen.items() if value is not None}
    made = initialise(the_call().home, estate, settings)
    next_step = f"next: wm validate -f {made.estate}, then wm apply -f {made.estate}"
    rows = [{"made": path} for path in made.made]
    show(made, Table(["made"], rows, below=[next_step], empty=f"{made.home}: nothing to make"))
