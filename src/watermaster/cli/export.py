"""`wm export`."""

from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.moments import AsKnown, At, moment
from watermaster.cli.naming import complete_kind
from watermaster.cli.output import say

app = command_group()


@app.command(epilog=examples("wm export > estate.yaml", "wm export workload team --at 2026-03-31"))
def export(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(help="kinds to write; all without", autocompletion=complete_kind),
    ] = None,
    at: At = None,
    as_known: AsKnown = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="not to stdout")] = None,
) -> None:
    """Write the resources of the ledger as YAML that wm apply takes again."""
    from watermaster.flows.resources import export as write

    when, known = moment(at, "--at"), moment(as_known, "--as-known")
    text = write(project(), kinds or [], at=when, as_known=known)
    if out is None:
        say(text)
    else:
        out.write_text(text)
