"""`wm sync`: pull every source that is due."""

import threading
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, say, show

app = command_group("")


@app.command("sync", epilog=examples("wm sync", "wm sync aws slurm-fra", "wm sync --watch"))
def sync(
    sources: Annotated[
        list[str] | None, typer.Argument(help="pull these now, due or not", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="pull all declared sources now")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="go on until Ctrl-C")] = False,
) -> None:
    """Pull the declared sources that are due, and allocate what changed; exits 1 if one failed."""
    from watermaster.cli.attend import attending
    from watermaster.flows.sync import sync as pull
    from watermaster.flows.watch import keep_up

    opened = project()
    found = pull(opened, sources or (), every=every)
    rows = [
        {
            "source": one.source, "rows": one.rows, "fault": one.fault or "",
            "took_s": int((one.ended_at - one.started_at).total_seconds()),
        }
        for one in found.pulled
    ]  # fmt: skip
    below = [f"allocated: {', '.join(found.allocated)}"] if found.allocated else []
    if found.skipped:
        below.append(f"not due: {', '.join(found.skipped)}")
    columns = ["source", "rows", "took_s", "fault"]
    show(found, Table(columns, rows, below=below, empty="nothing is due"))
    if watch:
        say("pulling what becomes due, watching what can be watched; Ctrl-C ends it")
        keep_up(opened, threading.Event().wait, attending(opened))
    if any(one.fault for one in found.pulled):
        raise typer.Exit(1)
