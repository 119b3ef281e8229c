"""What people declare of tags besides policies, and what a tag's value was taken from."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import Field, model_validator

from watermaster.model.record import Day, Record, Selector


class Inherit(StrEnum):
    """Whose labels a charge may take a missing tag from, in this order."""

    POOL = "pool"  # the Pool the charge is of
    ACCOUNT = "account"  # the Platform that is the charge's cloud account
    PLATFORM = "platform"  # the Platform the charge belongs to
    OWNER = "owner"  # the Team that owns it


class TagFrom(StrEnum):
    """Where the value of a tag came from."""

    RAW = "raw"  # as delivered
    REPAIRED = "repaired"  # delivered under another spelling of the key or the value
    VIRTUAL = "virtual"  # a VirtualTag says so
    INHERITED = "inherited"  # from the labels of its pool, account, platform or owner


class TagRepairSpec(Record):
    """What other spellings of one tag mean. Charges keep what was delivered."""

    key: str = Field(description="the tag key as it should be")
    spellings: list[str] = Field([], description="delivered keys that mean it, exact")
    values: dict[str, str] = Field({}, description="delivered value to the value it means, exact")

    @model_validator(mode="after")
    def _says_something(self) -> "TagRepairSpec":
        if not self.spellings and not self.values:
            msg = "repairs nothing; write spellings, values or both"
            raise ValueError(msg)
        if self.key in self.spellings:
            msg = f"spellings name {self.key} itself; leave it out"
            raise ValueError(msg)
        same = sorted(raw for raw, meant in self.values.items() if raw == meant)
        if same:
            msg = f"values turn {', '.join(same)} into itself; leave it out"
            raise ValueError(msg)
        return self


class Wins(StrEnum):
    """Where a VirtualTag counts."""

    MISSING = "missing"  # only where the charge has no value
    ALWAYS = "always"  # also over what was delivered


class VirtualTagSpec(Record):
    """Charges that match have `key` = `value`, from a day until a day (excluded)."""

    key: str
    value: str = Field(min_length=1)
    match: list[Selector] = Field(min_length=1, description="terms of bills; any of them")
    start: Day | None = Field(None, alias="from", description="first day; none: the beginning")
    until: Day | None = Field(None, description="first day on which it no longer holds")
    wins: Wins = Wins.MISSING

    @model_validator(mode="after")
    def _lasts(self) -> "VirtualTagSpec":
        if self.start and self.until and self.start >= self.until:
            msg = f"from {self.start} is not before until {self.until}; it would hold on no day"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class TagValue:
    """One tag of one part of a charge."""

    key: str
    value: str | None
    raw: str | None  # as delivered under the key itself
    source: str | None  # raw, repaired, virtual or inherited; None: it has no value
    because: str | None  # what gave it: TagRepair cost-center-1: cc104


EVERY: Final = list(Inherit)
