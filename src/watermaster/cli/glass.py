"""`wm glass`: roles taken in an emergency."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.cli.call import command_group, confirm, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.identity import Role

if TYPE_CHECKING:
    from watermaster.model.identity import Glass

app = command_group("Break the glass: a role in an emergency, for a time, told to everybody.")
COLUMNS = ("id", "subject", "role", "team", "at", "ends", "state", "why")


@app.callback()
def _group() -> None:
    """Break the glass: a role in an emergency, for a time, told to everybody."""


@app.command(
    "break",
    epilog=examples(
        "wm glass break ada@example.com --role approver --team claims --minutes 60 --why 'INC-7'"
    ),
)
def break_one(
    subject: Annotated[str, typer.Argument(help="who takes the role, as whoami names them")],
    role: Annotated[Role, typer.Option(help="the role taken")],
    why: Annotated[str, typer.Option(help="the reason, told to everybody")],
    minutes: Annotated[int, typer.Option(min=1, max=240, help="until it ends")] = 60,
    team: Annotated[str | None, typer.Option(help="in this team; none: in all")] = None,
) -> None:
    """Give somebody a role for a while; every page says so, and channels for alerts are told."""
    from watermaster.flows.glass import break_glass
    from watermaster.model.identity import Glass

    confirm(f"Make {subject} {role.value} for {minutes} minutes?", "breaking glass")
    opened = project()
    now = opened.ledger.clock()
    asked = Glass(id="", subject=subject, role=role, team=team, why=why, at=now,
                  ends_at=now + dt.timedelta(minutes=minutes))  # fmt: skip
    _shown([break_glass(opened, asked)], now)


@app.command("end", epilog=examples("wm glass end 3f9c"))
def end(
    id_: Annotated[str, typer.Argument(metavar="ID", help="its first letters are enough")],
) -> None:
    """End it before its time."""
    from watermaster.flows.glass import end_glass

    ended = end_glass(project(), id_)
    show({"ended": ended.id}, Table(["ended"], [{"ended": ended.id}]))


@app.command("list", epilog=examples("wm glass list", "wm glass list -o json"))
def list_all() -> None:
    """List every time the glass was broken, the newest first."""
    from watermaster.flows.glass import every_glass

    opened = project()
    _shown(every_glass(opened), opened.ledger.clock())


def _shown(found: "list[Glass]", now: dt.datetime) -> None:
    rows = [
        {"id": one.id, "subject": one.subject, "role": one.role.value, "team": one.team or "all",
         "at": one.at, "ends": one.ended_at or one.ends_at, "why": one.why,
         "state": "ended" if one.ended_at or one.ends_at <= now else "holds"}
        for one in found
    ]  # fmt: skip
    show(found, Table(COLUMNS, rows, empty="the glass was never broken"))
