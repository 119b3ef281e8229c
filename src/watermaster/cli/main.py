"""The command `wm`: which commands there are, and what becomes of an error.

A new command is one line in `COMMANDS` and one module with `app = command_group("...")`. Modules
are imported when their command is asked for, so that `wm --help` and completion stay quick;
therefore a module imports flows inside its functions, never at its top.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
import typer.main
from typer.core import TyperGroup

from watermaster.cli.call import Call, accept_everywhere, command_group, new_call, take_options
from watermaster.model.errors import BadResourcesError, WatermasterError
from watermaster.units.cells import visible


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `wm`."""

    name: str
    told: str  # its line in `wm --help`
    module: str = ""  # module in watermaster.cli; default: the name


COMMANDS: Final = (
    Command("demo", "Simulate a company's year and show what it cost whom."),
    Command("init", "Make a home for the ledger, and an example estate."),
    Command("validate", "Check declared resources, without a ledger."),
    Command("plan", "Show what apply would change; exits 2 when something would."),
    Command("apply", "Let the ledger know the declared resources."),
    Command("diff", "Show the changes as a unified diff; exits 2 when there are some."),
    Command("export", "Write the resources of the ledger as YAML."),
    Command("get", "List resources of a kind, or one of them."),
    Command("describe", "Show one resource with its history."),
    Command("schema", "Print the JSON Schema of a kind, for editors."),
    Command("ingest", "Take in bills and telemetry."),
    Command("sync", "Pull every source that is due, and allocate what changed."),
    Command("allocate", "Give every charge to its owners."),
    Command("close", "Make a month's figures final."),
    Command("statement", "A month's cost by owner, and its journal."),
    Command("reconcile", "A month's bills against the invoices of finance."),
    Command("cost", "Who used what, at what cost."),
    Command("estate", "What is there, and what nobody declared: adopt it."),
    Command("workload", "List workloads, show one, say whose it is, retire it."),
    Command("model", "The same of models; sign, verify and download their files."),
    Command("dataset", "The same of datasets."),
    Command("platform", "The same of platforms."),
    Command("finding", "What does not fit between declared and seen."),
    Command("experiment", "Which experiments to promote, and which to end."),
    Command("savings", "What mended findings really saved, and what was expected."),
    Command("gate", "What must be shown before a version stands in production."),
    Command("evidence", "What was shown of an artefact, by whom."),
    Command("waiver", "Do without a requirement for a while, granted by another."),
    Command("review", "The month's review: what moved, who decides what, by when."),
    Command("alert", "What a person should know now: acknowledge it, silence it."),
    Command("channel", "Where reviews, alerts and tickets go."),
    Command("ticket", "Tickets about findings, followed to their end."),
    Command("tag", "How much of the cost carries the tags it should."),
    Command("capacity", "What accelerators are free, and how long people wait for them."),
    Command("status", "Show where the ledger stands: months, sources, their age."),
    Command("source", "List the sources and how old they are."),
    Command("doctor", "Check the ledger on disk, and mend it."),
    Command("gate", "What a model version must show before people rely on it."),
    Command("door", "The cluster's door: it asks before it runs a model."),
    Command("access", "Who read or changed which model and dataset."),
    Command("audit", "Prove the log of changes whole, and export it."),
    Command("whoami", "Who asks, and what they may."),
    Command("token", "What programs show to be let in: made, listed, revoked."),
    Command("person", "Who may do what here, and who is kept out."),
    Command("glass", "Roles taken in an emergency: for a time, told to everybody."),
    Command("serve", "Serve the pages and the API on this machine."),
    Command("completion", "Print the completion script of a shell."),
)


class LazyCommands(MutableMapping[str, Any]):
    """Command name to click command, imported when taken."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self._known = {command.name: command for command in commands}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(self._known[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class LazyGroup(TyperGroup):
    """`wm` itself; lists its commands without importing them."""

    def __init__(self, **attrs: Any) -> None:
        attrs.pop("commands", None)
        super().__init__(**attrs)
        self.commands = LazyCommands(known_commands())

    def get_command(self, _context: Any, name: str) -> Any:
        return self.commands[name] if name in list(self.commands) else None

    def format_commands(self, _context: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.told) for command in known_commands()])


app = typer.Typer(
    name="wm",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog="Environment: WM_HOME (as --home), WM_TOKEN (ask as a program), "
    "WM_ACTOR (who the audit log names), NO_COLOR.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback(help="Who uses your AI compute, at what cost, and what to do about it.")(take_options)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code. The only place of `wm` where errors end."""
    call = new_call()
    try:
        code = root_command().main(list(arguments), prog_name="wm", standalone_mode=False)
    except WatermasterError as error:
        _trace(call)
        return _tell(error)
    except SystemExit as done:
        code = done.code
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted; nothing half-done is visible")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except typer.TyperException as error:
        return _tell_usage(error)
    except Exception as error:  # noqa: BLE001  # the one handler: whatever else went wrong
        _trace(call)
        _say(_known(error, call) or _unexpected(error))
        return 1
    return code if isinstance(code, int) else 0


def known_commands() -> list[Command]:
    """The commands whose module is there."""
    return [command for command in COMMANDS if _exists(command)]


def root_command() -> Any:
    """`wm` as click knows it; `wm completion` stands for Typer's two options."""
    command: Any = typer.main.get_command(app)
    command.params = [p for p in command.params if not str(p.name).endswith("_completion")]
    command.params.extend(_version_option())
    return command


def _version_option() -> list[Any]:
    told = typer.Option(
        "--version",
        help="print the version and exit",
        is_eager=True,
        expose_value=False,
        callback=_tell_version,
        show_default=False,
    )

    def take(version: Annotated[bool, told] = False) -> None:
        """Nothing: only its option is taken."""

    bare = command_group()
    bare.command("bare")(take)
    command: Any = typer.main.get_command(bare)
    return list(command.params)


def _tell_version(asked: Any) -> None:
    if asked:
        sys.stdout.write(f"wm {version('watermaster')}\n")
        raise typer.Exit


def _exists(command: Command) -> bool:
    name = f"watermaster.cli.{command.module or command.name}"
    return importlib.util.find_spec(name) is not None


def _load(command: Command) -> Any:
    module = importlib.import_module(f"watermaster.cli.{command.module or command.name}")
    loaded: Any = typer.main.get_command(module.app)
    loaded.name = command.name
    accept_everywhere(loaded)
    return loaded


def _tell(error: WatermasterError) -> int:
    _say(error)
    if isinstance(error, BadResourcesError) and len(error.errors) > 1:
        _say(f"{len(error.errors)} errors")
    return error.exit_code


def _tell_usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{error.message}\n")
        return 0 if context is not None and context.parent is None else 3
    path = context.command_path if context is not None else "wm"
    told = error.format_message().rstrip(".").replace("Value error, ", "")
    _say(f"{path}: {told}; see {path} --help")
    return 3


def _known(error: Exception, call: Call) -> WatermasterError | None:
    """What a disk or an engine said outside a write, if it is something a person can mend."""
    from watermaster.ledger.storage import trouble

    return trouble(error, call.home)


def _unexpected(error: Exception) -> str:
    return (
        f"wm: {type(error).__name__}: {error}; this is a defect: "
        "run it again with --debug and report what it prints"
    )


def _say(text: object) -> None:
    sys.stderr.write(visible(f"{text}\n"))


def _trace(call: Call) -> None:
    if call.debug:
        traceback.print_exc()
