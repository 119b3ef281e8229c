"""What closing a month gives back."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthClosed:
    """A month whose figures are final."""

    id: str  # close-2026-09
    month: str
    snapshot: str  # the ledger revision the figures stand at
    at: str
    actor: str
    is_new: bool  # false: it was closed before, and nothing changed
    gaps: list[str] = field(default_factory=list)  # accepted, printed on the statement
    notes: list[str] = field(default_factory=list)
    amended: list[str] = field(default_factory=list)  # why, for each amendment
