"""`wm source`: where facts come from, and how old they are."""

from typing import Final

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show

app = command_group("Where facts come from, and how old they are.")
UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@app.callback()
def _group() -> None:
    """Where facts come from, and how old they are."""


@app.command("list", epilog=examples("wm source list", "wm source list -o wide"))
def list_sources() -> None:
    """List the sources, declared or seen, with the age of what each delivered last."""
    from watermaster.flows.status import status

    found = status(project())
    rows = [
        {
            "source": one.source,
            "declared": "yes" if one.is_declared else "no",
            "newest": one.newest,
            "delivered": age(one.age_s),
            "rejected": one.rejected,
            "tables": ", ".join(one.tables),
            "exported": one.exported_at,
        }
        for one in found.sources
    ]
    columns = ["source", "declared", "newest", "delivered", "rejected"]
    table = Table(columns, rows, wide=["tables", "exported"], empty="no source has delivered yet")
    show(found.sources, table)


def age(age_s: int | None) -> str:
    """How long ago, in its largest unit.

    >>> age(7300), age(86_400), age(0), age(None)
    ('2 hours ago', '1 day ago', 'just now', 'never')
    """
    if age_s is None:
        return "never"
    for unit_s, name in UNITS:
        if count := age_s // unit_s:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"
