"""`wm person`: who signed in, and who is kept out."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, confirm, examples, project
from watermaster.cli.output import Table, show

app = command_group("Who may do what here, and who is kept out.")
Name = Annotated[str, typer.Argument(help="as wm person list names them")]
COLUMNS = ("name", "roles", "groups", "last", "sessions", "state")


@app.callback()
def _group() -> None:
    """Who may do what here, and who is kept out."""


@app.command("list", epilog=examples("wm person list", "wm person list -o json"))
def list_all() -> None:
    """List who signed in, with the roles they hold now."""
    from watermaster.flows.people import who_may

    told = who_may(project())
    rows = [
        {"name": one.person.name, "groups": ", ".join(one.person.groups),
         "roles": ", ".join(f"{g.role.value} {g.team or 'everywhere'}" for g in one.grants),
         "last": one.person.last_at, "sessions": one.sessions,
         "state": "barred" if one.person.barred_at else "may sign in"}
        for one in told.people
    ]  # fmt: skip
    show(told, Table(COLUMNS, rows, empty="nobody signed in yet"))


@app.command("bar", epilog=examples("wm person bar ada@example.com"))
def bar(name: Name) -> None:
    """Keep somebody out, at once: sessions end, tokens they made are revoked."""
    from watermaster.flows.people import bar_person

    confirm(f"Keep {name} out?", "barring somebody")
    _done("barred", bar_person(project(), name).name)


@app.command("admit", epilog=examples("wm person admit ada@example.com"))
def admit(name: Name) -> None:
    """Let somebody sign in again who was barred."""
    from watermaster.flows.people import admit_person

    _done("admitted", admit_person(project(), name).name)


@app.command("forget", epilog=examples("wm person forget ada@example.com"))
def forget(name: Name) -> None:
    """Unbind a name from its account at the provider, so that another account may take it."""
    from watermaster.flows.people import forget_person

    confirm(f"Let another account be {name}?", "forgetting somebody")
    _done("forgotten", forget_person(project(), name).name)


def _done(what: str, name: str) -> None:
    show({what: name}, Table([what], [{what: name}]))
