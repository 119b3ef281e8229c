"""Issues of GitHub, and of what speaks its REST API (version 2022-11-28).

A label carries the mark: lists by label know an issue at once, the search only after a while.
Source: https://docs.github.com/en/rest/issues/issues
"""

from typing import Any, Final
from urllib.parse import quote

from watermaster.act.ticket_web import Web
from watermaster.model.channels import ChannelSpec
from watermaster.model.errors import NotFoundError
from watermaster.model.tickets import TicketText, Told

HEADERS: Final = (
    ("Accept", "application/vnd.github+json"),
    ("X-GitHub-Api-Version", "2022-11-28"),
)


class GitHub:
    """The issues of one repository."""

    def __init__(self, spec: ChannelSpec) -> None:
        self._web = Web(spec, HEADERS)
        self._issues = f"/repos/{spec.project}/issues"

    def find(self, mark: str) -> Told | None:
        """The newest issue with the label."""
        query = f"?labels={quote(mark)}&state=all&sort=created&direction=desc&per_page=1"
        found = self._web.ask("GET", self._issues + query)
        return _told(found[0]) if found else None

    def open(self, text: TicketText) -> Told:
        """A new issue with the mark as a label."""
        asked = {"title": text.title, "body": text.body, "labels": ["watermaster", text.mark]}
        return _told(self._web.ask("POST", self._issues, asked))

    def look(self, number: str) -> Told | None:
        """One issue; None where it was deleted."""
        try:
            return _told(self._web.ask("GET", f"{self._issues}/{number}"))
        except NotFoundError:
            return None

    def say(self, number: str, words: str) -> None:
        """A comment."""
        self._web.ask("POST", f"{self._issues}/{number}/comments", {"body": words})


def _told(issue: dict[str, Any]) -> Told:
    words = issue["state"] + (f" ({issue['state_reason']})" if issue.get("state_reason") else "")
    return Told(number=str(issue["number"]), address=issue["html_url"],
                is_closed=issue["state"] == "closed", words=words)  # fmt: skip
