"""`wm estate`: what is there, and what nobody declared."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.adopted import Proposal
from watermaster.model.behaviour import Inferred

app = command_group("What is there, whose it is, and what nobody declared.")


@app.callback()
def _group() -> None:
    """What is there, whose it is, and what nobody declared."""


@app.command("show", epilog=examples("wm estate show", "wm estate show --month 2026-10 -o wide"))
def show_estate(
    month: Annotated[str | None, typer.Option(help="YYYY-MM; none: the newest")] = None,
) -> None:
    """Show every declared workload with what was seen of it in a month."""
    from watermaster.flows.inventory import inventory

    found = inventory(project(), month)
    rows = [
        {
            "workload": one.name, "team": one.team, "purpose": one.purpose,
            "gpus": one.gpus or None,
            "use": None if one.used_ratio is None else f"{one.used_ratio:.0%}",
            "last seen": one.last_seen and f"{one.last_seen:%Y-%m-%d}", "cost": one.cost,
            "findings": one.findings or None, "stage": one.stage, "model": one.model,
            "platforms": ", ".join(one.platforms), "things": one.things,
            "value": one.business_value, "risk": one.risk,
        } | _seems(one.inferred)
        for one in found.workloads
    ]  # fmt: skip
    below = [f"{len(found.findings)} findings: wm finding list"]
    below += [f"unknown: {gap.what}" for gap in found.gaps]
    columns = ["workload", "team", "purpose", "gpus", "use", "last seen", "cost", "findings"]
    wide = ["stage", "model", "platforms", "things", "value", "risk", "seems", "profile", "because"]
    empty = "nothing is declared yet: wm estate adopt"
    show(found, Table(columns, rows, wide=wide, above=[found.why], below=below, empty=empty))


def _seems(told: Inferred | None) -> dict[str, object]:
    """What its behaviour shows, with how sure that is."""
    if told is None:
        return {}
    likely, sure = told.purpose, told.confidence
    if likely is None:
        likely, sure = told.activity, told.activity_confidence
    return {
        "seems": f"{likely} {sure:.0%}" if likely else "unclear", "because": told.reason,
        "profile": told.profile and str(told.profile),
    }  # fmt: skip


@app.command(
    "adopt",
    epilog=examples(
        "wm estate adopt", "wm estate adopt --write estate/adopted",
        "wm estate adopt --accept all", "wm estate adopt --accept Team/claims --accept Pool/h100",
    ),
)  # fmt: skip
def adopt(
    write: Annotated[
        Path | None, typer.Option(help="write them as YAML into this folder, to edit and apply")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="apply these (Kind/name), or `all` that are sure")
    ] = None,
    into: Annotated[
        Path, typer.Option(help="folder the YAML of what is accepted is kept in")
    ] = Path("estate/adopted"),
) -> None:
    """Propose the YAML of what is seen and not declared, each line with confidence and reason."""
    from watermaster.flows.adopt import accept as take
    from watermaster.flows.adopt import choose, propose, write_proposals

    opened = project()
    found = propose(opened)
    chosen = choose(found, accept) if accept else found.proposals
    below = [found.why]
    if accept:
        taken = take(opened, chosen, into)
        below = [f"{len(taken.accepted)} accepted, kept in {into}; then: wm allocate"]
        show(taken, Table(["proposal", "confidence", "cost", "reason"], _rows(chosen), below=below))
        return
    if write:
        files = write_proposals(chosen, write, opened.ledger.clock().date())
        below.append(f"written: {', '.join(files)}; edit them, then: wm apply -f {write}")
    elif chosen:
        below.append("take all that are sure: wm estate adopt --accept all")
    columns = ["proposal", "confidence", "cost", "reason"]
    table = Table(columns, _rows(chosen), wide=["gpu_hours"], below=below, empty="nothing new")
    show(found, table)


def _rows(proposals: Sequence[Proposal]) -> list[dict[str, object]]:
    return [
        {
            "proposal": one.key, "confidence": f"{one.confidence:.2f}", "cost": one.cost or None,
            "reason": one.reason, "gpu_hours": one.gpu_s // 3600 or None,
        }
        for one in proposals
    ]  # fmt: skip
