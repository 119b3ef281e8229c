"""Issues of Jira, in the cloud and in one's own house, by its REST API version 2.

A label carries the mark. Cloud searches at /search/jql, a Jira of one's own at /search.
Source: https://developer.atlassian.com/cloud/jira/platform/rest/v2/
"""

from typing import Any, Final
from urllib.parse import quote, urlencode

from watermaster.act.ticket_web import Web
from watermaster.model.channels import ChannelSpec
from watermaster.model.errors import NotFoundError
from watermaster.model.tickets import TicketText, Told

API: Final = "/rest/api/2"
FIELDS: Final = "status,resolution"
MOST_TITLE: Final = 255


class Jira:
    """The issues of one project."""

    def __init__(self, spec: ChannelSpec) -> None:
        self._web, self._spec = Web(spec), spec

    def find(self, mark: str) -> Told | None:
        """The newest issue with the label."""
        jql = f'project = "{self._spec.project}" AND labels = "{mark}" ORDER BY created DESC'
        query = urlencode({"jql": jql, "maxResults": 1, "fields": FIELDS})
        try:
            found = self._web.ask("GET", f"{API}/search/jql?{query}")
        except NotFoundError:
            found = self._web.ask("GET", f"{API}/search?{query}")
        return self._told(found["issues"][0]) if found["issues"] else None

    def open(self, text: TicketText) -> Told:
        """A new issue with the mark as a label."""
        fields = {
            "project": {"key": self._spec.project}, "issuetype": {"name": self._spec.issue_type},
            "summary": text.title[:MOST_TITLE], "description": text.body,
            "labels": ["watermaster", text.mark],
        }  # fmt: skip
        made = self._web.ask("POST", f"{API}/issue", {"fields": fields})
        return self.look(made["key"]) or self._at(made["key"], "new", is_closed=False)

    def look(self, number: str) -> Told | None:
        """One issue; None where it was deleted."""
        try:
            return self._told(self._web.ask("GET", f"{API}/issue/{quote(number)}?fields={FIELDS}"))
        except NotFoundError:
            return None

    def say(self, number: str, words: str) -> None:
        """A comment."""
        self._web.ask("POST", f"{API}/issue/{quote(number)}/comment", {"body": words})

    def _told(self, issue: dict[str, Any]) -> Told:
        status = issue["fields"]["status"]
        resolution = (issue["fields"].get("resolution") or {}).get("name")
        words = status["name"] + (f" ({resolution})" if resolution else "")
        return self._at(issue["key"], words, is_closed=status["statusCategory"]["key"] == "done")

    def _at(self, key: str, words: str, *, is_closed: bool) -> Told:
        address = f"{self._web.base}/browse/{key}"
        return Told(number=key, address=address, is_closed=is_closed, words=words)
