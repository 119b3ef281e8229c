"""Look through the parts of charges: filter, group, sort, page; totals over the whole filter."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from watermaster.decide.cost.by import Cost, filtered
from watermaster.decide.cost.charges import (
    ROWS_A_PAGE,
    RULE,
    SORTS,
    Group,
    found,
    listed,
    ordered,
    summary,
)
from watermaster.flows.cost import check_dimensions, stale
from watermaster.flows.open import Project
from watermaster.flows.scope import Asked, Scoped, scoped
from watermaster.model.errors import RefusedError, UsageError
from watermaster.model.overview import ChargesReport
from watermaster.model.tables import Table

EXPORT_ROWS: Final = 500_000
COST: Final = Cost.EFFECTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargesAsked:
    """What the list should show."""

    asked: Asked = field(default_factory=Asked)
    wanted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: str = ""
    group: Group = Group.CHARGE
    sort: str = "-cost"
    page: int = 1


def charges(project: Project, question: ChargesAsked, at: Scoped | None = None) -> ChargesReport:
    """One page of the list; `at` is the scope where the caller has it already."""
    _check(question)
    scope = at or scoped(project, question.asked)
    rows = _matching(scope, question)
    whole = _rows_of(project, summary(rows, question.group, COST))[0]
    pages = max(1, math.ceil(whole["rows"] / ROWS_A_PAGE))
    page = min(max(1, question.page), pages)
    shown = ordered(listed(rows, question.group, COST), question.group, question.sort)
    shown = shown.limit(ROWS_A_PAGE, offset=(page - 1) * ROWS_A_PAGE)
    month = [scope.scope.month] if scope.scope.month else []
    return ChargesReport(
        rule=RULE,
        snapshot=scope.head.name,
        why=" ".join(["Effective cost of every part of a charge.", *stale(project, month)]),
        scope=scope.scope,
        group=question.group.value,
        sort=question.sort,
        rows=_rows_of(project, shown),
        page=page,
        pages=pages,
        count=whole["rows"] or 0,
        charges=whole["parts"] or 0,
        total=whole["total"] or Decimal(0),
    )


def all_charges(project: Project, question: ChargesAsked) -> pa.Table:
    """The whole list, for an export; RefusedError where it is too long for one file."""
    _check(question)
    rows = _matching(scoped(project, question.asked), question)
    count = _rows_of(project, summary(rows, question.group, COST))[0]["rows"]
    if count > EXPORT_ROWS:
        raise RefusedError(
            "the export",
            f"has {count} rows, more than {EXPORT_ROWS}",
            "filter further, or group it",
        )
    shown = ordered(listed(rows, question.group, COST), question.group, question.sort)
    return project.ledger.engine.to_pyarrow(shown)


def _check(question: ChargesAsked) -> None:
    sorts = SORTS[question.group]
    if question.sort.removeprefix("-") not in sorts:
        known = ", ".join(sorts)
        raise UsageError("sort", f"there is no column {question.sort!r}", f"take {known}")


def _matching(scope: Scoped, question: ChargesAsked) -> Table:
    check_dimensions(scope.rows, question.wanted, "filter")
    return found(filtered(scope.rows, question.wanted), question.text)


def _rows_of(project: Project, rows: Table) -> list[dict[str, Any]]:
    listed_rows: list[dict[str, Any]] = project.ledger.engine.to_pyarrow(rows).to_pylist()
    return listed_rows
