"""The base of declared records, and the types and selectors that many of them share."""

import datetime as dt
import difflib
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Day = dt.date
Money = Annotated[Decimal, Field(ge=0, max_digits=28, decimal_places=15)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        near = difflib.get_close_matches(name, sorted(available_timezones()), 1, 0.6)
        msg = f"{name!r} is no time zone; write {near[0] if near else 'e.g. Europe/Berlin'}"
        raise ValueError(msg) from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]


class Record(BaseModel):
    """Base of all declared records: frozen, camelCase in YAML, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class Selector(Record):
    """All terms must hold. One Selector is one way to recognise a thing; a list is any of them.

    Classes, the strongest first: id (resourceId, uid), label, namespace or account, tag.
    """

    resource_id: str | None = Field(None, description="exact ResourceId of the bill")
    uid: str | None = Field(None, description="exact native uid, e.g. namespace/pod")
    labels: dict[str, str] = Field({}, description="labels of the native thing, exact")
    platform: str | None = Field(None, description="platform as its source names it")
    namespace: str | None = Field(None, description="Kubernetes namespace")
    account: str | None = Field(None, description="SubAccountId or BillingAccountId; Slurm account")
    name: str | None = Field(None, description="job or pod name, exact")
    user: str | None = Field(None, description="who created the native thing")
    provider: str | None = Field(None, description="ProviderName of the bill")
    service: str | None = Field(None, description="ServiceName of the bill")
    region: str | None = Field(None, description="RegionId of the bill")
    tags: dict[str, str] = Field({}, description="bill tags, exact; each key becomes a column")

    @model_validator(mode="after")
    def _has_a_term(self) -> "Selector":
        if not self.terms:
            msg = "a selector without terms would match everything; write at least one term"
            raise ValueError(msg)
        return self

    @property
    def terms(self) -> dict[str, str]:
        """Term key to value; labels and tags as `label:KEY` and `tag:KEY`."""
        told = ((name, getattr(self, name)) for name in _PLAIN)
        plain = {name: value for name, value in told if value is not None}
        named = {f"label:{k}": v for k, v in self.labels.items()}
        return plain | named | {f"tag:{k}": v for k, v in self.tags.items()}


_PLAIN = tuple(name for name in Selector.model_fields if name not in {"labels", "tags"})
