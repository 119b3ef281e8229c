"""Keys on the command line: named by their files, unlocked by a variable, never printed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.model.errors import UsageError

if TYPE_CHECKING:
    from watermaster.ledger.dsse import PrivateKey, PublicKey

Key = Annotated[
    Path | None, typer.Option(metavar="PEM", help="private key to sign with (P-256, P-384, P-521)")
]
PasswordVariable = Annotated[
    str | None, typer.Option("--password-env", metavar="NAME", help="variable that unlocks the key")
]
Public = Annotated[
    Path | None,
    typer.Option("--public-key", metavar="PEM", help="the signature must be of this key"),
]


def private_key_of(path: Path | None, variable: str | None) -> "PrivateKey | None":
    """The key of --key; None where none was named."""
    if path is None:
        return None
    from watermaster.ledger.dsse import private_key

    password = os.environ.get(variable) if variable else None
    if variable and password is None:
        raise UsageError("--password-env", f"{variable} is not set", "export it first")
    return private_key(path, password)


def public_key_of(path: Path | None) -> "PublicKey | None":
    """The key of --public-key; None where none was named."""
    if path is None:
        return None
    from watermaster.ledger.dsse import read_public_key

    return read_public_key(path.name, path)
