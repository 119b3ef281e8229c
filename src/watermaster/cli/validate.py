"""`wm validate`."""

from watermaster.cli.call import command_group, examples
from watermaster.cli.declaring import Files, paths_of, project_if_any
from watermaster.cli.output import Table, show

app = command_group()


@app.command(epilog=examples("wm validate -f estate/", "wm validate -f 'estate/**/*.yaml'"))
def validate(files: Files = None) -> None:
    """Check declared resources: every fault with file, line and column, all at once.

    Needs no ledger. Where there is one, documents may also name what it holds.
    """
    from watermaster.flows.validate import validate as check

    project = project_if_any()
    known = None
    if project is not None:
        from watermaster.flows.estate import known_estate

        known = known_estate(project)
    found = check(paths_of(files), known)
    rows = [{"kind": kind, "resources": count} for kind, count in found.kinds.items()]
    told = f"{found.resources} resources in {found.files} files are good"
    show(found, Table(["kind", "resources"], rows, below=[*found.notices, told]))
