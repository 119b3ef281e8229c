"""`wm get`."""

from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.cli.call import Output, command_group, examples, project, the_call
from watermaster.cli.moments import AsKnown, At, moment
from watermaster.cli.naming import complete_kind, complete_name, kind_and_name
from watermaster.cli.output import Table, say, show

if TYPE_CHECKING:
    from watermaster.model.resources import ResourceVersion

app = command_group()


@app.command(
    epilog=examples(
        "wm get", "wm get workloads", "wm get pool h100-fra -o yaml", "wm get teams --at 2026-03-31"
    )
)
def get(
    kind: Annotated[
        str | None, typer.Argument(help="e.g. team; all without", autocompletion=complete_kind)
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="one of them", autocompletion=complete_name)
    ] = None,
    at: At = None,
    as_known: AsKnown = None,
) -> None:
    """List resources of a kind, or show one of them."""
    from watermaster.flows.resources import as_yaml
    from watermaster.flows.resources import get as find
    from watermaster.model.resources import written_resource

    kind, name = kind_and_name(kind, name)
    when, known = moment(at, "--at"), moment(as_known, "--as-known")
    found = find(project(), kind, name, at=when, as_known=known)
    if the_call().output is Output.YAML:
        return say(as_yaml(*(version.resource for version in found)))
    documents = [written_resource(version.resource) for version in found]
    record = documents[0] if name is not None else documents
    rows = [_row(version) for version in found]
    columns = ["name", "owner", "about"] if kind else ["kind", "name", "owner", "about"]
    return show(record, Table(columns, rows, wide=["valid_from", "recorded_at", "file"]))


def _row(version: "ResourceVersion") -> dict[str, object]:
    from watermaster.model.kinds import about

    resource = version.resource
    return {
        "kind": resource.kind,
        "name": resource.metadata.name,
        "owner": resource.metadata.owner,
        "about": about(resource),
        "valid_from": version.valid_from or "beginning",
        "recorded_at": version.recorded_at,
        "file": version.file,
    }
