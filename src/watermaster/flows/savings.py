"""What mended findings really saved: fixes done, and accepted findings that people mended."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import numpy as np

from watermaster.decide.review.expected import MONTH_DAYS, NOTHING
from watermaster.decide.review.savings import LEAST_BEFORE, RULE, Mended, realised
from watermaster.decide.review.savings_sums import by_key, record_of
from watermaster.flows.estate import known_estate
from watermaster.flows.findings import kept_findings
from watermaster.flows.open import Project
from watermaster.flows.savings_daily import Mine, Series, series_of
from watermaster.ledger.decided import decisions_on
from watermaster.ledger.fixes import fixes
from watermaster.ledger.head import read_head
from watermaster.model.acts import Fix, FixState
from watermaster.model.decided import FindingDecision, Saving, Verb
from watermaster.model.estate import live_estate
from watermaster.model.findings import Finding
from watermaster.model.savings import NOTHING as NO_SAVING
from watermaster.model.savings import Effect, Realised, SavingLine, SavingsReport

HAND: Final = "hand"
WERE_DONE: Final = frozenset({
    FixState.DONE, FixState.CONFIRMED, FixState.REVERTED, FixState.UNDOING, FixState.UNDONE,
})  # fmt: skip
LOWERING_VERBS: Final = frozenset({"lower-request"})
LOWERING_RULES: Final = frozenset({"oversized-request", "newer-accelerator"})
SAVES_NOTHING: Final = frozenset({"tag", "label"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One mended finding."""

    finding: Finding
    team: str | None
    by: str
    mended: Mended
    saving: Saving | None


def savings(
    project: Project, rules: Sequence[str] = (), teams: Sequence[str] = ()
) -> SavingsReport:
    """Expected against realised, from the ledger as it is now; none chosen: all."""
    head = read_head(project.ledger.records)
    cases = [
        case for case in _cases(project)
        if (not rules or case.finding.rule in rules) and (not teams or case.team in teams)
    ]  # fmt: skip
    estate = live_estate(known_estate(project))
    told = series_of(project, head, estate, [_mine(case) for case in cases])
    lines = [_line(case, told.get(case.finding.id)) for case in cases]
    lines.sort(key=lambda one: (-_amount(one), one.finding))
    ends = [_end(one) for one in told.values()]
    known = sum(1 for line in lines if line.allocated)
    return SavingsReport(
        rule=RULE, snapshot=head.name, through=max(ends, default=None), lines=lines,
        why=f"{known} of {len(lines)} mended findings can be counted: what they would have cost "
        "(unit cost before x volume after, at the price after) less what they cost.",
        by_team=by_key(lines, lambda line: line.team or "-"),
        by_rule=by_key(lines, lambda line: line.rule),
    )  # fmt: skip


def records_by_rule(report: SavingsReport) -> dict[str, list[Decimal]]:
    """Realised / expected by rule: how far what a rule promises is to be trusted."""
    return {rule: record_of(report.lines, rule) for rule in {one.rule for one in report.lines}}


def _cases(project: Project) -> Iterator[_Case]:
    """Findings with a fix that was done; and accepted ones that are no longer found."""
    records = project.ledger.records
    decided: dict[str, FindingDecision] = {}
    for decision in decisions_on(records):
        decided[decision.finding.id] = decision
    done: dict[str, list[Fix]] = {}
    for fix in fixes(records):
        if fix.state in WERE_DONE and fix.plan.remedy.verb not in SAVES_NOTHING:
            done.setdefault(fix.plan.finding, []).append(fix)
    kept = kept_findings(project)
    for idn, held in done.items():
        last = decided.get(idn)
        finding = last.finding if last else kept.get(idn, (None, None))[0]
        if finding is not None:
            yield _case(finding, last, ", ".join(fix.id for fix in held), _mended(held))
    for idn, last in decided.items():
        finding, until = kept.get(idn, (last.finding, None))
        is_mended = last.verb is Verb.ACCEPT and idn not in done and finding.rule not in NOTHING
        if is_mended and until is not None:
            yield _case(finding, last, HAND, Mended(on=until, effect=_effect(finding.rule)))


def _case(finding: Finding, last: FindingDecision | None, by: str, mended: Mended) -> _Case:
    team = (last.team if last else None) or finding.team
    saving = last.saving if last else None
    return _Case(finding=finding, team=team, by=by, mended=mended, saving=saving)


def _mended(held: Sequence[Fix]) -> Mended:
    """From the first fix of a finding on, until the last of them is undone."""
    starts = [_done_at(fix).date() for fix in held]
    undone = [fix.ended_at.date() for fix in held if fix.state is FixState.UNDONE and fix.ended_at]
    lowers = any(fix.plan.remedy.verb in LOWERING_VERBS for fix in held)
    return Mended(
        on=min(starts), effect=Effect.LOWERS if lowers else Effect.REMOVES,
        undone=max(undone) if len(undone) == len(held) else None,
    )  # fmt: skip


def _done_at(fix: Fix) -> dt.datetime:
    """An undone fix keeps the moment of its undo: it was done as soon as it was approved."""
    moment = fix.approved_at if fix.state in {FixState.UNDONE, FixState.UNDOING} else fix.ended_at
    return moment or fix.approved_at or fix.planned_at


def _effect(rule: str) -> Effect:
    return Effect.LOWERS if rule in LOWERING_RULES else Effect.REMOVES


def _mine(case: _Case) -> Mine:
    """What a finding is about: its evidence, else the workloads or the resource it names."""
    finding = case.finding
    things = frozenset(
        (str(row.get("platform") or ""), str(row.get("kind")), str(row["value"]))
        for row in finding.evidence
        if row.get("table") == "subjects"
    )
    parts = [part.partition("/") for part in finding.subject.split("+")]
    named = {name for kind, _, name in parts if kind == "workload"}
    first = finding.subject.removeprefix("workload/").split("+")
    works = frozenset(named | set(first)) if finding.subject.startswith("workload/") else set()
    resources = {name for kind, _, name in parts if kind == "resource"}
    resources |= {str(row["value"]) for row in finding.evidence if row.get("key") == "resource_id"}
    return Mine(
        finding=finding.id, on=case.mended.on, things=frozenset() if works else things,
        resources=frozenset(resources), workloads=frozenset(works),
    )  # fmt: skip


def _line(case: _Case, series: Series | None) -> SavingLine:
    allocated = realised(series.allocated, case.mended) if series else None
    cash = _cash(series, case.mended, allocated)
    days = allocated.after_days if allocated else 0
    saving = case.saving
    return SavingLine(
        finding=case.finding.id, rule=case.finding.rule, subject=case.finding.subject,
        team=case.team, done_on=case.mended.on, by=case.by, undone_on=case.mended.undone,
        currency=series.currency if series else case.finding.currency or "USD",
        expected_cash=_over(saving.cash, days) if saving else None,
        expected_allocated=_over(saving.allocated, days) if saving else None,
        cash=cash, allocated=allocated, why=_why(series, allocated),
    )  # fmt: skip


def _cash(series: Series | None, mended: Mended, allocated: Realised | None) -> Realised | None:
    """What was on no invoice before saves no cash."""
    if series is None or allocated is None:
        return None
    if np.nansum(np.abs(series.cash.cost)) > 0:
        return realised(series.cash, mended)
    zero = Decimal(0)
    return replace(
        allocated, saving=NO_SAVING, by_month=dict.fromkeys(allocated.by_month, NO_SAVING),
        before=zero, volume=zero, price=zero, actual=zero,
        why="on no invoice: own or committed capacity that others can use now",
    )  # fmt: skip


def _over(a_month: Decimal, days: int) -> Decimal:
    return (a_month * days / MONTH_DAYS).quantize(Decimal("0.000001"))


def _why(series: Series | None, told: Realised | None) -> str:
    if series is None:
        return "nothing was billed or measured of it before it was mended"
    if told is None:
        return f"needs {LEAST_BEFORE} days of cost before it was mended, and one after"
    return told.why


def _amount(line: SavingLine) -> Decimal:
    return line.allocated.saving.amount if line.allocated else Decimal(0)


def _end(series: Series) -> dt.date:
    return series.allocated.first + dt.timedelta(days=len(series.allocated.cost) - 1)
