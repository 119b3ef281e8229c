"""`wm finding`: what does not fit between what is declared and what is seen."""

from collections.abc import Sequence
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.findings import Finding, FindingsReport

app = command_group("What does not fit between declared and seen, and what to do about it.")
COLUMNS = ("id", "rule", "subject", "cost", "owner", "why")


@app.callback()
def _group() -> None:
    """What does not fit between declared and seen, and what to do about it."""


@app.command("update", epilog=examples("wm finding update", "wm finding update --month 2026-10"))
def update(
    month: Annotated[str | None, typer.Option(help="YYYY-MM; none: the newest")] = None,
) -> None:
    """Hold what is declared beside what was seen, and keep what does not fit; exits 2 if any."""
    from watermaster.flows.findings import find

    _told(find(project(), month))


@app.command(
    "list", epilog=examples("wm finding list", "wm finding list --rule inactive-gpu -o json")
)
def list_all(
    rule: Annotated[list[str] | None, typer.Option(help="only of this rule")] = None,
    team: Annotated[list[str] | None, typer.Option(help="owned, or guessed to be, by it")] = None,
    closed: Annotated[bool, typer.Option(help="also what is no longer found")] = False,
) -> None:
    """List the findings, the dearest first; exits 2 if there are any."""
    from watermaster.flows.findings import Chosen, list_findings

    _told(list_findings(project(), Chosen(rules=rule or (), teams=team or (), closed=closed)))


@app.command("show", epilog=examples("wm finding show 3fa9c1", "wm finding show 3fa9c1 -o json"))
def show_one(
    id_: Annotated[str, typer.Argument(metavar="ID", help="its first letters are enough")],
) -> None:
    """Show one finding whole: why, evidence, owner or best guess, and the next step."""
    from watermaster.flows.findings import show_finding

    one = show_finding(project(), id_)
    rows = [dict(row) for row in one.evidence]
    owner = one.team or (f"{one.guess} (guess: {one.guess_reason})" if one.guess else "nobody")
    above = [f"{one.rule}: {one.subject}", one.why, f"owner: {owner}"]
    if one.cost is not None:
        above.append(f"cost in {one.month}: {one.cost:,.2f} {one.currency}")
    show(one, Table(["table", "key", "value"], rows, above=above, below=[f"next: {one.next_step}"]))


def _told(found: FindingsReport) -> None:
    gaps = [f"unknown: {gap.what}" for gap in found.gaps]
    table = Table(
        COLUMNS, _rows(found.found), wide=["next_step", "guess_reason"], above=[found.why],
        below=gaps, empty="everything fits",
    )  # fmt: skip
    show(found, table)
    if found.found:
        raise typer.Exit(2)


def _rows(found: Sequence[Finding]) -> list[dict[str, object]]:
    return [
        {
            "id": one.id, "rule": one.rule, "subject": one.subject, "cost": one.cost,
            "owner": one.team or (f"{one.guess}?" if one.guess else None), "why": one.why,
            "next_step": one.next_step, "guess_reason": one.guess_reason,
        }
        for one in found
    ]  # fmt: skip
