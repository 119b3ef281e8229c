"""`wm status`: where the ledger stands."""

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.cli.source import age
from watermaster.model.checkup import MonthStatus

app = command_group("")


@app.command("status", epilog=examples("wm status", "wm status -o json"))
def status() -> None:
    """Show the months with their state, and how old each source's last delivery is."""
    from watermaster.flows import status as flow

    found = flow.status(project())
    changed = f", changed {found.changed_at} by {found.changed_by}" if found.changed_at else ""
    above = [f"ledger at {found.revision}{changed}"]
    if found.writer:
        above.append(f"{found.writer} is writing now")
    below = [
        f"{one.source}: newest {one.newest or 'nothing'}, delivered {age(one.age_s)}"
        + (f", {one.rejected} rows rejected" if one.rejected else "")
        for one in found.sources
    ]
    columns = ["month", "state", "charges", "allocated", "because"]
    rows = [_row(month) for month in found.months]
    show(found, Table(columns, rows, wide=["sources", "closed"], above=above, below=below))


def _row(month: MonthStatus) -> dict[str, object]:
    newer = f"newer than its allocation: {', '.join(month.newer)}" if month.newer else None
    return {
        "month": month.month,
        "state": month.state.value,
        "charges": month.charges,
        "allocated": month.allocated_at,
        "because": newer,
        "sources": ", ".join(month.sources),
        "closed": month.closed_at,
    }
