"""`wm alert`: what a person should know now."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.moments import moment
from watermaster.cli.output import Table, show
from watermaster.model.channels import AlertState
from watermaster.model.errors import UsageError

app = command_group("What a person should know now.")
COLUMNS = ("key", "state", "team", "amount", "since", "words")
Key = Annotated[str, typer.Argument(metavar="KEY", help="its beginning or end is enough")]


@app.callback()
def _group() -> None:
    """What a person should know now."""


@app.command("list", epilog=examples("wm alert list", "wm alert list --all -o json"))
def list_all(
    every: Annotated[bool, typer.Option("--all", help="also those that ended")] = False,
) -> None:
    """List the alerts that hold, the dearest first."""
    from watermaster.flows.alerts import ACKNOWLEDGED, ENDED, FIRING, list_alerts

    states = (FIRING, ACKNOWLEDGED, ENDED) if every else (FIRING, ACKNOWLEDGED)
    _show(list_alerts(project(), states))


@app.command("run", epilog=examples("wm alert run"))
def run() -> None:
    """Look what holds now and send what is new; wm serve and wm sync --watch do it after a pull."""
    from watermaster.flows.alerts import run_alerts

    _show(run_alerts(project()))


@app.command("ack", epilog=examples("wm alert ack new-finding/3fa9c1"))
def ack(key: Key) -> None:
    """Say that somebody is at it."""
    from watermaster.flows.alerts import acknowledge

    _show([acknowledge(project(), key)])


@app.command("silence", epilog=examples("wm alert silence 3fa9c1 --until 2026-12-01"))
def silence(
    key: Key,
    until: Annotated[str, typer.Option(help="YYYY-MM-DD or YYYY-MM-DDTHH:MM, UTC")],
) -> None:
    """Send nothing about it until a moment."""
    from watermaster.flows.alerts import silence as be_silent

    when = moment(until, "--until")
    if when is None:
        raise UsageError("--until", "says no moment", "write YYYY-MM-DD")
    _show([be_silent(project(), key, when.astimezone(dt.UTC))])


def _show(found: Sequence[AlertState]) -> None:
    rows = [
        {
            "key": one.alert.key, "state": one.state, "team": one.alert.team,
            "amount": one.alert.amount, "since": f"{one.first_at:%Y-%m-%d}",
            "words": one.alert.words, "actor": one.actor,
            "silent_until": one.silent_until and f"{one.silent_until:%Y-%m-%d %H:%M}",
        }
        for one in found
    ]  # fmt: skip
    show(list(found), Table(COLUMNS, rows, wide=["actor", "silent_until"], empty="nothing fires"))
