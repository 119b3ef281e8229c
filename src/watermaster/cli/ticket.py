"""`wm ticket`: tickets about findings, followed to their end."""

from collections.abc import Sequence
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.tickets import Ticket, TicketState

app = command_group("Tickets about findings, in Jira, ServiceNow or GitHub.")
COLUMNS = ("finding", "channel", "number", "state", "words", "said", "asked", "address")


@app.callback()
def _group() -> None:
    """Tickets about findings, in Jira, ServiceNow or GitHub."""


@app.command("list", epilog=examples("wm ticket list", "wm ticket list --state open -o json"))
def list_all(
    state: Annotated[list[TicketState] | None, typer.Option(help="only of this state")] = None,
) -> None:
    """List the tickets, the newest first, as they were last heard of."""
    from watermaster.flows.tickets import list_tickets

    told(list_tickets(project(), state or ()), "there is none: wm finding ticket ID")


@app.command("follow", epilog=examples("wm ticket follow"))
def follow() -> None:
    """Ask after every ticket now, and print those that changed; wm serve does it each hour."""
    from watermaster.flows.tickets import follow_tickets

    told(follow_tickets(project()), "nothing changed")


def told(found: Sequence[Ticket], empty: str = "") -> None:
    """Print tickets as they were last heard of."""
    rows = [
        {
            "finding": one.finding, "channel": one.channel, "number": one.number,
            "state": one.state.value, "words": one.words, "said": one.said,
            "asked": f"{one.at:%Y-%m-%d} {one.actor}", "address": one.address,
        }
        for one in found
    ]  # fmt: skip
    show(list(found), Table(COLUMNS, rows, empty=empty))
