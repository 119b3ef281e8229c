"""`wm waiver`: do without a requirement for a while; asked for by one, granted by another."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

import typer

from watermaster.cli.call import command_group, confirm, examples, project
from watermaster.cli.moments import moment
from watermaster.cli.output import Table, show
from watermaster.model.errors import UsageError
from watermaster.model.gates import Waiver

app = command_group("Do without a requirement of a gate for a while.")
COLUMNS = ("waiver", "requirement", "model", "version", "state", "until", "asked by", "granted by",
           "why")  # fmt: skip
Id = Annotated[str, typer.Argument(metavar="ID", help="its first letters are enough")]


@app.callback()
def _group() -> None:
    """Do without a requirement of a gate for a while."""


@app.command(
    "ask",
    epilog=examples(
        "wm waiver ask production/safe claims-triage 13 --until 2026-12-15 --why 'mended in 14'"
    ),
)
def ask(
    requirement: Annotated[str, typer.Argument(metavar="GATE/REQUIREMENT")],
    model: Annotated[str, typer.Argument(help="a registered model")],
    until: Annotated[str, typer.Option(help="YYYY-MM-DD, UTC; 90 days from now at most")],
    why: Annotated[str, typer.Option(help="kept with it, for everybody who asks later")],
    version: Annotated[int | None, typer.Argument(help="its number; none: all")] = None,
) -> None:
    """Ask to do without a requirement; it holds once somebody else grants it."""
    from watermaster.flows.waivers import ask_waiver

    end = moment(until, "--until")
    if end is None:
        raise UsageError("--until", "says no day", "write YYYY-MM-DD")
    opened = project()
    _show(
        [ask_waiver(opened, requirement, (model, version), why, end.astimezone(dt.UTC))],
        opened.ledger.clock(),
    )


@app.command("grant", epilog=examples("wm waiver grant 3fa9c1 --yes"))
def grant(id_: Id) -> None:
    """Let one hold; not whoever asked for it, and not who made the version."""
    from watermaster.flows.waivers import grant_waiver

    opened = project()
    confirm(f"Grant waiver {id_}?", "a waiver")
    _show([grant_waiver(opened, id_)], opened.ledger.clock())


@app.command("end", epilog=examples("wm waiver end 3fa9c1 --why 'no longer needed'"))
def end(id_: Id, why: Annotated[str, typer.Option(help="kept in the audit log")]) -> None:
    """Take one back before its end."""
    from watermaster.flows.waivers import end_waiver

    opened = project()
    _show([end_waiver(opened, id_, why)], opened.ledger.clock())


@app.command("list", epilog=examples("wm waiver list", "wm waiver list --model claims-triage"))
def list_all(
    model: Annotated[str | None, typer.Option(help="only of this model")] = None,
) -> None:
    """List them, the newest first."""
    from watermaster.flows.waivers import list_waivers

    opened = project()
    _show(list_waivers(opened, model), opened.ledger.clock())


def _show(found: Sequence[Waiver], now: dt.datetime) -> None:
    rows = [
        {"waiver": one.id, "requirement": f"{one.gate}/{one.requirement}", "model": one.model,
         "version": one.version or "all", "state": one.state(now),
         "until": f"{one.ends_at:%Y-%m-%d}",
         "asked by": one.asked_by, "granted by": one.granted_by, "why": one.why}
        for one in found
    ]  # fmt: skip
    show(list(found), Table(COLUMNS, rows, empty="there is none"))
