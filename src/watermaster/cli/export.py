"""`wm export`."""

from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.moments import AsKnown, At, moment
from watermaster.cli.naming import complete_kind
from watermaster.cli.output import save, say
from watermaster.model.errors import UsageError

app = command_group()
FOCUS = "focus"


@app.command(
    epilog=examples(
        "wm export > estate.yaml", "wm export workload team --at 2026-03-31",
        "wm export focus --month 2026-10 --out allocated.csv",
    )
)  # fmt: skip
def export(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(
            help="kinds to write, all without; or focus: allocated costs as FOCUS 1.4",
            autocompletion=complete_kind,
        ),
    ] = None,
    at: At = None,
    as_known: AsKnown = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="not to stdout")] = None,
    month: Annotated[
        list[str] | None, typer.Option("--month", help="for focus: billing month; again for more")
    ] = None,
) -> None:
    """Write the resources of the ledger as YAML that wm apply takes again, or costs as FOCUS."""
    if kinds == [FOCUS]:
        _focus(month or [], out)
        return
    from watermaster.flows.resources import export as write

    when, known = moment(at, "--at"), moment(as_known, "--as-known")
    text = write(project(), kinds or [], at=when, as_known=known)
    if out is None:
        say(text)
    else:
        save(text, out)


def _focus(months: list[str], out: Path | None) -> None:
    from watermaster.flows.export_focus import export_focus

    if out is None:
        raise UsageError("wm export focus", "names no file", "add --out FILE.csv or FILE.parquet")
    written = export_focus(project(), months, out)
    say(f"{written.path}: {written.rows} rows of FOCUS 1.4, at {written.snapshot}")
