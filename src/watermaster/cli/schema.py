"""`wm schema`."""

import json
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples
from watermaster.cli.naming import complete_kind
from watermaster.cli.output import say

app = command_group()


@app.command(epilog=examples("wm schema pool", "wm schema > .vscode/watermaster.schema.json"))
def schema(
    kind: Annotated[
        str | None, typer.Argument(help="e.g. pool; all without", autocompletion=complete_kind)
    ] = None,
) -> None:
    """Print the JSON Schema of a kind, or of any document, for editors."""
    from watermaster.model.kinds import find_kind, schema_of, schema_of_all

    found = schema_of(find_kind(kind)) if kind else schema_of_all()
    say(json.dumps(found, indent=2))
