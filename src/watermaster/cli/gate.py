"""`wm gate`: what must be shown before a model version stands where people rely on it."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show

app = command_group("Gates: what a model version must show before people rely on it.")


@app.callback()
def _group() -> None:
    """Gates: what a model version must show before people rely on it."""


@app.command("check", epilog=examples(
    "wm gate check sha256:4a7d1ed4...", "wm gate check claims-triage/13",
    "wm gate check claims-triage@prod --environment staging",
    "wm gate check registry.example.com/claims@sha256:4a7d1ed4..."))  # fmt: skip
def check(
    model: Annotated[
        str,
        typer.Argument(metavar="DIGEST", help="sha256:..., NAME/3, NAME@prod, IMAGE@sha256:..."),
    ],
    environment: Annotated[str, typer.Option(help="whose gates")] = "production",
) -> None:
    """Say whether an artefact has passed the gates: 0 it has, 2 it has not, 5 nobody knows it.

    For CI, a Slurm prolog, pipelines. Nothing is changed and no ruling is kept.
    """
    from watermaster.flows.passed import check as look

    found = look(project(), model, environment)
    rows = [
        {"model": one.model, "version": one.version, "verdict": one.verdict.value,
         "why": one.why, "digest": one.digest}
        for one in found
    ]  # fmt: skip
    warned = [f"waived or over: {told}" for one in found for told in one.warnings]
    show(found, Table(["model", "version", "verdict", "why"], rows, wide=["digest"], below=warned))
    if not any(one.has_passed for one in found):
        raise typer.Exit(2)
