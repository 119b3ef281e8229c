"""`wm model register|versions|promote|withdraw|history`: the registry on the command line."""

import datetime as dt
from typing import Annotated

import typer

from watermaster.cli.call import confirm, examples, project
from watermaster.cli.moments import moment
from watermaster.cli.output import Table, show

Model = Annotated[str, typer.Argument(metavar="MODEL", help="name in the registry")]
Version = Annotated[int, typer.Argument(metavar="VERSION", min=1)]
Slot = Annotated[str, typer.Option("--to", help="alias/NAME or stage/NAME")]
VERSIONS = ("version", "stands in", "made", "by", "lineage", "digest", "source")
HISTORY = ("slot", "version", "from", "to", "by", "verdict", "evidence", "waivers")


def add_to(app: typer.Typer) -> None:
    """The commands, as commands of `wm model`."""
    app.command("register", epilog=examples(
        "wm model register claims-triage --source s3://models/claims/13",
        "wm model register claims-triage --source runs:/4f1c/model --run 4f1c"))(
        register
    )  # fmt: skip
    app.command("import", epilog=examples(
        "wm model import --from http://mlflow.example:5000",
        "wm model import --from https://mlflow.example --token env:MLFLOW_TOKEN"))(
        import_models
    )  # fmt: skip
    app.command("versions", epilog=examples("wm model versions claims-triage"))(versions)
    app.command("promote", epilog=examples(
        "wm model promote claims-triage 13", "wm model promote claims-triage 13 --to stage/Staging"
        ))(promote)  # fmt: skip
    app.command("withdraw", epilog=examples("wm model withdraw claims-triage 13"))(withdraw)
    app.command("history", epilog=examples(
        "wm model history claims-triage --at 2026-10-14", "wm model history claims-triage -o json"
        ))(history)  # fmt: skip


def register(
    model: Model,
    source: Annotated[str, typer.Option(help="where its files lie: s3://, runs:/, models:/")],
    run: Annotated[str | None, typer.Option(help="the run that made it")] = None,
    description: Annotated[str, typer.Option(help="shown with it")] = "",
) -> None:
    """Register a version, and the model if there is none; it stands nowhere yet."""
    from watermaster.flows.lineage import Told
    from watermaster.flows.registry import NewVersion, create_model, create_version
    from watermaster.flows.registry_read import get_model
    from watermaster.model.registry import UnknownModelError

    opened = project()
    try:
        get_model(opened, model)
    except UnknownModelError:
        create_model(opened, model)
    told = Told(source=source, run_id=run)
    made = create_version(opened, NewVersion(model=model, told=told, description=description))
    digest = made.digest or "no digest yet: wm model attach"
    show(made, Table([], [], empty=f"{made.model} {made.version}: {digest}; {made.lineage}"))


def import_models(
    address: Annotated[str, typer.Option("--from", help="address of an MLflow server")],
    token: Annotated[
        str | None, typer.Option(help="where its bearer token is: env:NAME or file:PATH")
    ] = None,
) -> None:
    """Take over a registry's models and versions; gates judge its aliases and stages."""
    from watermaster.flows.registry_import import import_registry, server_at

    found = import_registry(project(), server_at(address, token))
    told = [{"what": "models taken over", "count": len(found.models)},
            {"what": "versions taken over", "count": found.versions},
            {"what": "models that were here before, left alone", "count": len(found.there)},
            *({"what": f"refused: {one}", "count": 1} for one in found.refused)]  # fmt: skip
    show(found, Table(("what", "count"), told))


def versions(model: Model) -> None:
    """List the versions of a model, the newest first, and where each stands."""
    from watermaster.flows.registry_history import list_versions

    found = list_versions(project(), model)
    rows = [
        {"version": one.version, "stands in": ", ".join(sorted(one.slots)),
         "made": f"{dt.datetime.fromtimestamp(one.created_ms / 1000, dt.UTC):%Y-%m-%d %H:%M}",
         "by": one.made_by, "lineage": one.lineage, "digest": (one.digest or "")[:19],
         "source": one.source, "description": one.description}
        for one in found
    ]  # fmt: skip
    show(found, Table(VERSIONS, rows, wide=["description"]))


def promote(model: Model, version: Version, to: Slot = "alias/prod") -> None:
    """Let a version stand in a slot, if its gates allow it; else every reason, and exit 2."""
    from watermaster.flows.registry_history import promote as put

    opened = project()
    confirm(f"Let {model} {version} stand in {to}?", "a promotion")
    put(opened, model, version, to)
    show([], Table([], [], empty=f"{model} {version} stands in {to}"))


def withdraw(
    model: Model,
    version: Version,
    slot: Annotated[str, typer.Option("--from", help="alias/NAME or stage/NAME")] = "alias/prod",
) -> None:
    """Let a version stand in a slot no more; nothing stands there then."""
    from watermaster.flows.registry_history import withdraw as take

    opened = project()
    confirm(f"Take {model} {version} out of {slot}?", "a withdrawal")
    take(opened, model, version, slot)
    show([], Table([], [], empty=f"{model} {version} stands in {slot} no more"))


def history(
    model: Model,
    slot: Annotated[str | None, typer.Option(help="alias/NAME or stage/NAME; none: all")] = None,
    at: Annotated[str | None, typer.Option(help="YYYY-MM-DD or a time, UTC; none: ever")] = None,
) -> None:
    """Say what stood where, who put it there, what the gates said, and on what evidence."""
    from watermaster.flows.registry_history import history_of

    found = history_of(project(), model, slot, moment(at, "--at"))
    rows = [
        {"slot": one.stood.slot, "version": one.stood.version,
         "from": f"{one.stood.from_at:%Y-%m-%d %H:%M}",
         "to": f"{one.stood.to_at:%Y-%m-%d %H:%M}" if one.stood.to_at else "now",
         "by": one.stood.set_by, "verdict": one.stood.verdict or "no gate",
         "evidence": ", ".join(f"{e.kind} by {e.subject}" for e in one.evidence),
         "waivers": ", ".join(one.stood.waivers), "ruling": one.stood.ruling}
        for one in found
    ]  # fmt: skip
    when = f" at {at}" if at else ""
    show(found, Table(HISTORY, rows, wide=["ruling"], empty=f"nothing stood in a slot{when}"))
