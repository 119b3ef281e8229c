"""`wm whoami`: who asks, and what they may."""

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show

app = command_group()


@app.command("whoami", epilog=examples("wm whoami", "WM_TOKEN=wmt_... wm whoami -o json"))
def whoami() -> None:
    """Show who asks, and what they may: on this machine, or with the token in WM_TOKEN."""
    from watermaster.flows.who import who_asks

    told = who_asks(project())
    rows = [{"role": grant.role.value, "team": grant.team or "everywhere"} for grant in told.grants]
    units = "all units" if told.units is None else ", ".join(told.units) or "no unit"
    below = [f"rights: {', '.join(told.rights) or 'none'}", f"sees costs of: {units}"]
    above = [f"{told.subject.name} ({told.subject.sort.value})"]
    show(told, Table(["role", "team"], rows, above=above, below=below, empty="no role"))
