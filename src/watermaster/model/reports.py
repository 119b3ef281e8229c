"""What flows return: one record that the CLI prints, the API sends and the page shows."""

from dataclasses import dataclass, field
from decimal import Decimal

from watermaster.model.tag_fixes import TagFix


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """Costs by dimensions. Rows hold the dimensions as text (None: has none) and `cost`.

    Over several currencies without conversion each row has its `currency`, `totals` has one
    entry per currency and `total` is None.
    """

    rule: str
    snapshot: str  # the ledger revision the figures were read at
    why: str
    cost: str  # effective, billed, list or contracted
    by: tuple[str, ...]
    currency: str | None
    total: Decimal | None
    totals: dict[str, Decimal]
    rows: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageReport:
    """How much cost carries each required tag, as delivered and as meant.

    Rows hold the dimensions, `tag`, `currency`, `cost`, `covered`, `wrong` (a value that is not
    allowed), what is `repaired`, `virtual` and `inherited` besides, `coverage` (0 to 1) as
    delivered and `after` with these, and `change`, `change_after` on the month before
    (None: not known).
    """

    rule: str
    snapshot: str
    why: str
    cost: str
    by: tuple[str, ...]
    rows: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagLine:
    """One required tag, of one unit or of all, in one month."""

    tag: str
    unit: str | None
    cost: Decimal
    wrong: Decimal  # of it, delivered with a value that is not allowed
    coverage: Decimal  # 0..1, as delivered
    after: Decimal  # 0..1, with what is repaired, virtual and inherited
    change: Decimal | None  # of `after` on the month before; None: not known
    trend: list[Decimal | None]  # `after` by month, the oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class TagView:
    """What the page Tags shows."""

    snapshot: str
    why: str
    month: str
    months: list[str]  # of the trend, the oldest first
    tags: list[TagLine] = field(default_factory=list)  # of the whole scope
    units: list[TagLine] = field(default_factory=list)
    fixes: list[TagFix] = field(default_factory=list)
