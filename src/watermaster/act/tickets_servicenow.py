"""Records of a ServiceNow table, by its Table API; correlation_id carries the mark.

Source: https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
"""

from typing import Any, Final
from urllib.parse import quote, urlencode

from watermaster.act.ticket_web import Web
from watermaster.model.channels import ChannelSpec
from watermaster.model.tickets import TicketText, Told

FIELDS: Final = "sys_id,number,state,active"
TABLE: Final = "incident"
MOST_TITLE: Final = 160


class ServiceNow:
    """The records of one table: incident, unless the channel names another."""

    def __init__(self, spec: ChannelSpec) -> None:
        self._web = Web(spec)
        self._table = spec.project or TABLE
        self._path = f"/api/now/table/{quote(self._table)}"

    def find(self, mark: str) -> Told | None:
        """The newest record with the mark."""
        found = self._records(f"correlation_id={mark}^ORDERBYDESCsys_created_on")
        return self._told(found[0]) if found else None

    def open(self, text: TicketText) -> Told:
        """A new record with the mark."""
        asked = {
            "short_description": text.title[:MOST_TITLE], "description": text.body,
            "correlation_id": text.mark, "correlation_display": "watermaster",
        }  # fmt: skip
        query = urlencode({"sysparm_fields": FIELDS, "sysparm_display_value": "all"})
        return self._told(self._web.ask("POST", f"{self._path}?{query}", asked)["result"])

    def look(self, number: str) -> Told | None:
        """One record; None where it was deleted."""
        found = self._records(f"number={number}")
        return self._told(found[0]) if found else None

    def say(self, number: str, words: str) -> None:
        """A comment that the caller sees."""
        for one in self._records(f"number={number}"):
            place = f"{self._path}/{_value(one['sys_id'])}?sysparm_fields=sys_id"
            self._web.ask("PATCH", place, {"comments": words})

    def _records(self, asked: str) -> list[dict[str, Any]]:
        query = {"sysparm_query": asked, "sysparm_fields": FIELDS, "sysparm_limit": 1,
                 "sysparm_display_value": "all"}  # fmt: skip
        found: list[dict[str, Any]] = self._web.ask("GET", f"{self._path}?{urlencode(query)}")[
            "result"
        ]
        return found

    def _told(self, record: dict[str, Any]) -> Told:
        place = f"{self._table}.do?sys_id={_value(record['sys_id'])}"
        return Told(
            number=_value(record["number"]),
            address=f"{self._web.base}/nav_to.do?uri={quote(place, safe='')}",
            is_closed=_value(record["active"]) == "false",
            words=record["state"]["display_value"] if isinstance(record["state"], dict)
            else record["state"],
        )  # fmt: skip


def _value(field: Any) -> str:
    """What a field holds, told alone or with what is displayed for it."""
    return str(field["value"] if isinstance(field, dict) else field)
