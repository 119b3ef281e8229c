"""`wm finding`: what does not fit between what is declared and what is seen."""

from typing import Annotated

import typer

from watermaster.cli import finding_act
from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.decided import FindingsTold, FindingTold, Saving, Status
from watermaster.model.findings import Finding

app = command_group("What does not fit between declared and seen, and what to do about it.")
app.add_typer(finding_act.app)
COLUMNS = ("id", "rule", "subject", "cost", "owner", "status", "why")
WIDE = ("saving", "cash", "by", "next_step", "guess_reason")


@app.callback()
def _group() -> None:
    """What does not fit between declared and seen, and what to do about it."""


@app.command("update", epilog=examples("wm finding update", "wm finding update --month 2026-10"))
def update(
    month: Annotated[str | None, typer.Option(help="YYYY-MM; none: the newest")] = None,
) -> None:
    """Hold what is declared beside what was seen, and keep what does not fit; exits 2 if any."""
    from watermaster.flows.decide_finding import tell_findings
    from watermaster.flows.findings import find

    opened = project()
    find(opened, month)
    _told(tell_findings(opened))


@app.command(
    "list",
    epilog=examples(
        "wm finding list", "wm finding list --rule inactive-gpu --status overdue -o json"
    ),
)
def list_all(
    rule: Annotated[list[str] | None, typer.Option(help="only of this rule")] = None,
    team: Annotated[list[str] | None, typer.Option(help="owned, or guessed to be, by it")] = None,
    status: Annotated[
        list[Status] | None, typer.Option(help="that stand so; none: that wait for somebody")
    ] = None,
    closed: Annotated[bool, typer.Option(help="of every status, also no longer found")] = False,
) -> None:
    """List the findings that wait for somebody, the dearest first; exits 2 if there are any."""
    from watermaster.flows.decide_finding import tell_findings
    from watermaster.flows.findings import Chosen
    from watermaster.model.decided import OPEN

    wanted = frozenset(Status) if closed else frozenset(status) if status else OPEN
    chosen = Chosen(rules=rule or (), teams=team or ())
    _told(tell_findings(project(), chosen, wanted))


@app.command("show", epilog=examples("wm finding show 3fa9c1", "wm finding show 3fa9c1 -o json"))
def show_one(
    id_: Annotated[str, typer.Argument(metavar="ID", help="its first letters are enough")],
) -> None:
    """Show one finding whole: why, evidence, owner, what was decided and done, the next step."""
    from watermaster.flows.decide_finding import tell_finding

    told = tell_finding(project(), id_)
    one = told.finding
    rows = [dict(row) for row in one.evidence]
    owner = one.team or (f"{one.guess} (guess: {one.guess_reason})" if one.guess else "nobody")
    above = [f"{one.rule}: {one.subject}", one.why, f"owner: {owner}", f"id: {one.id}"]
    if one.cost is not None:
        above.append(f"cost in {one.month}: {one.cost:,.2f} {one.currency}")
    above += _worth(told.saving)
    below = [f"status: {told.standing.status.value}", *_history(told), f"next: {one.next_step}"]
    show(told, Table(["table", "kind", "platform", "value"], rows, above=above, below=below))


def _worth(saving: Saving | None) -> list[str]:
    if saving is None:
        return []
    start = f" from {saving.cash_from} on" if saving.cash_from else ""
    return [
        f"expected a month: {saving.allocated:,.0f} {saving.currency} charged less "
        f"({saving.allocated_low:,.0f} to {saving.allocated_high:,.0f}), {saving.cash:,.0f} of it "
        f"cash{start}; {saving.basis}"
    ]


def _history(told: FindingTold) -> list[str]:
    decided = [
        f"{one.at:%Y-%m-%d} {one.verb.value} by {one.actor}, {one.team or 'no team'}"
        + (f", {one.due}" if one.due else "") + f": {one.why}"
        for one in told.decisions
    ]  # fmt: skip
    done = [
        f"fix {one.id} {one.state.value}: {one.plan.remedy.verb} {one.plan.remedy.uid}"
        + (f" ({one.fault})" if one.fault else "")
        for one in told.fixes
    ]
    asked = [
        f"ticket {one.number or '(asked for)'} in {one.channel}: {one.words or one.state.value}"
        + (", and the finding is still there" if one.said == "still-found" else "")
        for one in told.tickets
    ]
    return decided + done + asked


def _told(found: FindingsTold) -> None:
    below = [f"unknown: {gap.what}" for gap in found.gaps]
    if found.beside:
        below.append(f"{found.beside} more are decided or mended: wm finding list --closed")
    table = Table(
        COLUMNS, [_row(one, found) for one in found.found], wide=WIDE, above=[found.why],
        below=below, empty="everything fits, or is decided",
    )  # fmt: skip
    show(found, table)
    if found.found:
        raise typer.Exit(2)


def _row(one: Finding, told: FindingsTold) -> dict[str, object]:
    standing, saving = told.standing[one.id], told.savings[one.id]
    return {
        "id": one.id, "rule": one.rule, "subject": one.subject, "cost": one.cost,
        "owner": one.team or (f"{one.guess}?" if one.guess else None), "why": one.why,
        "status": standing.status.value, "by": standing.last.due if standing.last else None,
        "saving": saving.allocated if saving else None, "cash": saving.cash if saving else None,
        "next_step": one.next_step, "guess_reason": one.guess_reason,
    }  # fmt: skip
