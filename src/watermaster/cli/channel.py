"""`wm channel`: where reviews and alerts are sent."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, confirm, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.channels import Sent
from watermaster.model.errors import WatermasterError

app = command_group("Where reviews, alerts and tickets go.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="of a declared Channel")]


@app.callback()
def _group() -> None:
    """Where reviews, alerts and tickets go."""


@app.command("list", epilog=examples("wm channel list"))
def list_all() -> None:
    """List the declared channels, and how the last try went."""
    from watermaster.flows.send import channels, last_tries, ticket_channels

    opened = project()
    last = last_tries(opened)
    rows = []
    for one in channels(opened):
        tried = last.get(one.metadata.name)
        rows.append({
            "channel": one.metadata.name, "type": one.spec.type, "sends": ", ".join(one.spec.sends),
            "least": one.spec.least, "schedule": one.spec.schedule,
            "last": tried and f"{tried.at:%Y-%m-%d %H:%M} {tried.what}",
            "fault": tried and tried.fault,
        })  # fmt: skip
    rows += [
        {"channel": one.metadata.name, "type": one.spec.type, "sends": "ticket"}
        for one in ticket_channels(opened)
    ]
    columns = ["channel", "type", "sends", "least", "schedule", "last", "fault"]
    show(rows, Table(columns, rows, empty="none is declared: wm schema Channel"))


@app.command("test", epilog=examples("wm channel test finops --yes"))
def test(name: Name) -> None:
    """Send a short message, so that you know it arrives; a ticket system is only asked."""
    from watermaster.flows.send import send_test
    from watermaster.flows.tickets import reach

    opened = project()
    if reach(opened, name):
        show([], Table([], [], empty=f"{name} was reached; nothing was written there"))
        return
    confirm(f"Send a test to {name}?", "sending")
    told(send_test(opened, name))


def told(sent: Sent) -> None:
    """Say that it went out, or fail with why it did not."""
    if sent.fault:
        raise WatermasterError(f"channel {sent.channel}", sent.fault, "it is tried again when due")
    show(
        sent, Table([], [], empty=f"{sent.what} sent to {sent.channel}, sha256 {sent.sha256[:12]}")
    )
