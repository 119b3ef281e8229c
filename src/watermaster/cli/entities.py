"""`wm workload|model|dataset|platform list|show|own|retire`: four nouns, one text."""

import datetime as dt
from typing import Annotated, Any

import typer

from watermaster.cli.call import command_group, confirm, examples, project, the_call
from watermaster.cli.naming import complete_name
from watermaster.cli.output import Table, say, show
from watermaster.model.entities import Noun, Passport, Stated, UsedBy
from watermaster.model.errors import UsageError

COLUMNS = ("name", "owner", "about", "uses", "cost", "last seen", "findings")
MOST_USERS = 20
Month = Annotated[str | None, typer.Option(help="YYYY-MM; none: the newest")]


def nouns(noun: Noun, told: str) -> typer.Typer:
    """The commands of one noun."""
    word = noun.lower()
    app = command_group(told)
    name = typer.Argument(metavar="NAME", autocompletion=_names(noun))

    @app.callback()
    def group() -> None:
        """Four commands."""

    @app.command(
        "list",
        help=f"List every declared {word} with its cost, the dearest first.",
        epilog=examples(f"wm {word} list", f"wm {word} list --team claims -o wide"),
    )
    def list_all(
        month: Month = None,
        team: Annotated[list[str] | None, typer.Option(help="owned by this team")] = None,
    ) -> None:
        from watermaster.flows.entities import as_table, list_entities

        found = list_entities(project(), noun, month)
        rows = [one for one in found.rows if not team or one.owner in team]
        empty = f"no {word} is declared: wm estate adopt"
        late = [one.name for one in rows if one.is_used_after_its_end]
        below = [f"seen after its end: {', '.join(late)}"] if late else []
        show(found, Table(COLUMNS, [as_table(one) for one in rows], wide=["unit", "over since"],
                          above=[found.why], below=below, empty=empty))  # fmt: skip

    @app.command(
        "show",
        help=f"Show one {word} whole: declared, cost, use, findings, history.",
        epilog=examples(f"wm {word} show NAME", f"wm {word} show NAME -o json"),
    )
    def show_one(named: Annotated[str, name]) -> None:
        from watermaster.flows.entities import passport

        _show(passport(project(), noun, named))

    @app.command("own", help=f"Say which team answers for a {word} from now on.",
                 epilog=examples(f"wm {word} own NAME --team claims",
                                 f"wm {word} own NAME --team claims --yes"))  # fmt: skip
    def own(
        named: Annotated[str, name],
        team: Annotated[str, typer.Option(help="a declared Team")],
    ) -> None:
        from watermaster.flows.state_entity import owned_by

        _say(lambda opened: owned_by(opened, noun, named, team))

    @app.command("retire", help=f"Say that a {word} is no more from a day on.",
                 epilog=examples(f"wm {word} retire NAME --why 'replaced by v2'",
                                 f"wm {word} retire NAME --at 2026-12-31 --yes"))  # fmt: skip
    def retire(
        named: Annotated[str, name],
        at: Annotated[str | None, typer.Option(help="YYYY-MM-DD; none: today")] = None,
        why: Annotated[str | None, typer.Option(help="kept with it")] = None,
    ) -> None:
        from watermaster.flows.state_entity import retired

        day = _day(at) if at else None
        _say(lambda opened: retired(opened, noun, named, day, why))

    return app


def _names(noun: Noun) -> Any:
    def complete(ctx: Any, incomplete: str) -> list[str]:
        ctx.params["kind"] = noun.value
        return complete_name(ctx, incomplete)

    return complete


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError("--at", f"{text[:20]!r} is no day", "write YYYY-MM-DD") from None


def _say(make: Any) -> None:
    """Show what would change, ask, and say it."""
    from watermaster.flows.state_entity import say as state

    opened = project()
    saying = make(opened)
    if saying.diff and the_call().output.value == "table":
        say("\n".join(saying.diff))
    if saying.diff:
        confirm("Say so?", "a change")
    _stated(state(opened, saying))


def _stated(made: Stated) -> None:
    done = f"known since {made.revision}" if made.revision else "nothing was changed"
    show(made, Table([], [], empty=f"{made.noun.lower()} {made.name}: {done}; {made.why}"))


def _used_by(one: UsedBy) -> str:
    undeclared = "" if one.is_declared else ", seen to, not declared"
    return f"used by {one.workload} ({one.team or 'nobody'}{undeclared}): {one.cost:,.2f}"


def _show(found: Passport) -> None:
    row, currency = found.row, found.currency or ""
    over = f", no more since {row.over_since}" if row.over_since else ""
    above = [
        f"{found.noun} {row.name}: {row.about}{over}",
        f"owner: {row.owner or 'nobody'}" + (f" ({row.unit})" if row.unit else ""),
        f"cost in {found.month}: {row.cost:,.2f} {currency}",
    ]
    if row.is_used_after_its_end:
        above.append(f"▲ seen {row.last_seen:%Y-%m-%d}, after its end")
    above += [_used_by(one) for one in found.used_by[:MOST_USERS]]
    if len(found.used_by) > MOST_USERS:
        above.append(f"and {len(found.used_by) - MOST_USERS} workloads more: -o json has all")
    rows = [
        {"kind": one["kind"], "platform": one["platform"], "uid": one["uid"],
         "gpus": one["gpus"], "cost": one["cost"],
         "use": None if one["used_ratio"] is None else f"{one['used_ratio']:.0%}",
         "last seen": f"{one['last_seen']:%Y-%m-%d}"}
        for one in found.things
    ]  # fmt: skip
    below = [f"{month}: {cost:,.2f} {currency}" for month, cost in found.months]
    below += [f"finding {one.id} {one.rule}: {one.why}" for one in found.findings]
    below += [f"declared {at:%Y-%m-%d %H:%M} in {file or '-'}" for at, file in found.said]
    columns = ["kind", "platform", "uid", "gpus", "use", "last seen", "cost"]
    show(found, Table(columns, rows, above=above, below=below, empty="nothing was seen of it"))
