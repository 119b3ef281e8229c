"""`wm estate`: what is there, and what nobody declared."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.adopted import Proposal
from watermaster.model.behaviour import Inferred
from watermaster.model.errors import UsageError

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


@app.command(
    "things",
    epilog=examples(
        "wm estate things", "wm estate things --filter owned=no --filter kind=volume",
        "wm estate things --find llama --sort -last_seen", "wm estate things -n 0 -o json",
    ),
)  # fmt: skip
def things(
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="kind, platform, source, state, owned or team=VALUE"),
    ] = None,
    find: Annotated[str, typer.Option(help="text in names, workload, team or model")] = "",
    sort: Annotated[str, typer.Option(help="a column, - before it: the greatest first")] = "-cost",
    most: Annotated[int, typer.Option("-n", min=0, help="so many; 0: all")] = 50,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; none: the newest")] = None,
) -> None:
    """Everything that was seen, declared or not: whose it is, and whether it is there."""
    from watermaster.flows.native_things import ThingsAsked, list_things

    asked = ThingsAsked(chosen=one_each(filters), text=find, sort=sort, most=most or None)
    found = list_things(project(), asked, month)
    rows = [
        {
            "thing": one.thing.place, "workload": one.thing.workload,
            "team": one.thing.team or (one.guess and f"{one.guess}, a guess"),
            "state": one.presence.value, "last seen": f"{one.thing.last_seen:%Y-%m-%d}",
            "cost": one.thing.cost, "owned": one.owned.value, "source": one.thing.source,
            "gpus": one.thing.gpus, "namespace": one.thing.namespace,
        }
        for one in found.rows
    ]  # fmt: skip
    more = found.count - len(rows)
    columns = ["thing", "workload", "team", "state", "last seen", "cost"]
    show(found, Table(columns, rows, wide=["owned", "source", "gpus", "namespace"],
                      above=[found.why], below=[f"{more} more: -n 0"] if more > 0 else [],
                      empty="nothing seen fits: remove a filter"))  # fmt: skip


@app.command(
    "thing",
    epilog=examples("wm estate thing pod/frankfurt-h100/rag/rag-0", "wm estate thing NAME -o json"),
)
def thing(
    place: Annotated[str, typer.Argument(metavar="KIND/PLATFORM/UID")],
    month: Annotated[str | None, typer.Option(help="YYYY-MM; none: the newest")] = None,
) -> None:
    """Show one thing whole: whose, what it costs and uses, what is wrong with it."""
    from watermaster.flows.native_things import told_of_thing

    found = told_of_thing(project(), place, month)
    row, one = found.row, found.row.thing
    whose = one.team or (f"{row.guess}, a guess: {row.guess_reason}" if row.guess else "nobody")
    cost = "unknown" if one.cost is None else f"{one.cost:,.2f} {found.currency or ''}"
    lines = [
        f"{one.place}: {row.presence.value}, told by {one.source}",
        f"seen {one.first_seen:%Y-%m-%d %H:%M} to {one.last_seen:%Y-%m-%d %H:%M} UTC",
        f"owner: {whose}", f"workload: {one.workload or 'no selector takes it'}",
        f"cost in {found.month}: {cost}",
        *(f"uses {use}: {name or 'no declared dataset'}" for use, name, _ in found.data),
        *([f"belongs to {found.parent.thing.place}"] if found.parent else []),
        *(f"holds {held.thing.place}" for held in found.parts),
        *(f"finding {held.id} {held.rule}: {held.why}" for held in found.findings),
    ]  # fmt: skip
    show(found, Table([], [], empty="\n".join(lines)))


def one_each(filters: Sequence[str] | None) -> dict[str, str]:
    """KEY=VALUE, each key once."""
    pairs = [text.partition("=") for text in filters or ()]
    for key, is_there, _ in pairs:
        if not is_there:
            raise UsageError("--filter", f"{key!r} has no =", "write KEY=VALUE, e.g. owned=no")
    found = {key.strip(): value for key, _, value in pairs}
    if len(found) < len(pairs):
        raise UsageError("--filter", "names a facet twice", "take one value of each facet")
    return found


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
