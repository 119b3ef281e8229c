"""`wm finding accept|decline|snooze|ask|reopen|fix|undo|...`: decide on a finding, and mend it."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated

import typer

from watermaster.cli.call import command_group, confirm, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.acts import Fix, FixState, World
from watermaster.model.decided import FindingDecision, Verb
from watermaster.model.errors import NotFoundError, UsageError

app = command_group()
NEWEST = "newest"
DONE = (FixState.DONE, FixState.CONFIRMED, FixState.REVERTED, FixState.STUCK)
STEPS = ("fix", "step", "verb", "subject", "from", "to", "state")
FIXES = ("id", "finding", "target", "verb", "subject", "state", "approved_by", "planned_at")
Id = Annotated[str, typer.Argument(metavar="ID", help="its first letters are enough")]
Why = Annotated[str, typer.Option("--why", help="the reason, for everybody who asks later")]
Team = Annotated[str | None, typer.Option("--team", help="who does it; none: its owner")]


@app.command(
    "accept", epilog=examples("wm finding accept 3fa9c1 --team rag --by 2026-12-01 --why 'unused'")
)
def accept(
    id_: Id,
    by: Annotated[str, typer.Option("--by", help="YYYY-MM-DD: done by then, or overdue")],
    why: Why,
    team: Team = None,
) -> None:
    """A team says it will mend it by a day."""
    _decide(id_, Verb.ACCEPT, why, team=team, by=by)


@app.command("decline", epilog=examples("wm finding decline 3fa9c1 --why 'a standby on purpose'"))
def decline(id_: Id, why: Why, team: Team = None) -> None:
    """It stays as it is, for a reason; it is told no more."""
    _decide(id_, Verb.DECLINE, why, team=team)


@app.command("snooze", epilog=examples("wm finding snooze 3fa9c1 --by 2027-01-15 --why 'freeze'"))
def snooze(
    id_: Id,
    by: Annotated[str, typer.Option("--by", help="YYYY-MM-DD: told again from then on")],
    why: Why,
    team: Team = None,
) -> None:
    """Be silent about it until a day."""
    _decide(id_, Verb.SNOOZE, why, team=team, by=by)


@app.command("ask", epilog=examples("wm finding ask 3fa9c1 --team rag --why 'is it still used?'"))
def ask(id_: Id, why: Why, team: Team = None) -> None:
    """Ask a team what it is for, before anything is decided."""
    _decide(id_, Verb.ASK, why, team=team)


@app.command("reopen", epilog=examples("wm finding reopen 3fa9c1 --why 'the reason is gone'"))
def reopen(id_: Id, why: Why) -> None:
    """Take the last decision back: it waits for somebody again."""
    _decide(id_, Verb.REOPEN, why)


@app.command(
    "ticket", epilog=examples("wm finding ticket 3fa9c1", "wm finding ticket 3fa9c1 --channel ops")
)
def ticket(
    id_: Id,
    channel: Annotated[
        str | None, typer.Option("--channel", help="a Channel of a ticket system; none: the only")
    ] = None,
) -> None:
    """Open a ticket about it in Jira, ServiceNow or GitHub; the one there is, if it is open."""
    from watermaster.cli.ticket import told
    from watermaster.flows.tickets import open_ticket

    opened = project()
    confirm(f"Open a ticket about {id_}?", "a ticket")
    told([open_ticket(opened, id_, channel)])


@app.command(
    "fix",
    epilog=examples(
        "wm finding fix 3fa9c1",
        "wm finding fix 3fa9c1 --approve 8d21",
    ),
)  # fmt: skip
def fix(
    id_: Id,
    approve: Annotated[
        list[str] | None,
        typer.Option(
            "--approve", metavar="FIX", help="do this plan, as it was printed; `newest`: the last"
        ),
    ] = None,
) -> None:
    """Print what would be done about it; --approve does exactly that, with a way back."""
    from watermaster.flows.fix import approve_fix, fix_of, newest_fix, plan_fix, run_fix

    opened = project()
    if approve:
        planned_ones = {FixState.PLANNED}
        chosen = [
            newest_fix(opened, id_, planned_ones) if one == NEWEST else fix_of(opened, one, id_)
            for one in approve
        ]
        what = "; ".join(f"{one.plan.remedy.verb} {one.plan.remedy.uid}" for one in chosen)
        confirm(f"Do it ({what})?", "a fix")
        _ended([run_fix(opened, approve_fix(opened, one.id).id) for one in chosen])
        return
    planned = plan_fix(opened, id_)
    ids = " ".join(f"--approve {one.id}" for one in planned)
    below = [*_notes(planned), "nothing was done", f"do it: wm finding fix {id_} {ids}"]
    show(planned, Table(STEPS, _steps(planned), above=[planned[0].plan.why], below=below))


@app.command("undo", epilog=examples("wm finding undo 8d21", "wm finding undo 8d21 --yes"))
def undo(
    id_: Annotated[
        str,
        typer.Argument(metavar="ID", help="of a fix, or of a finding: its newest that was done"),
    ],
) -> None:
    """Take a fix back, up to 30 days after."""
    from watermaster.flows.fix import fix_of, newest_fix, undo_fix

    opened = project()
    try:
        found = fix_of(opened, id_)
    except NotFoundError:
        found = newest_fix(opened, id_, DONE)
    told = "; ".join(step.undo for step in reversed(found.plan.steps) if step.undo)
    confirm(f"Undo {found.id} ({told})?", "an undo")
    _ended([undo_fix(opened, found.id)])


@app.command("fixes", epilog=examples("wm finding fixes", "wm finding fixes -o json"))
def list_fixes() -> None:
    """List what was planned, done and undone, the newest first."""
    from watermaster.flows.fix import all_fixes

    found = all_fixes(project())
    rows = [
        {
            "id": one.id, "finding": one.plan.finding, "target": one.plan.target,
            "verb": one.plan.remedy.verb, "subject": one.plan.remedy.uid,
            "state": one.state.value, "approved_by": one.approved_by,
            "planned_at": f"{one.planned_at:%Y-%m-%d %H:%M}", "fault": one.fault,
        }
        for one in found
    ]  # fmt: skip
    show(found, Table(FIXES, rows, wide=["fault"], empty="nothing was planned or done"))


@app.command("stop", epilog=examples("wm finding stop --why 'an incident on eks-prod'"))
def stop(why: Why) -> None:
    """Let no fix begin or go on, anywhere, until wm finding resume."""
    from watermaster.flows.fix import stop_fixes

    stop_fixes(project(), why)


@app.command("resume", epilog=examples("wm finding resume --why 'the incident is over'"))
def resume(why: Why) -> None:
    """Let fixes begin and go on again, and end what was begun."""
    from watermaster.flows.fix import let_fixes, resume_fixes

    opened = project()
    let_fixes(opened, why)
    _ended(resume_fixes(opened))


def _decide(
    id_: str, verb: Verb, why: str, *, team: str | None = None, by: str | None = None
) -> None:
    from watermaster.flows.decide_finding import Choice, decide_finding

    choice = Choice(verb=verb, why=why, team=team, due=_day(by) if by else None)
    made = decide_finding(project(), id_, choice)
    show(made, Table([], [], empty=_said(made)))


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError("--by", f"{text[:20]!r} is no day", "write YYYY-MM-DD") from None


def _said(made: FindingDecision) -> str:
    until = f" by {made.due}" if made.due else ""
    worth = ""
    if made.saving is not None:
        cash, currency = made.saving.cash, made.saving.currency
        worth = (
            f": {made.saving.allocated:,.0f} {currency} a month charged less, "
            f"{cash:,.0f} of it cash, expected"
        )
    return f"{made.finding.id} {made.verb.value}: {made.team or 'nobody'}{until}{worth}"


def _steps(planned: Sequence[Fix]) -> list[dict[str, object]]:
    return [
        {
            "fix": one.id, "step": number, "verb": kept.step.verb, "subject": kept.step.subject,
            "from": _world(kept.step.seen), "to": _world(kept.step.want),
            "state": kept.state.value,
        }
        for one in planned
        for number, kept in enumerate(one.steps, 1)
    ]  # fmt: skip


def _ended(done: Sequence[Fix]) -> None:
    below = [f"{one.id} {one.state.value}" + (f": {one.fault}" if one.fault else "")
             for one in done]  # fmt: skip
    show(list(done), Table(STEPS, _steps(done), below=below, empty="nothing was begun"))
    if any(one.state in {FixState.REFUSED, FixState.STUCK} for one in done):
        raise typer.Exit(1)


def _notes(planned: Sequence[Fix]) -> list[str]:
    """How each step is taken back, and what else to know before it is approved."""
    steps = [kept.step for one in planned for kept in one.steps]
    undo = [f"undo of {one.verb}: {one.undo or 'it cannot be taken back'}" for one in steps]
    beware = [one.asked["beware"] for one in steps if "beware" in one.asked]
    told = dict.fromkeys([*beware, *(words for one in planned for words in one.plan.beware)])
    after = [f"{one.id} comes after {', '.join(one.plan.after)}" for one in planned
             if one.plan.after]  # fmt: skip
    return [*dict.fromkeys(undo), *after, *(f"beware: {words}" for words in told)]


def _world(world: World) -> str:
    """Without what only tells the thing from another of its name, and what is empty."""
    shown = {key: value for key, value in world.items() if key != "uid" and value != []}
    return ", ".join(f"{key}={'unset' if value is None else value}" for key, value in shown.items())
