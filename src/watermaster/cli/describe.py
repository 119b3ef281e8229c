"""`wm describe`."""

from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.moments import AsKnown, At, moment
from watermaster.cli.naming import complete_kind, complete_name, kind_and_name
from watermaster.cli.output import Table, cell, show
from watermaster.model.errors import UsageError

if TYPE_CHECKING:
    from watermaster.flows.resources import Described, Statement

app = command_group()


@app.command(epilog=examples("wm describe pool h100-fra", "wm describe team care -o json"))
def describe(
    kind: Annotated[str, typer.Argument(help="e.g. team", autocompletion=complete_kind)],
    name: Annotated[
        str | None, typer.Argument(help="which one", autocompletion=complete_name)
    ] = None,
    at: At = None,
    as_known: AsKnown = None,
) -> None:
    """Show one resource: what it says, who names it, and all that was ever recorded of it."""
    from watermaster.flows.resources import describe as find

    wanted, which = kind_and_name(kind, name)
    if wanted is None or which is None:
        raise UsageError("wm describe", "names no resource", f"write wm describe {kind} NAME")
    when, known = moment(at, "--at"), moment(as_known, "--as-known")
    found = find(project(), wanted, which, at=when, as_known=known)
    rows = [_row(said) for said in found.said]
    columns = ["recorded", "valid_from", "what", "revision"]
    below = [f"named by {', '.join(found.named_by) or 'nobody'}"]
    show(found, Table(columns, rows, wide=["plan", "file"], above=_above(found), below=below))


def _above(found: "Described") -> list[str]:
    if found.version is None:
        return ["does not hold at that moment"]
    from watermaster.flows.resources import as_yaml

    return as_yaml(found.version.resource).rstrip().splitlines()


def _row(said: "Statement") -> dict[str, object]:
    return {
        "recorded": said.recorded_at,
        "valid_from": cell(said.valid_from) if said.valid_from else "beginning",
        "what": "deleted" if said.document is None else "declared",
        "revision": f"r{said.revision}",
        "plan": said.plan,
        "file": said.file,
    }
