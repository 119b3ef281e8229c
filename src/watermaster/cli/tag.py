"""`wm tag`: how much of the cost carries the tags it should."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.decide.cost.by import Cost

app = command_group("How much of the cost carries the tags it should.")


@app.callback()
def _group() -> None:
    """How much of the cost carries the tags it should."""


@app.command(
    "coverage", epilog=examples("wm tag coverage", "wm tag coverage --by team,month -o csv")
)
def tag_coverage(
    by: Annotated[str, typer.Option(help="dimensions of wm cost by")] = "unit,month",
    cost: Annotated[Cost, typer.Option(help="which of the four costs")] = Cost.EFFECTIVE,
    month: Annotated[
        list[str] | None, typer.Option(help="billing month YYYY-MM; again for more")
    ] = None,
) -> None:
    """The share of cost that carries each required tag as delivered, and its trend."""
    from watermaster.flows.cost import CostQuestion
    from watermaster.flows.tag_coverage import coverage

    names = tuple(name.strip() for name in by.split(",") if name.strip())
    report = coverage(project(), CostQuestion(by=names, cost=cost, months=month or ()))
    columns = ["tag", *names, "currency", "cost", "covered", "wrong", "coverage", "change"]
    show(report, Table(columns, report.rows, above=[report.why], empty="no costs"))
