"""`wm audit`: prove the log whole, and hand it on."""

import json

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show

app = command_group("The log of every change, each row sealed by all before it.")


@app.callback()
def _group() -> None:
    """The log of every change, each row sealed by all before it."""


@app.command("verify", epilog=examples("wm audit verify"))
def verify() -> None:
    """Prove that no row was changed, removed or slipped in; exits 2 when one was."""
    from watermaster.flows import audit

    found = audit.verify(project())
    if found.is_whole:
        above = [f"all {found.rows} rows follow from each other; the last is {found.last_hash}"]
    else:
        above = [f"{len(found.broken)} of {found.rows} rows do not follow from the one before"]
    rows = [{"seq": seq} for seq in found.broken]
    show(found, Table(["seq"], rows, above=above, empty=""))
    if not found.is_whole:
        raise typer.Exit(2)


@app.command("export", epilog=examples("wm audit export -o csv > audit.csv"))
def export() -> None:
    """Print every row, with its seal, oldest first."""
    from watermaster.flows import audit

    found = list(audit.audit_rows(project()))
    rows = [
        {
            "seq": row.seq, "at": row.at, "actor": row.actor, "action": row.action,
            "detail": json.dumps(row.detail, sort_keys=True), "previous": row.previous,
            "hash": row.hash,
        }
        for row in found
    ]  # fmt: skip
    wide = ["detail", "previous", "hash"]
    show(found, Table(["seq", "at", "actor", "action"], rows, wide=wide))
