"""Where messages go: mail, a Slack-compatible webhook, tickets; and what an alert says."""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from watermaster.model.record import Currency, Name, Record
from watermaster.model.tickets import SYSTEMS
from watermaster.units.schedule import check_schedule

SAFE: Final = ("https://", "http://127.0.0.1", "http://localhost")
_PLACES: Final = {
    "jira": r"[A-Z][A-Z0-9_]+",
    "github": r"[\w.-]+/[\w.-]+",
    "servicenow": r"|[a-z_0-9]+",
}
_LIKE: Final = {"jira": "a key such as OPS", "github": "owner/repository", "servicenow": "a table"}


class AlertKind(StrEnum):
    NEW = "new-finding"
    OVERDUE = "overdue-decision"
    MOVED = "cost-moved"


class ChannelSpec(Record):
    """Where messages go, and which; a secret is named here and lies elsewhere."""

    type: Literal["smtp", "webhook", "jira", "servicenow", "github"]
    location: str = Field(description="smtp://host:port, smtps://host:port or https://address")
    project: str | None = Field(
        None, description="where tickets go: Jira's project key, owner/repository, or a table"
    )
    issue_type: str = Field("Task", description="of a Jira issue")
    sender: str | None = Field(None, description="address a mail is from")
    to: list[str] = Field([], description="addresses a mail goes to")
    user: str | None = Field(None, description="who signs in to the mail server")
    secret: str | None = Field(
        None, description="env:NAME or file:PATH: password, token, or the key that signs a webhook"
    )
    sends: list[Literal["review", "alert"]] = Field(["review", "alert"])
    alerts: list[AlertKind] = Field([], description="only these kinds; none: all")
    teams: list[Name] = Field([], description="only of these teams; none: all")
    least: Decimal = Field(Decimal(1000), ge=0, description="a month: less is no alert")
    currency: Currency = "USD"
    schedule: Annotated[str, AfterValidator(check_schedule)] | None = Field(
        None, description="cron, UTC: when the newest review is sent; none: only by hand"
    )

    @model_validator(mode="after")
    def _tickets_need_a_place(self) -> "ChannelSpec":
        if self.type not in SYSTEMS:
            return self
        if self.secret is None:
            msg = f"{self.type} asks who writes; write secret: env:NAME or file:PATH"
            raise ValueError(msg)
        wanted = _PLACES[self.type]
        if not re.fullmatch(wanted, self.project or ""):
            msg = f"project {self.project!r} is none of {self.type}; write {_LIKE[self.type]}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _fits_its_type(self) -> "ChannelSpec":
        is_mail = self.location.startswith(("smtp://", "smtps://"))
        if is_mail != (self.type == "smtp"):
            wanted = "smtp://host:port" if self.type == "smtp" else "https://address"
            msg = f"location {self.location!r} is none of {self.type}; write {wanted}"
            raise ValueError(msg)
        if self.type != "smtp" and not self.location.startswith(SAFE):
            msg = f"a {self.type} in the clear could be read and forged; write https://"
            raise ValueError(msg)
        if self.type == "smtp" and not (self.sender and self.to):
            msg = "a mail needs sender and to; write both"
            raise ValueError(msg)
        if any(char in text for text in (self.sender or "", *self.to) for char in "\r\n"):
            msg = "an address holds a line break; write one address an entry"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The bytes that go out, and what they are about: what a preview shows is what is sent."""

    what: str  # review/2026-10, alert/KEY, test
    body: bytes
    type: str  # content type of a webhook's body, or message/rfc822


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person should know now. The key is the same for as long as it lasts."""

    key: str
    kind: AlertKind
    team: str | None
    subject: str
    words: str  # one sentence with its figures
    amount: Decimal | None  # a month
    currency: str | None
    link: str  # path of the page that shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """An alert and how far it is."""

    alert: Alert
    first_at: dt.datetime
    last_at: dt.datetime
    state: str  # firing, acknowledged, ended
    actor: str | None  # who acknowledged or silenced it
    silent_until: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One try to send a message."""

    at: dt.datetime
    channel: str
    what: str
    sha256: str
    fault: str | None
