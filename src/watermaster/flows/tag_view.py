"""Tags at a glance, as the page Tags shows them: coverage with its trend, and near misses."""

from decimal import Decimal
from typing import Any, Final

from watermaster.flows.cost import CostQuestion
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.flows.scope import Scoped
from watermaster.flows.tag_coverage import coverage
from watermaster.flows.tag_fix import propose_fixes
from watermaster.ledger.head import read_head
from watermaster.model.estate import live_estate
from watermaster.model.reports import TagLine, TagView

TREND_MONTHS: Final = 12
Rows = list[dict[str, Any]]


def tag_view(project: Project, scoped: Scoped) -> TagView:
    """Each required tag by unit in the scope's month (None: the newest), with the year before."""
    scope = scoped.scope
    month = scope.month or scope.months[0]
    months = sorted(one for one in scope.months if one <= month)[-TREND_MONTHS:]
    rules = [rule for v in live_estate(known_estate(project)).of("TagPolicy")
             for rule in v.resource.spec.tags]  # fmt: skip
    head = read_head(project.ledger.records).name
    if not any(rule.required for rule in rules):
        fixes = propose_fixes(project, [month]).fixes if rules else []
        why = "No tag is required."
        return TagView(snapshot=head, why=why, month=month, months=months, fixes=fixes)
    by_unit = coverage(project, CostQuestion(by=("unit", "month"), months=months))
    units: Rows = [row for row in by_unit.rows if row["currency"] == scope.currency
                   and scope.unit in {None, row["unit"]}]  # fmt: skip
    whole = units
    if scope.unit is None:
        every = coverage(project, CostQuestion(by=("month",), months=months)).rows
        whole = [row for row in every if row["currency"] == scope.currency]
    return TagView(
        snapshot=by_unit.snapshot, why=by_unit.why, month=month, months=months,
        tags=_lines(whole, months), units=_lines(units, months),
        fixes=propose_fixes(project, [month]).fixes,
    )  # fmt: skip


def _lines(rows: Rows, months: list[str]) -> list[TagLine]:
    """One line for each tag and unit that has cost in the last month, the dearest first."""
    held: dict[tuple[str, str | None], dict[str, dict[str, Any]]] = {}
    for row in rows:
        held.setdefault((row["tag"], row.get("unit")), {})[row["month"]] = row
    lines = [
        _line(tag, unit, by_month, months)
        for (tag, unit), by_month in held.items()
        if months[-1] in by_month
    ]
    return sorted(lines, key=lambda one: (one.tag, -one.cost, one.unit or ""))


def _line(
    tag: str, unit: str | None, by_month: dict[str, dict[str, Any]], months: list[str]
) -> TagLine:
    now = by_month[months[-1]]
    trend: list[Decimal | None] = [by_month[m]["after"] if m in by_month else None for m in months]
    return TagLine(
        tag=tag, unit=unit, cost=now["cost"], wrong=now["wrong"], coverage=now["coverage"],
        after=now["after"], change=now["change_after"], trend=trend,
    )  # fmt: skip
