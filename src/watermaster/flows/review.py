"""The monthly review: opened and frozen, answered, closed; given again from its snapshots."""

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Final

from pydantic import TypeAdapter

from watermaster.decide.cost.by import Cost, cost_by
from watermaster.decide.cost.overview import month_before
from watermaster.decide.review.heads_up import heads_up
from watermaster.flows.closed import allocations_of, read_month
from watermaster.flows.cost_explained import explained_in
from watermaster.flows.decide_finding import Choice, decide_finding, tell_findings
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.flows.overview import overview
from watermaster.flows.savings import savings
from watermaster.flows.scope import Asked, scoped, within
from watermaster.ledger.decided import decisions_on
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.note import note
from watermaster.ledger.reviews import add_review, end_review, head_of_review, review_texts
from watermaster.model.decided import FindingDecision, FindingsTold
from watermaster.model.errors import NotFoundError, RefusedError
from watermaster.model.estate import live_estate
from watermaster.model.findings import Finding
from watermaster.model.plain import plain
from watermaster.model.review import Answer, Brought, Review, ReviewCosts, UnitLine, Wanted
from watermaster.model.tables import Table

MOST: Final = 12  # decisions of one meeting; the others are counted
LOOK_BACK: Final = dt.timedelta(days=60)  # where there was no review before
EXPERIMENTS: Final = ("experiment", "promote")
_READER: Final[TypeAdapter[Review]] = TypeAdapter(Review)


def open_review(project: Project, month: str) -> Review:
    """Freeze a month for its review. A review that is open is never opened again."""
    read_month(month)
    if month in review_texts(project.ledger.records):
        raise RefusedError(f"review {month}", "is opened already", f"wm review show {month}")
    head, now = read_head(project.ledger.records), project.ledger.clock()
    told = tell_findings(project)
    wanted = sorted((_wanted(one, told) for one in told.found), key=_worth)
    trials = [one for one in wanted if any(word in one.rule for word in EXPERIMENTS)]
    others = [one for one in wanted if one not in trials]
    made = Review(
        month=month, opened_at=now, actor=project.actor, snapshot=head.name,
        costs=costs_of(project, month, head, now), wanted=others[:MOST],
        more=len(others[MOST:]), taken=_taken(project, now), brought=_brought(project),
        experiments=trials[:MOST],
        heads_up=heads_up(live_estate(known_estate(project)), _totals(project, head), now.date()),
        gaps=[gap.what for gap in told.gaps],
    )  # fmt: skip
    detail = {"month": month, "revision": head.revision}
    with note(project.ledger, "review-opened", project.actor, detail) as connection:
        if month in review_texts(project.ledger.records):  # somebody opened it meanwhile
            raise RefusedError(f"review {month}", "is opened already", f"wm review show {month}")
        add_review(connection, month, now, project.actor, (head, _text(made)))
    return made


def show_review(project: Project, month: str | None = None) -> Review:
    """A review as it was opened (None: the newest), with the answers given since."""
    texts = review_texts(project.ledger.records)
    if month is None and texts:
        month = next(iter(texts))
    if month is None or month not in texts:
        fix = f"wm review open {month or 'MONTH'}"
        raise NotFoundError(f"review {month or ''}".strip(), "was not opened", fix)
    kept = _READER.validate_json(texts[month])
    return kept if kept.closed_at else replace(kept, answers=_answers(project, kept))


def list_reviews(project: Project) -> list[Review]:
    """All of them, the newest month first."""
    return [show_review(project, month) for month in review_texts(project.ledger.records)]


def decide_in_review(project: Project, month: str, finding: str, choice: Choice) -> Review:
    """Answer one of its decisions."""
    held = show_review(project, month)
    if held.closed_at:
        raise RefusedError(f"review {month}", f"was closed on {held.closed_at:%Y-%m-%d}",
                           "decide on the finding itself: wm finding accept")  # fmt: skip
    known = [one.finding for one in (*held.wanted, *held.experiments)]
    mine = [one for one in known if one.startswith(finding)]
    if len(mine) != 1:
        raise NotFoundError(f"finding {finding}", f"is none of the review of {month}",
                            f"take one of wm review show {month}")  # fmt: skip
    decide_finding(project, mine[0], choice)
    return show_review(project, month)


def close_review(project: Project, month: str) -> Review:
    """End it with the answers given; it never changes after."""
    held = show_review(project, month)
    if held.closed_at:
        raise RefusedError(f"review {month}", "is closed already", f"wm review show {month}")
    now = project.ledger.clock()
    ended = replace(held, closed_at=now)
    detail = {"month": month, "answers": len(ended.answers)}
    with note(project.ledger, "review-closed", project.actor, detail) as connection:
        end_review(connection, month, now, _text(ended))
    return ended


def verify_review(project: Project, month: str) -> bool:
    """Whether its snapshots still give each of its figures, to the last digit."""
    held = show_review(project, month)
    head = head_of_review(project.ledger.records, month)
    if head is None:
        raise NotFoundError(f"review {month}", "was not opened", f"wm review open {month}")
    again = costs_of(project, month, head, held.opened_at)
    return json.dumps(plain(again)) == json.dumps(plain(held.costs))


def costs_of(project: Project, month: str, head: Head, now: dt.datetime) -> ReviewCosts:
    """What the facts say of a month, at a head."""
    asked = Asked(month=month)
    seen = overview(project, asked, head, now)
    found = scoped(project, asked, head)
    moved = explained_in(project, found)
    before = month_before(month)
    held = [name for name in (before, month) if name in found.scope.months]
    rows = within(allocations_of(project, head, held), found.scope)
    return ReviewCosts(
        title=seen.title, lede=seen.lede, currency=found.scope.currency, total=seen.total,
        before=seen.before, figures=seen.figures, days=seen.days, by_day=seen.by_day,
        moved=replace(moved, snapshot=head.name), units=_units(project, rows, month, before),
    )  # fmt: skip


def _units(project: Project, rows: Table, month: str, before: str) -> list[UnitLine]:
    by = cost_by(rows, ("unit", "month", "workload"), Cost.EFFECTIVE).rows
    cost: dict[tuple[str | None, str], Decimal] = {}
    works: dict[str | None, set[str]] = {}
    for row in project.ledger.engine.to_pyarrow(by).to_pylist():
        key = row["unit"], row["month"]
        cost[key] = cost.get(key, Decimal(0)) + (row["cost"] or Decimal(0))
        if row["month"] == month and row["workload"]:
            works.setdefault(row["unit"], set()).add(row["workload"])
    units = sorted({unit for unit, _ in cost}, key=lambda unit: unit or "")
    lines = [
        UnitLine(unit=unit, cost=cost.get((unit, month), Decimal(0)),
                 before=cost.get((unit, before)), workloads=len(works.get(unit, ())))
        for unit in units
    ]  # fmt: skip
    return sorted(lines, key=lambda one: (-one.cost, one.unit or ""))


def _totals(project: Project, head: Head) -> list[tuple[str, Decimal]]:
    """Cost by month, the oldest first."""
    found = scoped(project, Asked(every_month=True), head)
    rows = cost_by(found.rows, ("month",), Cost.EFFECTIVE).rows
    told = project.ledger.engine.to_pyarrow(rows).to_pylist()
    return sorted((row["month"], row["cost"] or Decimal(0)) for row in told)


def _wanted(one: Finding, told: FindingsTold) -> Wanted:
    standing = told.standing[one.id]
    team = standing.last.team if standing.last and standing.last.team else one.team
    return Wanted(
        finding=one.id, rule=one.rule, subject=one.subject, why=one.why, next_step=one.next_step,
        team=team or one.guess, is_guess=team is None and one.guess is not None, cost=one.cost,
        saving=told.savings[one.id], status=standing.status,
        due=standing.last.due if standing.last else None,
    )  # fmt: skip


def _worth(one: Wanted) -> tuple[bool, Decimal, Decimal, str]:
    """Overdue first, then by what it would save, then by what it costs."""
    saving = one.saving.allocated if one.saving else Decimal(0)
    return one.status != "overdue", -saving, -(one.cost or Decimal(0)), one.finding


def _taken(project: Project, now: dt.datetime) -> list[Answer]:
    """What was decided since the review before."""
    held = review_texts(project.ledger.records).values()
    opened = [_READER.validate_json(text).opened_at for text in held]
    since = max(opened, default=now - LOOK_BACK)
    every = decisions_on(project.ledger.records)
    return [_answer(one) for one in every if since <= one.at <= now]


def _answers(project: Project, held: Review) -> list[Answer]:
    mine = {one.finding for one in (*held.wanted, *held.experiments)}
    every = decisions_on(project.ledger.records)
    return [_answer(one) for one in every if one.at >= held.opened_at and one.finding.id in mine]


def _answer(one: FindingDecision) -> Answer:
    return Answer(finding=one.finding.id, verb=one.verb, team=one.team, due=one.due, why=one.why,
                  actor=one.actor, at=one.at)  # fmt: skip


def _brought(project: Project) -> list[Brought]:
    found = []
    for line in savings(project).lines:
        saving = line.allocated.saving if line.allocated else None
        found.append(
            Brought(
                finding=line.finding, rule=line.rule, subject=line.subject, team=line.team,
                expected=line.expected_allocated, realised=saving.amount if saving else None,
                low=saving.low if saving else None, high=saving.high if saving else None,
                state=f"undone on {line.undone_on}" if line.undone_on else f"since {line.done_on}",
            )
        )  # fmt: skip
    return found


def _text(made: Review) -> str:
    return json.dumps(plain(made), ensure_ascii=False)
