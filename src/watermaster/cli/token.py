"""`wm token`: what programs show to be let in."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.identity import Right, Role

if TYPE_CHECKING:
    from watermaster.model.identity import Token

app = command_group("What programs show to be let in: made, listed, revoked.")
COLUMNS = ("name", "role", "teams", "ends", "used", "state")


@app.callback()
def _group() -> None:
    """What programs show to be let in: made, listed, revoked."""


@app.command(
    "create",
    epilog=examples(
        "wm token create ci-claims --role owner --team claims --scope register --days 90",
        "wm token create prometheus --role viewer --days 365",
    ),
)
def create(
    name: Annotated[str, typer.Argument(help="what it is for; the audit log says token/NAME")],
    role: Annotated[Role, typer.Option(help="the role it holds")],
    days: Annotated[int, typer.Option(min=1, max=366, help="until it ends")],
    team: Annotated[list[str] | None, typer.Option(help="in this team; none: in all")] = None,
    scope: Annotated[
        list[Right] | None, typer.Option(help="only this right of the role; none: all of them")
    ] = None,
) -> None:
    """Make a token and print its secret, this once; only its hash is kept."""
    from watermaster.flows.tokens import TokenAsked, create_token

    opened = project()
    ends_at = opened.ledger.clock() + dt.timedelta(days=days)
    made = create_token(
        opened,
        TokenAsked(name=name, role=role, teams=team or (), scopes=scope or (), ends_at=ends_at),
    )
    told = {"name": made.token.name, "secret": made.secret, "ends_at": made.token.ends_at}
    show(
        told, Table(["name", "secret", "ends_at"], [told], below=["Keep it: it is not told again."])
    )


@app.command("list", epilog=examples("wm token list", "wm token list -o json"))
def list_all() -> None:
    """List tokens: those you made; all, for who administers or audits."""
    from watermaster.flows.tokens import list_tokens

    opened = project()
    found, now = list_tokens(opened), opened.ledger.clock()
    show(found, Table(COLUMNS, [_row(one, now) for one in found], ("id", "scopes", "made_by")))


@app.command("revoke", epilog=examples("wm token revoke ci-claims"))
def revoke(
    name: Annotated[str, typer.Argument(help="its name, or the first letters of its id")],
) -> None:
    """Let a token in no more, from this moment."""
    from watermaster.flows.tokens import revoke_token

    token = revoke_token(project(), name)
    show({"revoked": token.name}, Table(["revoked"], [{"revoked": token.name}]))


def _row(one: "Token", now: dt.datetime) -> dict[str, object]:
    state = "revoked" if one.revoked_at else "ended" if one.ends_at <= now else "holds"
    return {
        "name": one.name, "role": ", ".join(sorted({g.role.value for g in one.grants})),
        "teams": ", ".join(g.team or "all" for g in one.grants), "ends": one.ends_at,
        "used": one.used_at, "state": state, "id": one.id,
        "scopes": ", ".join(sorted(one.scopes)), "made_by": one.made_by,
    }  # fmt: skip
