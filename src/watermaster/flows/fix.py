"""Mend a finding: plan, approve, do step by step, undo. Nothing happens without an approval.

Each step is written down as begun before it is done, and as done after; a step that was begun
when the process died is done again with the same token, which a target does only once.
"""

import datetime as dt
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from threading import Event
from typing import Final

from watermaster.decide.review.remedy import KEEPS, remedies
from watermaster.flows.estate import known_estate
from watermaster.flows.finding_things import seen_now, things_of
from watermaster.flows.findings import show_finding
from watermaster.flows.open import Project
from watermaster.flows.sight import need_one
from watermaster.ledger.fixes import add_fix, begun_since, fixes, set_fix, set_step, switch, why_off
from watermaster.ledger.lock import write_lock
from watermaster.ledger.note import note
from watermaster.model.acts import (
    UNDO_DAYS,
    Fix,
    FixPlan,
    FixState,
    Held,
    Remedy,
    StepDone,
    StepState,
    Target,
    TargetSpec,
    World,
    shows,
)
from watermaster.model.errors import (
    BusyError,
    NotFoundError,
    RefusedError,
    UsageError,
    WatermasterError,
)
from watermaster.model.estate import live_estate
from watermaster.model.events import Notice
from watermaster.model.events import Step as Reached
from watermaster.model.identity import Right

GROUP: Final = "watermaster.act"
MOST_TOLD: Final = 5  # of what a plan leaves out, by name
AGAIN_S: Final = 1.0
MOST_PAUSE_S: Final = 30.0
Wait = Callable[[float], bool]
_NOT: Final[Wait] = Event().wait


class StoppedError(RefusedError):
    """All fixes were stopped; what was begun goes on once they may."""


def plan_fix(project: Project, finding_id: str) -> list[Fix]:
    """What would be done about a finding, one fix for each native thing; nothing is done."""
    finding = show_finding(project, finding_id)
    need_one(project, (Right.CHANGE, Right.APPROVE), finding.team, f"finding {finding.id}")
    wanted = remedies(finding, things_of(finding, seen_now(project)))
    if not wanted:
        raise RefusedError(
            f"finding {finding.id}", f"nothing can be done about {finding.rule} by itself",
            f"{finding.next_step}; or open a ticket: wm finding ticket {finding.id}",
        )  # fmt: skip
    return plan_remedies(project, finding.id, wanted)


def plan_remedies(project: Project, finding: str, wanted: Sequence[Remedy]) -> list[Fix]:
    """Plan these remedies of a finding, as many as can be; nothing is done.

    What keeps something comes before what releases it. What cannot be planned is left out and
    told with the others; where nothing is left but what keeps, that is the error.
    """
    made: list[Fix] = []
    left: list[tuple[Remedy, WatermasterError]] = []
    for remedy in wanted:
        try:
            made.append(_planned(project, finding, remedy))
        except (RefusedError, NotFoundError) as error:
            left.append((remedy, error))
    lost = [error for remedy, error in left if remedy.verb != KEEPS or len(wanted) == 1]
    if lost and all(one.plan.remedy.verb == KEEPS for one in made):
        raise lost[0]
    beware = _left_out(left)
    told = [_ordered(fix, made, beware) for fix in made]
    detail = {"finding": finding, "fixes": [one.id for one in told]}
    with note(project.ledger, "fix-planned", project.actor, detail) as connection:
        for one in told:
            add_fix(connection, one)
    project.tell(Reached("fix.planned"))
    return told


def _ordered(fix: Fix, made: Sequence[Fix], beware: Sequence[str]) -> Fix:
    """With what must be done before it, and what is not done at all."""
    keeps = fix.plan.remedy.verb == KEEPS
    before = () if keeps else tuple(one.id for one in made if one.plan.remedy.verb == KEEPS)
    return replace(fix, plan=replace(fix.plan, after=before, beware=tuple(beware)))


def _left_out(left: Sequence[tuple[Remedy, WatermasterError]]) -> list[str]:
    """What is not in the plan and why, the first few by name."""
    told = [
        f"{remedy.uid} is not kept: {error.what}; {error.fix}"
        if remedy.verb == KEEPS else f"left out: {error.where} {error.what}"
        for remedy, error in left[:MOST_TOLD]
    ]  # fmt: skip
    more = len(left) - MOST_TOLD
    return [*told, f"left out: {more} more"] if more > 0 else told


def _planned(project: Project, finding: str, remedy: Remedy) -> Fix:
    name, spec = _target_for(project, remedy)
    steps = open_target(spec).steps(remedy)
    plan = FixPlan(finding=finding, target=name, remedy=remedy, steps=steps, why=remedy.why)
    now = project.ledger.clock()
    return Fix(
        id=secrets.token_hex(6), plan=plan, state=FixState.PLANNED,
        planned_at=now,
        steps=tuple(StepDone(step=one, state=StepState.PENDING, at=None, before={}, after={})
                    for one in steps),
    )  # fmt: skip


def _target_for(project: Project, remedy: Remedy) -> tuple[str, TargetSpec]:
    """The declared Target that may do this on this platform."""
    declared = live_estate(known_estate(project)).of("Target")
    here = [v.resource for v in declared if remedy.platform in {"", v.resource.spec.platform}]
    for one in here:
        if remedy.verb in one.spec.verbs:
            return one.metadata.name, one.spec
    what = f"no Target may {remedy.verb} on {remedy.platform or 'any platform'}"
    fix = f"add {remedy.verb} to the verbs of Target {here[0].metadata.name}" if here else (
        f"declare a Target with platform: {remedy.platform} and verbs: [{remedy.verb}]"
    )  # fmt: skip
    raise RefusedError(f"{remedy.kind} {remedy.uid}", what, f"{fix}, or open a ticket")


def open_target(spec: TargetSpec) -> Target:
    """The target of this type, ours or anybody's."""
    for entry in entry_points(group=GROUP, name=spec.type):
        made: Target = entry.load()(spec)
        return made
    raise NotFoundError(f"Target of type {spec.type}", "nothing installed can change such",
                        f"install what registers it under {GROUP}")  # fmt: skip


def all_fixes(project: Project) -> list[Fix]:
    """All that was planned, the newest first."""
    return fixes(project.ledger.records)


def newest_fix(project: Project, finding_id: str, states: Collection[FixState]) -> Fix:
    """The newest fix of a finding in one of these states."""
    finding = show_finding(project, finding_id)
    found = [one for one in fixes(project.ledger.records, finding.id) if one.state in states]
    if not found:
        told = " or ".join(states)
        raise NotFoundError(f"finding {finding.id}", f"has no fix that is {told}",
                            f"wm finding fix {finding.id} plans one")  # fmt: skip
    return found[0]


def fix_of(project: Project, id_: str, finding_id: str | None = None) -> Fix:
    """One fix by its id, or the first letters of it; of this finding, where one is named."""
    finding = show_finding(project, finding_id).id if finding_id else None
    found = [
        one for one in fixes(project.ledger.records, finding) if id_ and one.id.startswith(id_)
    ]
    if len(found) != 1:
        what = f"is no fix{f' of finding {finding}' if finding else ''}"
        what = "fits several fixes" if found else what
        raise NotFoundError(f"fix {id_}", what, "see wm finding fixes for the ids")
    return found[0]


def approve_fix(project: Project, id_: str) -> Fix:
    """Say that exactly this plan may be done. It is not done yet."""
    fix = fix_of(project, id_)
    _may_approve(project, fix)
    if fix.state is not FixState.PLANNED:
        raise RefusedError(f"fix {fix.id}", f"is {fix.state}", "plan anew: wm finding fix FINDING")
    now = project.ledger.clock()
    spec = _declared(project, fix)
    _must_be_done(project, fix.plan.after)
    detail = {"fix": fix.id, "finding": fix.plan.finding, "plan": fix.plan.digest}
    with note(project.ledger, "fix-approved", project.actor, detail) as connection:
        lately = begun_since(connection, fix.plan.target, now - dt.timedelta(hours=1))
        if lately >= spec.per_hour:
            raise RefusedError(
                f"Target {fix.plan.target}", f"{lately} fixes were approved within an hour",
                f"wait, or raise its perHour of {spec.per_hour}",
            )  # fmt: skip
        set_fix(connection, fix.id, FixState.APPROVED, approved_at=now, approved_by=project.actor)
    project.tell(Reached("fix.approved"))
    return fix_of(project, fix.id)


def _must_be_done(project: Project, before: Collection[str]) -> None:
    for one in (fix_of(project, id_) for id_ in before):
        if one.state not in {FixState.DONE, FixState.CONFIRMED}:
            what = f"comes after fix {one.id} ({one.plan.why}), which is {one.state}"
            raise RefusedError("this fix", what, f"approve {one.id} first")


def _may_approve(project: Project, fix: Fix) -> None:
    team = show_finding(project, fix.plan.finding).team
    need_one(project, (Right.APPROVE,), team, f"fix {fix.id}")


def run_fix(project: Project, id_: str, wait: Wait = _NOT) -> Fix:
    """Do an approved fix, or go on with one that was interrupted; rolled back where it cannot."""
    with write_lock(project.home / "fix.lock", "fix", project.config.lock_wait_s):
        fix = fix_of(project, id_)
        if fix.state is FixState.UNDOING:
            return _undone(project, fix)
        if fix.state not in {FixState.APPROVED, FixState.DOING}:
            raise RefusedError(
                f"fix {fix.id}", f"is {fix.state}, not approved", "wm finding fix plans it anew"
            )
        spec = _declared(project, fix)
        target, patience = open_target(spec), _Patience(wait, spec.patience_s)
        _moved(project, fix, FixState.DOING)
        try:
            for number in range(len(fix.steps)):
                _do(project, target, fix_of(project, fix.id), number, patience)
        except StoppedError:
            raise
        except WatermasterError as error:
            _moved(project, fix, FixState.UNDOING, fault=str(error))
            return _undone(project, fix_of(project, fix.id))
        return _moved(project, fix, FixState.DONE, ended_at=project.ledger.clock())


@dataclass(frozen=True, slots=True)
class _Patience:
    """How to wait, and how long at most."""

    wait: Wait
    most_s: float


def _do(project: Project, target: Target, fix: Fix, number: int, patience: _Patience) -> None:
    """One step: written as begun, done, waited for until it shows, written as done."""
    _may_go_on(project)
    kept = fix.steps[number]
    if kept.state is StepState.DONE:
        return
    held = _held(fix, number)
    if kept.state is StepState.PENDING:
        world = target.look(kept.step, held)
        if not shows(world, kept.step.seen):
            raise _changed(kept, world)
        held = replace(held, before=world)
        _step(project, fix, number, StepState.BEGUN, before=world)
    project.tell(Reached(f"fix.step-{number}-begun"))
    left = target.do(kept.step, held)
    project.tell(Reached(f"fix.step-{number}-made"))
    _wait_until_shown(target, kept, replace(held, left={**held.left, **left}), patience)
    _step(project, fix, number, StepState.DONE, after=left)
    project.tell(Reached(f"fix.step-{number}-done"))


def _wait_until_shown(target: Target, kept: StepDone, held: Held, patience: _Patience) -> None:
    """Look again and again, ever less often."""
    waited = 0.0
    while not shows(world := target.look(kept.step, held), kept.step.want):
        if waited >= patience.most_s:
            raise RefusedError(
                kept.step.subject, f"does not show {dict(kept.step.want)} after {waited:.0f} s, "
                f"but {dict(world)}", "look at it on the platform, or raise patienceS; plan anew",
            )  # fmt: skip
        pause = min(AGAIN_S + waited / 10, MOST_PAUSE_S)
        patience.wait(pause)
        waited += pause


def _changed(kept: StepDone, world: World) -> RefusedError:
    was = {key: world.get(key) for key in kept.step.seen}
    return RefusedError(
        kept.step.subject, f"changed since the plan: it was {dict(kept.step.seen)}, now {was}",
        "plan anew: wm finding fix FINDING",
    )  # fmt: skip


def undo_fix(project: Project, id_: str) -> Fix:
    """Take a fix back, the last step first, up to 30 days after; again where it got stuck."""
    with write_lock(project.home / "fix.lock", "undo", project.config.lock_wait_s):
        fix = fix_of(project, id_)
        _may_approve(project, fix)
        able = {FixState.DONE, FixState.CONFIRMED, FixState.REVERTED, FixState.STUCK,
                FixState.UNDOING}  # fmt: skip
        if fix.state not in able:
            raise RefusedError(f"fix {fix.id}", f"is {fix.state}", "there is nothing to undo")
        since = project.ledger.clock() - (fix.ended_at or fix.planned_at)
        if since > dt.timedelta(days=UNDO_DAYS):
            raise RefusedError(f"fix {fix.id}", f"was done {since.days} days ago",
                               f"undo within {UNDO_DAYS} days; now change it by hand")  # fmt: skip
        for kept in fix.steps:
            if not kept.step.undo and kept.state is StepState.DONE:
                raise RefusedError(kept.step.subject, "cannot be taken back", "nothing was undone")
        _may_go_on(project)  # stopped, it stays done: nothing was taken back yet
        _moved(project, fix, FixState.UNDOING, fault=None)
        return _undone(project, fix_of(project, fix.id))


def _undone(project: Project, fix: Fix) -> Fix:
    """Take back what was begun. A fix that failed ends refused, one that a person undid undone."""
    try:
        _take_back(project, open_target(_declared(project, fix)), fix)
    except StoppedError:
        raise
    except WatermasterError as error:
        fault = " And taking it back failed: ".join(
            part for part in (fix.fault, str(error)) if part
        )
        return _moved(project, fix, FixState.STUCK, fault=fault)
    end = FixState.REFUSED if fix.fault else FixState.UNDONE
    return _moved(project, fix, end, ended_at=project.ledger.clock())


def _take_back(project: Project, target: Target, fix: Fix) -> None:
    for number, kept in reversed(list(enumerate(fix.steps))):
        if kept.state in {StepState.PENDING, StepState.UNDONE}:
            continue
        _may_go_on(project)
        _step(project, fix, number, StepState.UNDOING)
        project.tell(Reached(f"fix.step-{number}-undoing"))
        left = target.undo(kept.step, _held(fix, number))
        project.tell(Reached(f"fix.step-{number}-taken-back"))
        _step(project, fix, number, StepState.UNDONE, after={**kept.after, **left})
        project.tell(Reached(f"fix.step-{number}-undone"))


def resume_fixes(project: Project, wait: Wait = _NOT) -> list[Fix]:
    """Go on with what a process left half done."""
    left = {FixState.DOING, FixState.UNDOING}
    found = []
    for one in fixes(project.ledger.records):
        if one.state not in left:
            continue
        try:
            found.append(run_fix(project, one.id, wait))
        except (RefusedError, BusyError) as error:  # stopped, or another process is at it
            project.tell(Notice(f"fix {one.id} does not go on: {error}"))
    return found


def confirm_fixes(project: Project) -> list[Fix]:
    """Look at what was done within 30 days: it shows still, or its finding is open again."""
    since = project.ledger.clock() - dt.timedelta(days=UNDO_DAYS)
    found = []
    for fix in fixes(project.ledger.records):
        settled = fix.state in {FixState.DONE, FixState.CONFIRMED}
        if not settled or fix.ended_at is None or fix.ended_at < since:
            continue
        try:
            state = _state_now(project, fix)
        except WatermasterError as error:
            project.tell(Notice(f"fix {fix.id} could not be looked at: {error}"))
            continue
        if state is not fix.state:
            found.append(_moved(project, fix, state))
    return found


def _state_now(project: Project, fix: Fix) -> FixState:
    target = open_target(_declared(project, fix))
    last = len(fix.steps) - 1
    world = target.look(fix.steps[last].step, _held(fix, last))
    return FixState.CONFIRMED if shows(world, fix.steps[last].step.want) else FixState.REVERTED


def _held(fix: Fix, number: int) -> Held:
    left = {key: value for kept in fix.steps[: number + 1] for key, value in kept.after.items()}
    return Held(token=f"{fix.id}-{number}", before=fix.steps[number].before, left=left)


def _declared(project: Project, fix: Fix) -> TargetSpec:
    """The Target as declared now: a verb that was taken from it is not done any more."""
    found = live_estate(known_estate(project)).at("Target", fix.plan.target, project.ledger.clock())
    if found is None or fix.plan.remedy.verb not in found.spec.verbs:
        raise RefusedError(
            f"Target {fix.plan.target}", f"may not {fix.plan.remedy.verb} any more",
            "enable the verb again, or decline the finding",
        )  # fmt: skip
    spec: TargetSpec = found.spec
    return spec


def _may_go_on(project: Project) -> None:
    why = why_off(project.ledger.records)
    if why:
        raise StoppedError("fixes", why, "wm finding resume lets them go on")


def _moved(project: Project, fix: Fix, state: FixState, **told: object) -> Fix:
    detail = {"fix": fix.id, "finding": fix.plan.finding, "state": state.value}
    with note(project.ledger, "fix", project.actor, detail) as connection:
        set_fix(connection, fix.id, state, **told)
    project.tell(Reached(f"fix.{state.value}"))
    return fix_of(project, fix.id)


def _step(project: Project, fix: Fix, number: int, state: StepState, **told: World) -> None:
    set_step(project.ledger.records, (fix.id, number), state, project.ledger.clock(), **told)


def why_stopped(project: Project) -> str | None:
    """Who stopped all fixes, when and why; None where they may go on."""
    return why_off(project.ledger.records)


def stop_fixes(project: Project, why: str) -> None:
    """Let no fix begin or go on, in any process, until they may again."""
    _switched(project, "stopped", why)


def let_fixes(project: Project, why: str) -> None:
    """Let fixes begin and go on again."""
    _switched(project, "allowed", why)


def _switched(project: Project, what: str, why: str) -> None:
    if not why.strip():
        raise UsageError("wm finding stop, resume", "say no reason", "add --why")
    told = {"at": project.ledger.clock().isoformat(), "actor": project.actor, "why": why.strip()}
    with note(project.ledger, f"fixes-{what}", project.actor, {"why": why}) as connection:
        switch(connection, is_off=what == "stopped", told=told)
