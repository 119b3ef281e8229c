"""`wm evidence`: what was shown of an artefact, by whom; added and never changed."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.errors import BadInputError, UsageError

app = command_group("What was shown of an artefact, by whom; added and never changed.")
COLUMNS = ("at", "kind", "version", "by", "told", "digest")
Model = Annotated[str, typer.Argument(help="a registered model")]


@app.callback()
def _group() -> None:
    """What was shown of an artefact, by whom; added and never changed."""


@app.command(
    "add",
    epilog=examples(
        "wm evidence add scan claims-triage 13 tool=trivy critical=0 high=2",
        "wm evidence add evaluation claims-triage 13 -f evaluation.json",
        "wm evidence add approval claims-triage 13 says='fit for production'",
    ),
)
def add(
    kind: Annotated[str, typer.Argument(help="evaluation, bias, latency, scan, approval, ...")],
    model: Model,
    version: Annotated[int, typer.Argument(help="its number")],
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="metrics.accuracy=0.93 reaches inside"),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="the fields as JSON; - for standard input")
    ] = None,
) -> None:
    """Say what was shown of a version, as its artefact is now; it counts under your name."""
    from watermaster.flows.evidence import give_evidence

    told = _from_file(file) if file else {}
    for field in fields or []:
        _put(told, field)
    given = give_evidence(project(), kind, model, version, told)
    digest = given.digest or "no digest yet, so that no gate counts it"
    empty = f"{given.id}: {kind} of {model} {version} by {given.subject}, bound to {digest}"
    show(given, Table([], [], empty=empty))


@app.command("list", epilog=examples("wm evidence list claims-triage 13"))
def list_all(
    model: Model,
    version: Annotated[int | None, typer.Argument(help="its number; none: all")] = None,
) -> None:
    """List what was shown of a model or a version, the oldest first."""
    from watermaster.flows.evidence import list_evidence

    found = list_evidence(project(), model, version)
    rows = [
        {"id": one.id, "at": f"{one.at:%Y-%m-%d %H:%M}", "kind": one.kind, "version": one.version,
         "by": one.subject, "digest": (one.digest or "")[:19],
         "told": ", ".join(f"{name}={value}" for name, value in one.told.items())}
        for one in found
    ]  # fmt: skip
    show(found, Table(COLUMNS, rows, wide=["id"], empty="nothing was shown of it yet"))


def _from_file(file: Path) -> dict[str, Any]:
    text = typer.get_text_stream("stdin").read() if str(file) == "-" else _text(file)
    try:
        told = json.loads(text)
    except ValueError as error:
        raise BadInputError(str(file), f"is no JSON ({error})", "mend its syntax") from None
    if not isinstance(told, dict):
        raise BadInputError(str(file), "holds no object", "write the fields as {...}")
    return told


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({error})"
        raise BadInputError(str(file), what, "name a JSON file in UTF-8") from None


def _put(told: dict[str, Any], field: str) -> None:
    """`metrics.accuracy=0.93` into {"metrics": {"accuracy": 0.93}}; what is no JSON is text."""
    path, equals, text = field.partition("=")
    if not equals or not path:
        raise UsageError(field, "is no field", "write NAME=VALUE")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    place = told
    *above, last = path.split(".")
    for name in above:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise UsageError(field, f"{name} holds a value already", "give each field once")
    place[last] = value
