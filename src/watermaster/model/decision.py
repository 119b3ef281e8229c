"""The one shape in which every decision leaves the core."""

from dataclasses import dataclass

from watermaster.model.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Rows plus the reason for them; nothing has been executed yet."""

    rule: str  # "allocate/1"; the number grows whenever the same input may give other numbers
    rows: Table  # columns as the rule's docstring says
    why: str  # one sentence for the person who pays
