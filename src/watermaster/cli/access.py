"""`wm access list`: who read or changed which artefact and dataset."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.moments import moment
from watermaster.cli.output import Table, show
from watermaster.model.access import AccessAsked, Verb

app = command_group("Who read or changed which model and dataset.")


@app.callback()
def _group() -> None:
    """Who read or changed which model and dataset."""


@app.command("list", epilog=examples(
    "wm access list --thing model/claims-triage",
    "wm access list --thing dataset/claims --verb read",
    "wm access list --subject ada@example.com --since 2026-10-01"))  # fmt: skip
def list_accesses(
    thing: Annotated[str | None, typer.Option(help="model/NAME[/VERSION] or dataset/NAME")] = None,
    subject: Annotated[str | None, typer.Option(help="who, as the source names them")] = None,
    verb: Annotated[Verb | None, typer.Option(help="what was done")] = None,
    source: Annotated[str | None, typer.Option(help="watermaster, or a declared Source")] = None,
    since: Annotated[str | None, typer.Option(metavar="MOMENT", help="from then on")] = None,
    until: Annotated[str | None, typer.Option(metavar="MOMENT", help="before then")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="rows, the newest")] = 200,
) -> None:
    """List accesses, the newest first: our own, and those that logs of stores tell."""
    from watermaster.flows import access

    asked = AccessAsked(
        thing=thing, subject=subject, verb=verb, source=source, limit=limit,
        since=moment(since, "--since"), until=moment(until, "--until"),
    )  # fmt: skip
    found = access.list_accesses(project(), asked)
    rows = [
        {"at": one.at, "subject": one.subject, "verb": one.verb.value, "thing": one.thing,
         "requests": one.requests, "bytes": one.bytes, "source": one.source, "place": one.place}
        for one in found.rows
    ]  # fmt: skip
    more = [f"the newest {len(rows)} of {found.total}: --limit"] if found.total > len(rows) else []
    columns = ["at", "subject", "verb", "thing", "requests", "bytes"]
    show(found, Table(columns, rows, wide=["source", "place"], below=more,
                      empty="nobody did, as far as is known"))  # fmt: skip
