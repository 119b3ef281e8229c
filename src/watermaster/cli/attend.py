"""What servers do beside pulling: alerts and scheduled reviews, whenever something changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watermaster.flows.open import Project


def attending(opened: "Project") -> "Callable[[Project], None]":
    """A task that looks at alerts and sends what is due, once a revision and hour."""
    from watermaster.flows.alerts import run_alerts
    from watermaster.flows.scope import revision_now
    from watermaster.flows.send import channels, send_due
    from watermaster.serve.report import renders

    render = renders(opened.config.organisation)
    done: list[tuple[int, str]] = []

    def attend(project: "Project") -> None:
        now = revision_now(project), f"{project.ledger.clock():%Y-%m-%dT%H}"
        if channels(project):
            if now not in done:
                run_alerts(project)
                done[:] = [now]
            send_due(project, render)

    return attend
