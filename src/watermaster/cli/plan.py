"""`wm plan`."""

from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.declaring import Files, Prune, paths_of, show_plan

app = command_group()


@app.command(
    epilog=examples(
        "wm plan -f estate/",
        "wm plan -f estate/ --prune --out plan.json",
        "wm apply --plan plan.json",
    )
)
def plan(
    files: Files = None,
    prune: Prune = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="keep the plan for wm apply --plan")
    ] = None,
) -> None:
    """Show what apply would change. Exits 2 when there are changes, 0 when there are none."""
    from watermaster.flows.declare import plan as make

    made = make(project(), paths_of(files), prune=prune)
    if out is not None:
        out.write_text(made.model_dump_json(by_alias=True, indent=2) + "\n")
    show_plan(made)
    if made.changes:
        raise typer.Exit(2)
