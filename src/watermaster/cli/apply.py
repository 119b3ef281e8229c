"""`wm apply`."""

from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, confirm, examples, project
from watermaster.cli.declaring import Files, Prune, counts, paths_of, show_plan

app = command_group()


@app.command(
    epilog=examples(
        "wm apply -f estate/", "wm apply -f estate/ --prune --yes", "wm apply --plan plan.json"
    )
)
def apply(
    files: Files = None,
    prune: Prune = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="apply a plan kept by wm plan --out"),
    ] = None,
    allow_deletes: Annotated[
        bool,
        typer.Option("--allow-deletes", help="delete over 30% of 10 or more resources too"),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the plan and stop")] = False,
) -> None:
    """Let the ledger know the declared resources; what they replace stays in its history.

    A new resource holds from the beginning, a change from now, unless metadata.validFrom says
    otherwise. Nothing is deleted without --prune. Deletes are asked about: --yes agrees.
    """
    from watermaster.flows import declare
    from watermaster.flows.kept_plan import read_plan
    from watermaster.model.plan import Action

    opened = project()
    if plan_file is not None:
        made = read_plan(plan_file)
    else:
        made = declare.plan(opened, paths_of(files), prune=prune)
    if dry_run:
        return show_plan(made)
    if made.count(Action.DELETE) and plan_file is None:
        gone = [f"{c.kind} {c.name}" for c in made.changes if c.action is Action.DELETE]
        confirm(f"delete {', '.join(gone)}?", f"deleting {len(gone)} resources")
    applied = declare.apply(opened, made, allow_deletes=allow_deletes)
    return show_plan(made, f"applied as {applied.revision}: {counts(made)}")
