"""A review as rows: one sheet for each of its parts."""

import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from watermaster.flows.statement_xlsx import write_sheet
from watermaster.model.overview import KeyFigure, Measure
from watermaster.model.review import Review, Wanted

Row = Mapping[str, Any]


def sheets(found: Review) -> dict[str, Sequence[Row]]:
    """Sheet to its rows, each with the same columns; money as Decimal."""
    costs, moved = found.costs, found.costs.moved
    answers = {one.finding: one for one in found.answers}
    return {
        "Figures": [
            {"figure": one.label, "value": _share(one, one.value),
             "before": _share(one, one.before), "of": one.base, "formula": one.formula}
            for one in costs.figures
        ],
        "Moved": [
            {"cause": one.cause.value, "subject": one.subject, "change": one.amount,
             "why": one.words, "before": one.before, "now": one.now, "unit": one.unit}
            for one in moved.reasons
        ],
        "Units": [
            {"unit": one.unit or "nobody", "cost": one.cost, "before": one.before,
             "workloads": one.workloads} for one in costs.units
        ],
        "Decisions": [_decision(one, answers.get(one.finding))
                      for one in (*found.wanted, *found.experiments)],
        "Brought": [
            {"finding": one.finding, "rule": one.rule, "subject": one.subject, "team": one.team,
             "expected": one.expected, "realised": one.realised, "low": one.low,
             "high": one.high, "state": one.state} for one in found.brought
        ],
        "Heads-up": [
            {"what": one.what, "day": one.day, "estimate": "est." if one.is_estimate else None}
            for one in found.heads_up
        ],
        "About": [
            {"what": "month", "text": found.month},
            {"what": "finding", "text": costs.title},
            {"what": "opened", "text": f"{found.opened_at:%Y-%m-%d %H:%M} by {found.actor}"},
            {"what": "closed", "text": f"{found.closed_at:%Y-%m-%d %H:%M}" if found.closed_at
             else "open"},
            {"what": "revision", "text": found.snapshot},
            {"what": "rule", "text": f"{moved.rule}: {moved.why}"},
            *({"what": "unknown", "text": gap} for gap in found.gaps),
        ],
    }  # fmt: skip


def _share(one: KeyFigure, value: Decimal | None) -> object:
    """A share as text of its percent, so that it is not taken for money."""
    is_share = one.measure is Measure.SHARE and value is not None
    return f"{value:.1%}" if is_share else value


def workbook(found: Review) -> bytes:
    """The sheets as XLSX; the same review gives the same file."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    created = found.opened_at.replace(tzinfo=None)
    book.set_properties({"title": f"Review {found.month}", "created": created})
    for name, rows in sheets(found).items():
        write_sheet(book, name, rows)
    book.close()
    return out.getvalue()


def _decision(one: Wanted, answer: Any) -> Row:
    return {
        "finding": one.finding, "rule": one.rule, "subject": one.subject,
        "team": (answer and answer.team) or one.team, "cost": one.cost,
        "saves": one.saving.allocated if one.saving else None,
        "cash": one.saving.cash if one.saving else None, "status": one.status.value,
        "answer": answer.verb.value if answer else None,
        "by": (answer and answer.due) or one.due, "why": answer.why if answer else one.why,
    }  # fmt: skip
