"""`wm capacity`: what accelerators are free, and how long people wait for them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.moments import moment
from watermaster.cli.output import Table, show
from watermaster.model.capacity import Ending, FreeReport
from watermaster.units.text import wait

app = command_group("What accelerators are free, and how long people wait for them.")


@app.callback()
def _group() -> None:
    """What accelerators are free, and how long people wait for them."""


@app.command(
    "free",
    epilog=examples(
        "wm capacity free", "wm capacity free --by team", "wm capacity free -o json",
        "wm capacity free --at 2026-10-30T14:00",
    ),
)  # fmt: skip
def capacity_free(
    by: Annotated[str, typer.Option(help="pool, team (who lends it), or both")] = "pool,team",
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="what was free then; none: now")
    ] = None,
) -> None:
    """What could start now or when, who lends it, and how long people waited."""
    from watermaster.flows.capacity_free import FreeAsked
    from watermaster.flows.capacity_free import capacity_free as flow

    names = tuple(name.strip() for name in by.split(",") if name.strip())
    report = flow(project(), FreeAsked(by=names, at=moment(at, "--at")))
    columns = [*names, "accelerator", "free", "of", "one_node", "more_at", "as_of"]
    table = Table(
        columns, _rows(report), wide=["platform", "reserved", "held", "was_free", "gap"],
        above=[*_old(report), report.why], below=[*_gaps(report), *_waits(report)],
        empty="no pools",
    )  # fmt: skip
    show(report, table)


def _rows(report: FreeReport) -> list[dict[str, object]]:
    return [
        {
            "pool": one.pool or f"(none on {one.platform})", "team": one.team,
            "platform": one.platform, "accelerator": one.accelerator, "free": one.free,
            "of": one.supplied, "reserved": one.reserved, "held": one.held or None,
            "one_node": one.on_one_node, "more_at": _soonest(one.endings),
            "as_of": f"{one.as_of:%Y-%m-%d %H:%M}" if one.as_of else None,
            "was_free": one.was_free, "gap": one.gap,
        }
        for one in report.free
    ]  # fmt: skip


def _soonest(endings: Sequence[Ending]) -> str | None:
    return f"{endings[0].at:%Y-%m-%d %H:%M} +{endings[0].gpus}" if endings else None


def _old(report: FreeReport) -> list[str]:
    if report.old_days is None:
        return []
    return [f"▲ nothing newer was told for {report.old_days} days: as of {report.at:%Y-%m-%d}"]


def _gaps(report: FreeReport) -> list[str]:
    return [f"▲ {gap}" for gap in report.gaps]


def _waits(report: FreeReport) -> list[str]:
    """Time to GPU, a line for each pool and team."""
    if not report.waits:
        return ["time to GPU: no job of the last 30 days tells its submission"]
    lines = ["time to GPU, submission to first running second, last 30 days:"]
    for one in report.waits:
        who = " ".join(getattr(one, name) or f"(no {name})" for name in report.by) or "all"
        told = "none started"
        if one.p50_s is not None and one.p95_s is not None:
            told = f"p50 {wait(one.p50_s)}, p95 {wait(one.p95_s)} (n {one.n:,})"
        lines.append(f"  {who}: {told}" + (f", {one.waiting} waiting" if one.waiting else ""))
    return lines
