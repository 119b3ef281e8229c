"""`wm completion`: what a shell needs to complete commands, options, kinds and names."""

import os
from enum import StrEnum
from typing import Annotated, Final

import typer

from watermaster.cli.call import command_group, examples

ASKED_BY_SHELL: Final = "_WM_COMPLETE"
app = command_group()


class Shell(StrEnum):
    """Shells we print a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command(
    epilog=examples(
        'eval "$(wm completion bash)"',
        "wm completion fish > ~/.config/fish/completions/wm.fish",
    )
)
def completion(shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish")]) -> None:
    """Print the completion script of a shell."""
    from watermaster.cli.main import root_command

    os.environ[ASKED_BY_SHELL] = f"source_{shell.value}"
    try:
        root_command().main([], prog_name="wm")  # prints the script and leaves
    finally:
        del os.environ[ASKED_BY_SHELL]
