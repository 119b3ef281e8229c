"""`wm cost`: who used what, at what cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.decide.cost.by import Cost
from watermaster.model.errors import UsageError
from watermaster.model.why import Why

if TYPE_CHECKING:
    from watermaster.flows.scope import Asked

app = command_group("Who used what, at what cost.")

Months = Annotated[
    list[str] | None, typer.Option("--month", help="billing month YYYY-MM; again for more")
]
Wanted = Annotated[
    list[str] | None, typer.Option("--filter", help="KEY=VALUE; again for more; - asks for none")
]
Restated = Annotated[
    bool, typer.Option("--restated", help="closed months as their bills are now, no adjustments")
]
Kind = Annotated[Cost, typer.Option("--cost", help="which of the four costs")]


@app.command(
    "by",
    epilog=examples(
        "wm cost by service", "wm cost by team,month --cost billed -o csv",
        "wm cost by workload --filter unit=Research --month 2026-10",
    ),
)  # fmt: skip
def cost_by(
    dimensions: Annotated[str, typer.Argument(help="one or more, e.g. service,month")],
    cost: Kind = Cost.EFFECTIVE,
    month: Months = None,
    filter: Wanted = None,
    restated: Restated = False,
    as_billed: Annotated[
        bool, typer.Option("--as-billed", help="each currency by itself, none converted")
    ] = False,
) -> None:
    """Costs by any dimensions, the largest first."""
    from watermaster.flows.closed import View
    from watermaster.flows.cost import CostQuestion, costs

    question = CostQuestion(
        by=tuple(name.strip() for name in dimensions.split(",") if name.strip()),
        cost=cost,
        months=month or (),
        wanted=parse_wanted(filter or []),
        view=View.RESTATED if restated else View.CLOSED,
        is_converted=not as_billed,
    )
    report = costs(project(), question)
    columns = [*report.by, "cost"] if report.currency else [*report.by, "currency", "cost"]
    totals = [f"total {amount:,.2f} {name}" for name, amount in sorted(report.totals.items())]
    table = Table(columns, report.rows, above=[report.why], below=totals, empty="no costs")
    show(report, table)


def parse_wanted(filters: list[str]) -> dict[str, list[str]]:
    """KEY=VALUE texts as values by key."""
    found: dict[str, list[str]] = {}
    for text in filters:
        key, sign, value = text.partition("=")
        if not sign:
            raise UsageError("--filter", f"{text!r} has no =", "write KEY=VALUE, e.g. team=search")
        found.setdefault(key, []).append(value)
    return found


@app.command("why", epilog=examples("wm cost why 3f2a9c01d4e5b677:1024"))
def cost_why(
    charge: Annotated[str, typer.Argument(help="charge as FILE:ROW, see wm cost show")],
) -> None:
    """Walk a figure back to its bill row and the rule that gave it to its owner."""
    from watermaster.flows.cost import why

    file, sign, row = charge.partition(":")
    if not sign or not row.isdecimal():
        raise UsageError("wm cost why", f"{charge!r} is no charge", "write FILE:ROW")
    found = why(project(), file, int(row))
    rows = [
        {
            "kind": part.kind,
            "owner": part.owner.get("workload") or part.owner.get("team") or "-",
            "ratio": f"{part.ratio:.10f}",
            "billed": part.costs["billed_cost"],
            "effective": part.costs["effective_cost"],
            "because": part.because,
        }
        for part in found.parts
    ]
    columns = ["kind", "owner", "ratio", "billed", "effective", "because"]
    held = [f"{name}: {value}" for name, value in found.charge.items() if name in TOLD]
    show(found, Table(columns, rows, above=[found.why, *held], below=_tags(found)))


def _tags(found: Why) -> list[str]:
    """Each tag that is not simply as delivered, once, with what gave it."""
    said = [
        f"tag {tag.key}: {tag.value} ({tag.source}, {tag.because}"
        + (f"; delivered {tag.raw})" if tag.raw else ")")
        for part in found.parts for tag in part.tags if tag.because
    ]  # fmt: skip
    return list(dict.fromkeys(said))


TOLD = (
    "ServiceName", "ChargeDescription", "ResourceId", "ChargePeriodStart", "ChargePeriodEnd",
    "BilledCost", "EffectiveCost", "BillingCurrency",
)  # fmt: skip


@app.command("show", epilog=examples("wm cost show --filter kind=idle --month 2026-10"))
def cost_show(
    cost: Kind = Cost.EFFECTIVE,
    month: Months = None,
    filter: Wanted = None,
    restated: Restated = False,
    most: Annotated[int, typer.Option(min=1, help="how many, the largest first")] = 50,
) -> None:
    """The parts of charges behind the figures, each with the charge to ask `why` about."""
    from watermaster.flows.closed import View
    from watermaster.flows.cost import CostQuestion, largest

    view = View.RESTATED if restated else View.CLOSED
    wanted = parse_wanted(filter or [])
    question = CostQuestion(cost=cost, months=month or (), wanted=wanted, view=view)
    report = largest(project(), question, most)
    columns = ["charge", "day", "kind", "owner", "service", "cost"]
    wide = ["team", "rule", "resource_id", "ratio", "currency"]
    show(report, Table(columns, report.rows, wide=wide, above=[report.why], empty="no costs"))


Month = Annotated[str | None, typer.Option("--month", help="billing month; none: the newest")]
Unit = Annotated[str | None, typer.Option("--unit", help="business unit; none: all")]
Currency = Annotated[str | None, typer.Option("--currency", help="none: the organisation's")]


@app.command(
    "moved",
    epilog=examples("wm cost moved", "wm cost moved --month 2026-10", "wm cost moved --why"),
)
def cost_moved(
    month: Month = None,
    unit: Unit = None,
    currency: Currency = None,
    cost: Kind = Cost.EFFECTIVE,
    why: Annotated[
        bool, typer.Option("--why", help="by cause: price, volume, mix, new, gone")
    ] = False,
) -> None:
    """What moved since the month before, the largest change first."""
    from watermaster.flows import cost_moved as flow
    from watermaster.flows.scope import Asked

    if why:
        _explained(Asked(month=month, unit=unit, currency=currency), cost)
        return
    report = flow.cost_moved(project(), Asked(month=month, unit=unit, currency=currency), cost)
    columns = ["name", "kind", "before", "now", "change"]
    rows = [{name: getattr(thing, name) for name in columns} for thing in report.rows]
    change = report.now - report.before
    below = [f"total {report.now:,.2f} {report.currency}, {change:+,.2f}"]
    show(report, Table(columns, rows, above=[report.why], below=below, empty="nothing moved"))


def _explained(asked: "Asked", cost: Cost) -> None:
    from watermaster.flows.cost_explained import cost_explained

    told = cost_explained(project(), asked, cost)
    rows = [
        {"cause": one.cause.value, "subject": one.subject, "change": one.amount,
         "why": one.words, "before": one.before, "now": one.now, "unit": one.unit}
        for one in told.reasons
    ]  # fmt: skip
    below = [f"{cause.value} {amount:+,.2f}" for cause, amount in told.steps.items() if amount]
    below.append(f"in all {told.now - told.before:+,.2f} {told.currency}")
    show(told, Table(["cause", "subject", "change", "why"], rows, wide=["before", "now", "unit"],
                     above=[told.why], below=below, empty="nothing moved"))  # fmt: skip


@app.command("flow", epilog=examples("wm cost flow", "wm cost flow --month 2026-10 -o json"))
def cost_flow(
    month: Month = None, unit: Unit = None, currency: Currency = None, cost: Kind = Cost.EFFECTIVE
) -> None:
    """Where the money flows: from provider through platform and unit to what it went into."""
    from watermaster.flows import cost_moved as flow
    from watermaster.flows.scope import Asked

    report = flow.cost_flow(project(), Asked(month=month, unit=unit, currency=currency), cost)
    rows = [
        {"step": f"{report.steps[link.step]} to {report.steps[link.step + 1]}",
         "from": link.start, "to": link.end, "cost": link.cost}
        for link in report.links
    ]  # fmt: skip
    below = [f"total {report.total:,.2f} {report.currency}"]
    columns = ["step", "from", "to", "cost"]
    show(report, Table(columns, rows, above=[report.why], below=below, empty="no costs"))
