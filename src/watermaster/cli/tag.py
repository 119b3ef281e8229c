"""`wm tag`: how much of the cost carries the tags it should, and what wrong ones should be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.decide.cost.by import Cost
from watermaster.model.tag_fixes import TagFix

COLUMNS = ("fix", "meant", "confidence", "cost", "reason")
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
    """The share of cost that carries each required tag, delivered and as meant, with its trend."""
    from watermaster.flows.cost import CostQuestion
    from watermaster.flows.tag_coverage import coverage

    names = tuple(name.strip() for name in by.split(",") if name.strip())
    report = coverage(project(), CostQuestion(by=names, cost=cost, months=month or ()))
    columns = ["tag", *names, "currency", "cost", "wrong", "coverage", "after", "change"]
    wide = ["covered", "repaired", "virtual", "inherited", "change_after"]
    show(report, Table(columns, report.rows, wide=wide, above=[report.why], empty="no costs"))


@app.command(
    "fix",
    epilog=examples(
        "wm tag fix", "wm tag fix --key cost-center --month 2026-10 -o wide",
        "wm tag fix --accept all", "wm tag fix --accept cost-center=cc1 --as CC-104",
        "wm tag fix --write estate/tag-repairs.yaml",
    ),
)  # fmt: skip
def tag_fix(
    month: Annotated[
        list[str] | None, typer.Option(help="billing month YYYY-MM; again for more")
    ] = None,
    key: Annotated[list[str] | None, typer.Option(help="only this tag key")] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="keep these repairs, or `all` that are sure")
    ] = None,
    meant: Annotated[
        str | None, typer.Option("--as", help="what the one accepted value means")
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="write them as YAML into this file, to edit and apply")
    ] = None,
) -> None:
    """Propose what wrong tag keys and values should be; charges stay as delivered."""
    from watermaster.flows import tag_fix as flow

    opened = project()
    found = flow.propose_fixes(opened, month or (), key or ())
    below = [found.why]
    if accept:
        chosen = flow.choose(found, accept, meant)
        taken = flow.accept_fixes(opened, chosen, Path("estate/adopted"))
        below = [f"{len(chosen)} accepted as {', '.join(taken.resources)}, kept in {taken.file}"]
        below += ["other spellings of a key show after: wm allocate"]
        show(taken, Table(COLUMNS, _fixes(chosen), below=below))
        return
    if write:
        sure = [one for one in found.fixes if one.meant is not None]
        made = flow.write_fixes(opened, sure, write)
        below.append(f"written: {', '.join(made)}; edit them, then: wm apply -f {write}")
    elif found.fixes:
        below.append("keep all that are sure: wm tag fix --accept all")
    table = Table(COLUMNS, _fixes(found.fixes), wide=["charges"], below=below, empty="no near miss")
    show(found, table)


def _fixes(fixes: Sequence[TagFix]) -> list[dict[str, object]]:
    return [
        {
            "fix": one.name, "meant": one.meant or "? " + " or ".join(one.candidates[:3]),
            "confidence": f"{one.confidence:.2f}", "reason": one.reason, "charges": one.charges,
            "cost": ", ".join(f"{cost:,.2f} {name}" for name, cost in sorted(one.costs.items())),
        }
        for one in fixes
    ]  # fmt: skip
