"""What every command accepts (`--home`, `-o`, `--yes` ...), before it or after it."""

import dataclasses
import functools
import os
import pwd
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
import typer.main

from watermaster.model.errors import UsageError
from watermaster.model.events import Tell, tell_nobody

if TYPE_CHECKING:
    from watermaster.flows.open import Project

DEFAULT_HOME: Final = ".watermaster"
_PANEL: Final = "Everywhere"


class Output(StrEnum):
    """How what a command found is printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


@dataclass
class Call:
    """What was asked of every command; filled while the command line is read."""

    home_given: Path | None = None
    output: Output = Output.TABLE
    columns: str | None = None
    debug: bool = False
    quiet: bool = False
    no_input: bool = False
    yes: bool = False
    path: str = "wm"  # the words of the command

    @property
    def home(self) -> Path:
        """Where the ledger lives: --home, else WM_HOME, else ./.watermaster."""
        return self.home_given or Path(os.environ.get("WM_HOME") or DEFAULT_HOME)


_CALL: ContextVar[Call] = ContextVar("call")


def new_call() -> Call:
    """Begin to read a command line."""
    call = Call()
    _CALL.set(call)
    return call


def the_call() -> Call:
    """The call being answered."""
    return _CALL.get(None) or new_call()


def project() -> "Project":
    """The ledger the call is about, as who asks; talk goes to the terminal."""
    from watermaster.flows.open import open_project

    opened = asked(open_project(the_call().home, tell=teller(), actor=actor()))
    _allow(opened)
    return opened


def asked(opened: "Project") -> "Project":
    """As the program whose token WM_TOKEN is; else as whoever may use this machine.

    Where people sign in, nobody on this machine chooses their own name: it is the account's.
    """
    from watermaster.flows.identify import by_token

    secret = os.environ.get("WM_TOKEN")
    if secret:
        subject = by_token(opened, secret.strip())
        return dataclasses.replace(opened, actor=subject.name, subject=subject)
    if opened.config.sign_in is not None:
        name = pwd.getpwuid(os.getuid()).pw_name
        return dataclasses.replace(opened, actor=f"local/{name}")
    return opened


def _allow(opened: "Project") -> None:
    """NotAllowedError unless who asks may run this command (cli/rights)."""
    from watermaster.cli.rights import rule_of
    from watermaster.flows.sight import need, see_all
    from watermaster.model.identity import Right
    from watermaster.serve.rights import Sight

    path = the_call().path
    rule = rule_of(path)
    if rule.right is not Right.NOBODY:
        need(opened, rule.right, None, path)
    if rule.sight is Sight.ALL:
        see_all(opened, path)


def actor() -> str:
    """Who is asking, as the audit log keeps it."""
    return os.environ.get("WM_ACTOR") or os.environ.get("USER") or "local"


def teller() -> Tell:
    """Who listens to the flow: the terminal, unless it is none or `--quiet` was said."""
    call = the_call()
    if call.quiet:
        return tell_nobody
    from watermaster.cli.talk import talk

    return talk()


def confirm(question: str, what: str) -> None:
    """Go on only if a person agrees; without one to ask, `--yes` must have been said."""
    call = the_call()
    if call.yes:
        return
    if call.no_input or not sys.stdin.isatty():
        raise UsageError("wm", f"{what} needs a yes", "add --yes")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def command_group(told: str = "") -> typer.Typer:
    """The `app` of a command module: one command in it is `wm NAME`, several `wm NAME SUB`."""
    return typer.Typer(
        help=told or None,
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def examples(*lines: str) -> str:
    """The epilog that shows how a command is used."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _note(context: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Keep an option wherever it stood; the one nearest the end of the line counts."""
    the_call().path = context.command_path
    if value is not None and value is not False:
        setattr(the_call(), str(param.name), value)
    return value


def _option(*names: str, told: str, metavar: str | None = None) -> Any:
    return typer.Option(
        *names,
        help=told,
        metavar=metavar,
        callback=_note,
        expose_value=False,
        show_default=False,
        rich_help_panel=_PANEL,
    )


def take_options(
    home_given: Annotated[
        Path | None,
        _option("--home", told="home of the ledger; else WM_HOME, else ./.watermaster"),
    ] = None,
    output: Annotated[Output | None, _option("--output", "-o", told="how to print")] = None,
    columns: Annotated[
        str | None, _option("--columns", told="columns to print, comma separated", metavar="A,B")
    ] = None,
    yes: Annotated[bool, _option("--yes", "-y", told="do not ask, do it")] = False,
    no_input: Annotated[bool, _option("--no-input", told="never ask; fail instead")] = False,
    quiet: Annotated[bool, _option("--quiet", "-q", told="no talk, no progress")] = False,
    debug: Annotated[bool, _option("--debug", told="add the trace to an error")] = False,
) -> None:
    """Accept what every command accepts."""


@functools.cache
def _everywhere() -> list[Any]:
    bare = command_group()
    bare.command("bare")(take_options)
    command: Any = typer.main.get_command(bare)
    return list(command.params)


def accept_everywhere(command: Any) -> None:
    """Let a command, and all below it, take the options of every command after its name too."""
    for child in getattr(command, "commands", {}).values():
        accept_everywhere(child)
    taken = {name for param in command.params for name in param.opts}
    command.params.extend(p for p in _everywhere() if not taken & set(p.opts))
