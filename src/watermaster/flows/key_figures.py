"""The key figures of a month, each with its year; one the ledger cannot know is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from watermaster.decide.cost.overview import month_before, ratio
from watermaster.model.overview import Better, KeyFigure, Measure, Scope
from watermaster.units.text import gpu_hours, share, short_month


@dataclass(frozen=True, slots=True)
class Year:
    """Up to twelve months: cost figures of each that has cost, GPU-seconds of each that has."""

    months: Sequence[str]
    cost: dict[str, dict[str, Decimal | None]]
    gpu: dict[str, dict[str, Any]]

    def costs(self, name: str) -> dict[str, Decimal | None]:
        """One cost by month; a month with cost but none of this kind has zero."""
        return {
            month: (self.cost[month][name] or Decimal(0)) if month in self.cost else None
            for month in self.months
        }

    def ratios(self, part: str, whole: str) -> dict[str, Decimal | None]:
        """One share of GPU-seconds by month."""
        found = {}
        for month in self.months:
            row = self.gpu.get(month, {})
            found[month] = ratio(row.get(part), row.get(whole))
        return found


def read_year(
    cost: Sequence[Mapping[str, Any]], gpu: Sequence[dict[str, Any]], months: Sequence[str]
) -> Year:
    """Rows by month."""
    names = ("total", "idle", "unallocated", "unmeasured", "unused")
    costs = {row["month"]: {name: row[name] for name in names} for row in cost}
    return Year(months, costs, {row["month"]: row for row in gpu})


def key_figures(year: Year, month: str, scope: Scope) -> list[KeyFigure]:
    """At most six, the most asked for first."""
    spend = replace(_money(year, month, "total"), label=f"Spend in {short_month(month)}", note="")
    use = [_reserved(year, month), _used(year, month)]
    if scope.unit:  # a GPU hour is seen on a platform, not in a unit
        use = [replace(one, note=f"{one.note}, all units") for one in use if one]
    waste = [
        _money(year, month, name)
        for name in ("idle", "unallocated", "unused", "unmeasured")
        if any(year.costs(name).values())
    ]
    return [figure for figure in (spend, *use, *waste) if figure is not None][:MOST]


MOST: Final = 6
LABELS: Final = {
    "total": ("Spend", "sum of EffectiveCost of the month's bills"),
    "idle": ("Idle", "cost of GPUs supplied, healthy and not reserved"),
    "unallocated": ("Without owner", "cost that no selector, pool or rule gives to anybody"),
    "unused": ("Unused commitment", "commitment paid for and not used"),
    "unmeasured": ("Not measured", "cost of GPUs whose supply or use was not observed"),
}


def _money(year: Year, month: str, name: str) -> KeyFigure:
    label, formula = LABELS[name]
    months = year.costs(name)
    is_kind = name not in {"total", "unused"}
    return KeyFigure(
        name=name,
        label=label,
        measure=Measure.MONEY,
        better=Better.LESS,
        value=months[month],
        before=months.get(month_before(month)),
        base="",
        note=f"{share(ratio(months[month], year.cost[month]['total']))} of spend",
        formula=formula,
        months=months,
        wanted={"kind": (name,)} if is_kind else {},
    )


def _reserved(year: Year, month: str) -> KeyFigure | None:
    row = year.gpu.get(month, {})
    return _use(
        year.ratios("reserved_s", "supplied_s"),
        month,
        ("reserved", "GPU hours reserved"),
        ("of supplied", f"{gpu_hours(row.get('supplied_s'))} supplied"),
        "GPU-seconds reserved / GPU-seconds healthy and open to work",
    )


def _used(year: Year, month: str) -> KeyFigure | None:
    field = year.gpu.get(month, {}).get("field")
    return _use(
        year.ratios("used_s", "measured_s"),
        month,
        ("used", "GPU utilisation"),
        ("of reserved", f"by {field}"),
        f"time mean of {field} over reserved GPU-seconds",
    )


def _use(
    months: dict[str, Decimal | None],
    month: str,
    named: tuple[str, str],
    told: tuple[str, str],
    formula: str,
) -> KeyFigure | None:
    if months[month] is None:
        return None
    return KeyFigure(
        name=named[0],
        label=named[1],
        measure=Measure.SHARE,
        better=Better.MORE,
        value=months[month],
        before=months.get(month_before(month)),
        base=told[0],
        note=told[1],
        formula=formula,
        months=months,
    )
