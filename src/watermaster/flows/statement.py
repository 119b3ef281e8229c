"""A month's statement and journal, as closed or, while it is open, as it stands."""

from dataclasses import dataclass

from watermaster.decide.cost import statement as rule
from watermaster.flows.closed import (
    View,
    allocations_of,
    files_of,
    known_closes,
    read_month,
)
from watermaster.flows.gaps import gaps_of, late_telemetry, rejections_of
from watermaster.flows.open import Project
from watermaster.ledger.closes import Closed
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.read import read_files
from watermaster.model.errors import NotFoundError, WatermasterError
from watermaster.model.statement import Amounts, Journal, Line, Statement
from watermaster.model.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementQuestion:
    """Which month, for whom, as closed or as restated."""

    month: str
    team: str | None = None
    unit: str | None = None
    view: View = View.CLOSED


def statement_of(project: Project, question: StatementQuestion) -> Statement:
    """The statement of a month: lines of the team or unit asked for, checked against the bills."""
    head, close = _begin(project, question)
    decided = rule.lines(allocations_of(project, head, [question.month], question.view))
    every = rule.read_lines(project.ledger.engine.to_pyarrow(decided.rows).to_pylist())
    checked = _checked(project, head, question, every)
    _refuse_untrue(question, close, checked)
    shown = [line for line in every if _is_asked_for(line, question)]
    if not shown:
        raise NotFoundError(question.month, f"nothing to state{_whom(question)}", "see wm status")
    notes = _notes(project, head, question, close)
    if close is None and any(row.what == "difference" and row.billed for row in checked):
        notes.append("the bills are not allocated in full yet: run wm allocate")
    return Statement(
        rule=decided.rule,
        snapshot=f"r{close.revision}" if close else head.name,
        why=decided.why,
        month=question.month,
        close_id=close.id if close else None,
        closed_at=close.at if close else None,
        team=question.team,
        unit=question.unit,
        lines=shown,
        totals=rule.totals(shown),
        check=checked,
        gaps=list(close.gaps) if close else gaps_of(project, head, question.month),
        notes=notes,
    )


def journal_of(project: Project, question: StatementQuestion) -> Journal:
    """The month's bookings: a debit and a credit for each, adjustments as their own."""
    head, close = _begin(project, question)
    decided = rule.bookings(_asked(allocations_of(project, head, [question.month]), question))
    rows = project.ledger.engine.to_pyarrow(decided.rows).to_pylist()
    booked = list(rule.entries(rows, question.month))
    if not booked:
        raise NotFoundError(question.month, f"nothing to book{_whom(question)}", "see wm status")
    return Journal(
        rule=decided.rule,
        snapshot=f"r{close.revision}" if close else head.name,
        why=decided.why,
        month=question.month,
        close_id=close.id if close else None,
        entries=booked,
        totals=rule.entry_totals(booked),
        gaps=list(close.gaps) if close else gaps_of(project, head, question.month),
    )


def _begin(project: Project, question: StatementQuestion) -> tuple[Head, Closed | None]:
    read_month(question.month)
    head = read_head(project.ledger.records)
    close = known_closes(project).get(question.month)
    return head, close if question.view is View.CLOSED else None


def _asked(allocations: Table, question: StatementQuestion) -> Table:
    rows = allocations
    if question.team is not None:
        rows = rows.filter(rows.team == question.team)
    if question.unit is not None:
        rows = rows.filter(rows.unit == question.unit)
    return rows


def _is_asked_for(line: Line, question: StatementQuestion) -> bool:
    return question.team in {None, line.team} and question.unit in {None, line.unit}


def _whom(question: StatementQuestion) -> str:
    team = f" for team {question.team}" if question.team else ""
    return team + (f" for unit {question.unit}" if question.unit else "")


def _checked(
    project: Project, head: Head, question: StatementQuestion, every: list[Line]
) -> list[Amounts]:
    closes = known_closes(project) if question.view is View.CLOSED else {}
    files = files_of(project, head, "charges", closes, [question.month])
    bills = rule.bill_sums(read_files(project.ledger, "charges", files))
    return rule.check(every, project.ledger.engine.to_pyarrow(bills).to_pylist())


def _refuse_untrue(
    question: StatementQuestion, close: Closed | None, checked: list[Amounts]
) -> None:
    """A closed month's statement is its bills, or nothing is printed."""
    for row in checked:
        if close and row.what == "difference" and (row.billed or row.effective):
            raise WatermasterError(
                question.month,
                f"the statement differs from the bills by {row.billed} billed and "
                f"{row.effective} effective {row.currency}",
                "report this as a defect",
            )


def _notes(
    project: Project, head: Head, question: StatementQuestion, close: Closed | None
) -> list[str]:
    if question.view is View.RESTATED:
        return ["as restated: the bills at present, without adjustments"]
    if close is None:
        return ["the month is open: figures may change", *rejections_of(project, question.month)]
    late = late_telemetry(project, head, close)
    notes = [
        f"{n} rows of {name} came after the close and move no money" for name, n in late.items()
    ]
    return [*notes, *(f"amended: {why}" for why in close.amended)]
