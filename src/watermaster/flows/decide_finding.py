"""Decide on a finding: who does what by when, or why not; and where every finding stands."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Final

from watermaster.decide.review.expected import Bought, counted_once, expected_saving
from watermaster.decide.review.standing import standing
from watermaster.flows.estate import known_estate
from watermaster.flows.finding_things import places_of, seen_now, things_of
from watermaster.flows.findings import Chosen, list_findings, open_ids, show_finding
from watermaster.flows.open import Project
from watermaster.flows.savings import records_by_rule, savings
from watermaster.flows.sight import need_one
from watermaster.ledger.decided import append_decisions, decisions_on
from watermaster.ledger.fixes import fixes
from watermaster.ledger.note import note
from watermaster.ledger.tickets import tickets
from watermaster.model.acts import FixState
from watermaster.model.decided import (
    OPEN,
    FindingDecision,
    FindingsTold,
    FindingTold,
    Saving,
    Standing,
    Status,
    Verb,
)
from watermaster.model.errors import RefusedError, UsageError
from watermaster.model.estate import Estate, live_estate
from watermaster.model.findings import Finding
from watermaster.model.identity import Right
from watermaster.model.things import Seen
from watermaster.units.periods import months_after

DECIDE: Final = (Right.CHANGE, Right.APPROVE)  # its owner, or who holds the review
DATED: Final = {Verb.ACCEPT: "done by", Verb.SNOOZE: "silent until"}
MOST_WHY: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What somebody wants to decide."""

    verb: Verb
    why: str
    team: str | None = None
    due: dt.date | None = None


def decide_finding(project: Project, id_: str, choice: Choice) -> FindingDecision:
    """Keep a decision with the finding and the saving expected of it as they are now."""
    finding = show_finding(project, id_)
    need_one(project, DECIDE, finding.team, f"finding {finding.id}")
    _check(project, finding, choice)
    record = records_by_rule(savings(project, [finding.rule])).get(finding.rule, [])
    saving = savings_of(project, [finding], record=record)[finding.id]
    made = FindingDecision(
        finding=finding, verb=choice.verb, team=choice.team or finding.team, due=choice.due,
        why=choice.why.strip(), at=project.ledger.clock(), actor=project.actor, saving=saving,
    )  # fmt: skip
    detail = {"finding": finding.id, "verb": made.verb.value, "team": made.team, "why": made.why}
    with note(project.ledger, "finding-decided", project.actor, detail) as connection:
        append_decisions(connection, [made])
    return made


def _check(project: Project, finding: Finding, choice: Choice) -> None:
    where = f"wm finding {choice.verb.value} {finding.id}"
    if not choice.why.strip():
        raise UsageError(where, "says no reason", "add --why")
    if len(choice.why) > MOST_WHY:
        raise UsageError(where, "gives too long a reason", f"use {MOST_WHY} letters at most")
    if choice.verb in DATED and choice.due is None:
        raise UsageError(where, "says no day", f"add --by YYYY-MM-DD: {DATED[choice.verb]}")
    if choice.verb not in DATED and choice.due is not None:
        raise UsageError(where, "takes no day", "leave --by out")
    if choice.due and choice.due < project.ledger.clock().date():
        raise UsageError(where, f"{choice.due} is past", "name today or a later day")
    team = choice.team or finding.team
    if choice.verb is Verb.ACCEPT and team is None:
        raise UsageError(where, "names no team that does it", "add --team")
    teams = [v.resource.metadata.name for v in live_estate(known_estate(project)).of("Team")]
    is_named = choice.team is not None or choice.verb is Verb.ACCEPT
    if is_named and team is not None and teams and team not in teams:
        raise UsageError(where, f"{team} is no declared Team", f"take one of {', '.join(teams)}")
    if standing_of(project, [finding])[finding.id].fix is FixState.DOING:
        raise RefusedError(where, "it is being mended now", "wait for the fix to end")


def tell_findings(
    project: Project,
    chosen: Chosen | None = None,
    statuses: Collection[Status] = OPEN,
    seen: Seen | None = None,
) -> FindingsTold:
    """The findings that stand so (by default: that wait for somebody), the dearest first."""
    wider = bool(set(statuses) - OPEN)
    asked = replace(chosen or Chosen(), closed=wider or (chosen is not None and chosen.closed))
    report = list_findings(project, asked)
    stand = standing_of(project, report.found)
    found = [one for one in report.found if stand[one.id].status in statuses]
    kept = {one.id: stand[one.id] for one in found}
    base = {f.name: getattr(report, f.name) for f in fields(report)} | {"found": found}
    now = seen or (seen_now(project) if found else None)
    savings = savings_of(project, found, now)
    about = {one.id: places_of(one, now) for one in found} if now else {}
    return FindingsTold(
        **base, standing=kept, savings=savings, counted=counted_once(savings, about),
        beside=len(report.found) - len(found),
    )  # fmt: skip


def tell_finding(project: Project, id_: str) -> FindingTold:
    """One finding with all that was decided and done about it."""
    finding = show_finding(project, id_)
    records = project.ledger.records
    return FindingTold(
        finding=finding,
        standing=standing_of(project, [finding])[finding.id],
        saving=savings_of(project, [finding])[finding.id],
        decisions=decisions_on(records, finding.id),
        fixes=fixes(records, finding.id),
        tickets=tickets(records, finding.id),
    )


def decisions_due(project: Project) -> dict[Status, int]:
    """How many findings wait for somebody, by status; those that do not wait are left out."""
    counts: dict[Status, int] = {}
    for one in standing_of(project, list_findings(project).found).values():
        if one.status in OPEN:
            counts[one.status] = counts.get(one.status, 0) + 1
    return counts


def standing_of(project: Project, found: Iterable[Finding]) -> dict[str, Standing]:
    """Where each finding stands, by its id."""
    records = project.ledger.records
    last = {one.finding.id: one for one in decisions_on(records)}
    state: dict[str, FixState] = {}
    for fix in fixes(records):  # the newest first
        state.setdefault(fix.plan.finding, fix.state)
    today = project.ledger.clock().date()
    open_ones = open_ids(project)
    return {
        one.id: standing(last.get(one.id), state.get(one.id), today, is_found=one.id in open_ones)
        for one in found
    }


def savings_of(
    project: Project,
    found: Iterable[Finding],
    seen: Seen | None = None,
    record: Sequence[Decimal] = (),
) -> dict[str, Saving | None]:
    """What mending each would save a month, by its id.

    record: realised / expected of their rule so far; without it the range is assumed.
    """
    wanted = list(found)
    if not wanted:
        return {}
    now = seen or seen_now(project)
    pools = bought(live_estate(known_estate(project)))
    today = project.ledger.clock().date()
    return {
        one.id: expected_saving(one, things_of(one, now), pools, record, today=today)
        for one in wanted
    }


def bought(estate: Estate) -> Mapping[str, Bought]:
    """How the accelerators of each platform were bought, under every name it is seen as."""
    ends = {
        v.resource.spec.pool: months_after(v.resource.spec.start, v.resource.spec.months)
        for v in estate.of("Commitment")
    }
    names = {
        v.resource.metadata.name: [v.resource.metadata.name, *v.resource.spec.seen_as]
        for v in estate.of("Platform")
    }
    found: dict[str, Bought] = {}
    for version in estate.of("Pool"):
        spec, name = version.resource.spec, version.resource.metadata.name
        held = Bought(purchase=spec.purchase, until=ends.get(name))
        for platform in names.get(spec.platform, [spec.platform]):
            found.setdefault(platform, held)
    return found
