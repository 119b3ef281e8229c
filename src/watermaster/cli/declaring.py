"""What the commands that read declared resources share: -f, and how a plan looks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from watermaster.cli.call import the_call
from watermaster.cli.output import Table, show
from watermaster.model.errors import UsageError

if TYPE_CHECKING:
    from watermaster.flows.open import Project
    from watermaster.model.plan import Change, Plan

DEFAULT_ESTATE: Final = "estate"
SHOWN_FIELDS: Final = 4
Files = Annotated[
    list[str] | None,
    typer.Option("--file", "-f", metavar="PATH", help="file, folder, glob or - (default: estate)"),
]
Prune = Annotated[
    bool, typer.Option("--prune", help="delete what was declared in PATH and no longer is")
]


def paths_of(files: list[str] | None) -> list[str]:
    """The paths named with -f, else the folder `estate`."""
    if files:
        return files
    if not Path(DEFAULT_ESTATE).is_dir():
        raise UsageError("wm", "nothing to read", "name files with -f, or make the folder estate")
    return [DEFAULT_ESTATE]


def project_if_any() -> "Project | None":
    """The ledger of the home, if there is one."""
    from watermaster.cli.call import project

    made = any((the_call().home / name).exists() for name in ("records.db", "config.yaml"))
    return project() if made else None


def show_plan(plan: "Plan", done: str | None = None) -> None:
    """Print a plan's changes and what they amount to."""
    rows = [
        {
            "action": change.action.value,
            "kind": change.kind,
            "name": change.name,
            "what": _what(change),
            "file": change.file,
        }
        for change in plan.changes
    ]
    below = [*plan.notices, *_kept(plan.undeclared), done or _sum(plan)]
    if plan.danger and done is None:
        below.append(f"{plan.danger}: wm apply needs --allow-deletes")
    columns = ["action", "kind", "name", "what"]
    show(plan, Table(columns, rows, wide=["file"], below=below, empty=""))


def _kept(undeclared: list[str]) -> list[str]:
    if not undeclared:
        return []
    shown = ", ".join(undeclared[:5]) + (" ..." if len(undeclared) > 5 else "")
    return [f"{len(undeclared)} no longer declared, and kept: {shown}; --prune deletes them"]


def counts(plan: "Plan") -> str:
    """How many are created, changed, moved, deleted, unchanged."""
    from watermaster.model.plan import Action

    told = [f"{plan.count(action)} {action.value}" for action in Action if plan.count(action)]
    return ", ".join([*told, f"{plan.unchanged} unchanged"])


def _sum(plan: "Plan") -> str:
    return f"plan {plan.id}: {counts(plan)}"


def _what(change: "Change") -> str:
    if change.action.value in {"create", "delete"}:
        return _about(change)
    told = [f"{f.path}: {_shown(f.before)} -> {_shown(f.after)}" for f in change.fields]
    more = len(told) - SHOWN_FIELDS
    return "\n".join([*told[:SHOWN_FIELDS], *([f"and {more} more"] if more > 0 else [])])


def _about(change: "Change") -> str:
    from watermaster.model.kinds import about
    from watermaster.model.resources import load_resource

    document = change.versions[-1].document
    return "" if document is None else about(load_resource(document))


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
