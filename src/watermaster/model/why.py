"""What `wm cost why` returns: a figure walked back to its bill row and its rule."""

from dataclasses import dataclass, field
from decimal import Decimal

from watermaster.model.tagging import TagValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One owner's part of the charge."""

    kind: str
    rule: str
    because: str  # the rule in one sentence
    ratio: Decimal
    costs: dict[str, Decimal | None]
    owner: dict[str, str | None]  # workload, team, unit, dataset, pool ...
    utilisation: Decimal | None
    tags: list[TagValue] = field(default_factory=list)  # of the keys that policies name


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One charge: where it came from, what the bill said, who got which part and why."""

    rule: str
    snapshot: str
    why: str
    charge: dict[str, object]  # the bill row: FOCUS names, those that are not empty
    file: str  # the delivered file's name
    row: int
    parts: list[Part]
