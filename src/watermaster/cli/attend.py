"""What servers do beside pulling: alerts, scheduled reviews, tickets, when something changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watermaster.flows.open import Project


def attending(opened: "Project") -> "Callable[[Project], None]":
    """A task that looks at alerts and sends what is due, once a revision and hour."""
    from watermaster.flows.alerts import run_alerts
    from watermaster.flows.scope import revision_now
    from watermaster.flows.send import channels, send_due, ticket_channels
    from watermaster.flows.tickets import follow_tickets
    from watermaster.serve.report import renders

    render = renders(opened.config.organisation)
    done: list[tuple[int, str]] = []

    def attend(project: "Project") -> None:
        now = revision_now(project), f"{project.ledger.clock():%Y-%m-%dT%H}"
        is_new = now not in done
        done[:] = [now]
        if channels(project):
            if is_new:
                run_alerts(project)
            send_due(project, render)
        if is_new and ticket_channels(project):
            follow_tickets(project)

    return attend
