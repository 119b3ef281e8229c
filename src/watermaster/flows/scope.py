"""Which allocations a page is about: one month or all, one currency, one unit or all."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from watermaster.decide.cost.by import Cost, cost_by
from watermaster.flows.closed import every_allocation
from watermaster.flows.open import Project
from watermaster.flows.sight import in_sight
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.kept import kept
from watermaster.ledger.lake import files_at, load
from watermaster.model.errors import NotFoundError
from watermaster.model.overview import Scope
from watermaster.model.tables import Table

CHOSEN: Final = ("unit", "platform", "activity")  # what people filter by most
SMALL: Final = 0.05  # a month with less than this part of the largest one has hardly begun
KEPT_ROWS: Final = 2_000_000  # a month with more is read from its files each time


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page was asked for; None: the newest month, all units, the usual currency."""

    month: str | None = None
    every_month: bool = False
    unit: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Scoped:
    """The allocations of a scope, all at one head."""

    head: Head
    scope: Scope
    rows: Table


def is_empty(project: Project) -> bool:
    """Whether nothing has been allocated yet."""
    return not month_sizes(project, read_head(project.ledger.records))


def month_sizes(project: Project, head: Head) -> dict[str, int]:
    """Billing months with allocations, newest first, and their rows."""
    sizes: dict[str, int] = {}
    table = load(project.ledger.catalog, "allocations")
    for _, key, count in files_at(table, head.snapshots["allocations"]):
        sizes[key[1]] = sizes.get(key[1], 0) + count
    return dict(sorted(sizes.items(), reverse=True))


def estate_month(project: Project, head: Head, month: str | None) -> tuple[str, list[str]]:
    """The month asked for (None: the usual one), and all that the estate knows, newest first.

    A month is known by its allocations or, where no bill has come, by what was seen in it.
    NotFoundError where the month asked for, or every month, holds neither.
    """
    sizes = month_sizes(project, head)
    subjects = load(project.ledger.catalog, "subjects")
    seen = {key[1][:7] for _, key, _ in files_at(subjects, head.snapshots["subjects"])}
    known = sorted(sizes.keys() | seen, reverse=True)
    if not known:
        raise NotFoundError("the ledger", "has nothing allocated or seen yet", "run wm sync")
    if month is not None and month not in known:
        raise NotFoundError(f"month {month}", "holds nothing", f"take {', '.join(known)}")
    return month or (usual_month(sizes) if sizes else known[0]), known


def usual_month(sizes: Mapping[str, int]) -> str:
    """The newest month that is more than a few rows ahead of its bill.

    >>> usual_month({"2026-11": 3, "2026-10": 900, "2026-09": 1000})
    '2026-10'
    """
    least = max(sizes.values()) * SMALL
    return next(month for month, size in sizes.items() if size >= least)


def scoped(project: Project, asked: Asked, head: Head | None = None) -> Scoped:
    """The allocations a page is about; NotFoundError for a month or unit that has none.

    head: the ledger as it was then; None: as it is.
    """
    head = head or read_head(project.ledger.records)
    sizes = month_sizes(project, head)
    if not sizes:
        raise NotFoundError("the ledger", "holds no allocations yet", "run wm ingest, or wm demo")
    month = None if asked.every_month else asked.month or usual_month(sizes)
    if month is not None and month not in sizes:
        raise NotFoundError(f"month {month}", "has no allocations", f"choose {', '.join(sizes)}")
    rows = _rows(project, head, month, sizes)
    by = project.ledger.engine.to_pyarrow(cost_by(rows, CHOSEN, Cost.EFFECTIVE).rows).to_pylist()
    choices = {name: sorted({row[name] for row in by if row[name]}) for name in CHOSEN}
    units = choices["unit"]
    if asked.unit is not None and asked.unit not in units:
        raise NotFoundError(
            f"unit {asked.unit}", "has no cost in this month", f"choose {', '.join(units)}"
        )
    currencies: dict[str, Decimal] = {}
    for row in by:
        amount = currencies.get(row["currency"], Decimal(0))
        currencies[row["currency"]] = amount + (row["cost"] or Decimal(0))
    scope = Scope(
        month=month,
        months=list(sizes),
        unit=asked.unit,
        choices=choices,
        currency=_currency(project, asked, currencies),
        currencies=currencies,
    )
    return Scoped(head, scope, within(rows, scope))


def within(rows: Table, scope: Scope) -> Table:
    """The allocations of the scope's currency and unit."""
    rows = rows.filter(rows.billing_currency == scope.currency)
    return rows if scope.unit is None else rows.filter(rows.unit == scope.unit)


def _rows(project: Project, head: Head, month: str | None, sizes: dict[str, int]) -> Table:
    rows = every_allocation(project, head, [] if month is None else [month])
    size = sum(sizes.values()) if month is None else sizes[month]
    if size <= KEPT_ROWS:
        rows = kept(project.ledger, head.revision, month or "all", rows)
    return in_sight(project, rows)


def _currency(project: Project, asked: Asked, currencies: dict[str, Decimal]) -> str:
    if asked.currency is not None:
        if asked.currency not in currencies:
            known = ", ".join(currencies)
            raise NotFoundError(asked.currency, "no cost is in this currency", f"choose {known}")
        return asked.currency
    usual = project.config.currency
    if usual in currencies or not currencies:  # nothing to see has no currency of its own
        return usual
    return max(currencies, key=lambda name: currencies[name])


def revision_now(project: Project) -> int:
    """The ledger's revision, whoever moved it last."""
    return read_head(project.ledger.records).revision
