"""`wm diff`."""

import typer

from watermaster.cli.call import Output, command_group, examples, project, the_call
from watermaster.cli.declaring import Files, Prune, paths_of
from watermaster.cli.output import Table, say, show

app = command_group()


@app.command(epilog=examples("wm diff -f estate/", "wm diff | less"))
def diff(files: Files = None, prune: Prune = False) -> None:
    """Show the changes as a unified diff of YAML. Exits 2 when there are some."""
    from watermaster.flows.declare import diff as compare

    found = compare(project(), paths_of(files), prune=prune)
    if the_call().output in {Output.TABLE, Output.WIDE}:
        say("\n".join(line for one in found for line in one.lines))
    else:
        rows = [{"action": one.action.value, "kind": one.kind, "name": one.name} for one in found]
        show(found, Table(["action", "kind", "name"], rows))
    if found:
        raise typer.Exit(2)
