"""docs/reference/cli.md from the commands themselves."""

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

APP = "watermaster.cli.main"
EVERYWHERE = "Everywhere"  # the panel of options that all commands share


def pages() -> dict[str, str]:
    """The page of all commands; none while there is no command line."""
    if importlib.util.find_spec(APP) is None:
        return {}
    found = list(commands())
    contents = "".join(f"- [`{name}`](#{name.replace(' ', '-')})\n" for name, _ in found)
    shown = "\n".join(_command(name, command) for name, command in found)
    return {"cli.md": f"# Commands\n\n{_root_options()}{contents}\n{shown}"}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command a person can type, as ("wm cost by", its click command)."""
    if importlib.util.find_spec(APP) is not None:
        yield from _below(_root(), "wm")


def _root() -> Any:
    import typer.main

    return typer.main.get_command(importlib.import_module(APP).app)


def _below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    if not children or getattr(command, "invoke_without_command", False):
        yield path, command
    for name, child in sorted(children.items()):
        if not child.hidden:
            yield from _below(child, f"{path} {name}")


def _root_options() -> str:
    table = _table([p for p in _root().params if p.param_type_name == "option"])
    return f"Every command takes, before its name or after it:\n\n{table}\n" if table else ""


def _command(name: str, command: Any) -> str:
    told = " ".join((command.help or command.short_help or "").split("\f")[0].split())
    arguments = [_argument(p) for p in command.params if p.param_type_name == "argument"]
    usage = f"```\n{' '.join([name, *arguments])}\n```\n"
    table = _options(command)
    return f"## {name}\n\n{told}\n\n{usage}" + (f"\n{table}" if table else "")


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _options(command: Any) -> str:
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    return _table([p for p in options if getattr(p, "rich_help_panel", None) != EVERYWHERE])


def _table(options: list[Any]) -> str:
    if not options:
        return ""
    rows = "".join(
        f"| {', '.join(f'`{o}`' for o in (*option.opts, *option.secondary_opts))} "
        f"| {_default(option)} | {' '.join((option.help or '').split())} |\n"
        for option in options
        if option.name not in {"install_completion", "show_completion"}
    )
    return f"| option | default | meaning |\n|---|---|---|\n{rows}"


def _default(option: Any) -> str:
    held = option.default
    nothing = not held or callable(held)
    return "" if nothing or "unset" in str(held).lower() else f"`{getattr(held, 'value', held)}`"
