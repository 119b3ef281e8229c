"""The ticket systems there are, by the type of their channel."""

from typing import Final

from watermaster.act.tickets_github import GitHub
from watermaster.act.tickets_jira import Jira
from watermaster.act.tickets_servicenow import ServiceNow
from watermaster.model.channels import ChannelSpec
from watermaster.model.tickets import TicketSystem

_SYSTEMS: Final[dict[str, type[GitHub | Jira | ServiceNow]]] = {
    "github": GitHub,
    "jira": Jira,
    "servicenow": ServiceNow,
}


def ticket_system(spec: ChannelSpec) -> TicketSystem:
    """The system of a channel; nothing is asked of it yet."""
    return _SYSTEMS[spec.type](spec)
