"""`wm audit`: prove the log whole, and hand it on."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.keys import Key, PasswordVariable, Public, private_key_of, public_key_of
from watermaster.cli.output import Table, show
from watermaster.model.errors import UsageError
from watermaster.model.integrity import Break

if TYPE_CHECKING:
    from watermaster.ledger.audit_file import Read

app = command_group("The log of every change, each row sealed by all before it.")
File = Annotated[Path | None, typer.Option(metavar="FILE", help="a file of wm audit export")]


@app.callback()
def _group() -> None:
    """The log of every change, each row sealed by all before it."""


@app.command("verify", epilog=examples(
    "wm audit verify", "wm audit verify --against audit-2026-10.jsonl",
    "wm audit verify --file audit-2026-10.jsonl --public-key audit.pub"))  # fmt: skip
def verify(
    file: File = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="also: nothing of this export was rewritten since"),
    ] = None,
    public: Public = None,
) -> None:
    """Prove that no row and no evidence was changed, removed or slipped in; exits 2 when one was.

    With --file an exported log is verified on its own, without a ledger.
    """
    from watermaster.flows import audit

    if file is not None and against is not None:
        raise UsageError("wm audit verify", "--file and --against are two questions", "ask one")
    if public is not None and file is None:
        raise UsageError("wm audit verify", "--public-key is for --file", "add --file FILE")
    if file is not None:
        read = audit.verify_file(file, public_key_of(public))
        return _tell(read, read.breaks, _file_whole(read, file))
    opened = project()
    found = audit.verify(opened)
    breaks = list(found.breaks)
    whole = (
        f"all {found.rows} rows follow from each other, {found.evidence} pieces of evidence and "
        f"{found.artefacts} artefacts are as they were given; the last is {found.last_hash}"
    )
    if against is not None:
        breaks += audit.verify_against(opened, against)
        whole += f"; nothing of {against.name} was rewritten"
    return _tell(replace(found, breaks=breaks), breaks, whole)


def _file_whole(read: "Read", file: Path) -> str:
    signed = f", signed by {read.signer}" if read.signer else ", no signature was asked for"
    at = f", exported {read.proof.at}" if read.proof else ""
    return (
        f"{file.name}: all {read.rows} rows follow from each other and {read.evidence} pieces of "
        f"evidence are as they were given; the last is {read.last_hash}{at}{signed}"
    )


def _tell(found: object, breaks: Sequence[Break], whole: str) -> None:
    rows = [{"what": one.thing, "column": one.column, "found": one.what} for one in breaks]
    above = [f"{len(breaks)} things are not what was sealed"] if breaks else [whole]
    show(found, Table(["what", "found"], rows, wide=["column"], above=above, empty=""))
    if breaks:
        raise typer.Exit(2)


@app.command("export", epilog=examples(
    "wm audit export -o csv > audit.csv",
    "wm audit export --file audit-2026-10.jsonl --key audit.pem"))  # fmt: skip
def export(file: File = None, key: Key = None, password: PasswordVariable = None) -> None:
    """Print every row, with its seal, oldest first.

    With --file the whole log and all evidence go to a file that proves itself: its last line
    seals it, signed by --key. Keep it elsewhere; wm audit verify --file needs no ledger.
    """
    from watermaster.flows import audit

    if key is not None and file is None:
        raise UsageError("wm audit export", "--key signs a file", "add --file FILE")
    if file is not None:
        proof = audit.export_file(project(), file, private_key_of(key, password))
        signed = "signed" if key else "not signed: add --key"
        told = f"{proof.rows} rows and {proof.evidence} pieces of evidence; {signed}; the last is "
        return show(proof, Table([], [], empty=f"{file}: {told}{proof.last_hash}"))
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
    return show(found, Table(["seq", "at", "actor", "action"], rows, wide=wide))
