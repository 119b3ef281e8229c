"""`wm gate`: what must be shown before a version stands where people rely on it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.errors import UsageError
from watermaster.model.gates import GateSpec, Reason, Ruling, Verdict

app = command_group("What must be shown before a version stands where people rely on it.")
REASONS = ("gate", "requirement", "verdict", "says", "figures", "missing", "waiver")
PROD = "alias/prod"


@app.callback()
def _group() -> None:
    """What must be shown before a version stands where people rely on it."""


@app.command("list", epilog=examples("wm gate list", "wm gate list -o json"))
def list_all() -> None:
    """List the gates: where each guards, and what it asks."""
    from watermaster.flows.gate_asked import list_gates

    found = list_gates(project())
    rows = [
        {"gate": one.metadata.name, "environment": one.spec.environment,
         "slots": ", ".join(one.spec.slots), "requirement": asked.name,
         "condition": asked.condition, "says": asked.says}
        for one in found for asked in one.spec.require
    ]  # fmt: skip
    columns = ("gate", "environment", "requirement", "says")
    show(found, Table(columns, rows, wide=["slots", "condition"],
                      empty="none is declared: wm schema Gate"))  # fmt: skip


@app.command(
    "explain",
    epilog=examples("wm gate explain claims-triage 13", "wm gate explain 8d21c0"),
)
def explain(
    what: Annotated[str, typer.Argument(metavar="MODEL|RULING", help="a model, or a ruling's id")],
    version: Annotated[int | None, typer.Argument(help="of the model")] = None,
    to: Annotated[str, typer.Option(help="the slot it would stand in: alias/NAME, stage/NAME")] = (
        PROD
    ),
) -> None:
    """Say what the gates say, with every figure; exits 2 if they would not let it pass."""
    from watermaster.flows.gate_asked import ask_gates, show_ruling

    opened = project()
    if version is None:
        _ruling(show_ruling(opened, what))
        return
    found = ask_gates(opened, what, version, to)
    if found is None:
        show([], Table([], [], empty=f"no gate guards {to} of {what}: anything may stand there"))
        return
    _ruling(found)
    if found.verdict is not Verdict.ALLOWED:
        raise typer.Exit(2)


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


@app.command("rulings", epilog=examples("wm gate rulings", "wm gate rulings --model claims-triage"))
def rulings(
    model: Annotated[str | None, typer.Option(help="only of this model")] = None,
) -> None:
    """List what the gates said, the newest first."""
    from watermaster.flows.gate_asked import list_rulings

    found = list_rulings(project(), model)
    rows = [
        {"ruling": one.id, "at": f"{one.at:%Y-%m-%d %H:%M}", "by": one.subject,
         "model": one.change.model, "version": one.change.version,
         "to": ", ".join(sorted(one.change.gains)), "verdict": one.verdict.value,
         "against": ", ".join(f"{r.gate}/{r.requirement}" for r in one.against),
         "way": one.change.way}
        for one in found
    ]  # fmt: skip
    columns = ("ruling", "at", "by", "model", "version", "to", "verdict", "against")
    show(found, Table(columns, rows, wide=["way"], empty="none yet"))


@app.command(
    "test",
    epilog=examples("wm gate test production", "wm gate test -f gate.yaml"),
)
def try_them(
    name: Annotated[str | None, typer.Argument(help="a declared gate; none: all of them")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="gates as they would be declared")
    ] = None,
) -> None:
    """Hold gates against history: which past promotions would they have refused? Exits 2 if any."""
    from watermaster.flows.gate_asked import try_gates

    opened = project()
    found = try_gates(opened, _specs(name, file))
    rows = [
        {"at": f"{one.at:%Y-%m-%d %H:%M}", "model": one.model, "version": one.version,
         "slot": one.slot, "by": one.set_by, "verdict": one.ruling.verdict.value,
         "against": "; ".join(f"{r.gate}/{r.requirement}: {r.sentence}"
                              for r in one.ruling.against)}
        for one in found
    ]  # fmt: skip
    bad = [one for one in found if one.ruling.verdict is not Verdict.ALLOWED]
    below = [f"{len(bad)} of {len(found)} past promotions would not have passed"]
    columns = ("at", "model", "version", "slot", "by", "verdict", "against")
    show(found, Table(columns, rows, below=below if found else [], empty="nothing stood there yet"))
    if bad:
        raise typer.Exit(2)


def _specs(name: str | None, file: Path | None) -> dict[str, GateSpec]:
    from watermaster.declare.estate import read_estate
    from watermaster.flows.gate_asked import list_gates

    if file is not None:
        declared = [one.resource for one in read_estate([str(file)])]
    else:
        declared = list_gates(project())
    found = {
        one.metadata.name: one.spec
        for one in declared
        if one.kind == "Gate" and name in {None, one.metadata.name}
    }
    if not found:
        where = str(file) if file else "the estate"
        raise UsageError(f"wm gate test {name or ''}".strip(), f"{where} holds no such gate",
                         "see wm gate list, or name a file with -f")  # fmt: skip
    return found


def _ruling(found: Ruling) -> None:
    change = found.change
    above = [
        f"{change.model} {change.version} to {', '.join(sorted(change.gains))}: "
        f"{found.verdict.value}",
        f"asked by {found.subject} at {found.at:%Y-%m-%d %H:%M} UTC; "
        f"artefact {change.digest or 'without a digest, so that no evidence can speak of it'}",
    ]
    show(found, Table(REASONS, _reasons(found.reasons), above=above, below=_below(found)))


def _reasons(reasons: Sequence[Reason]) -> list[dict[str, object]]:
    return [
        {"gate": one.gate, "requirement": one.requirement, "verdict": one.verdict.value,
         "says": one.says, "missing": ", ".join(one.missing), "waiver": one.waiver,
         "figures": ", ".join(f"{path}={value}" for path, value in one.figures.items())}
        for one in reasons
    ]  # fmt: skip


def _below(found: Ruling) -> list[str]:
    change = found.change
    if not found.against:
        return []
    if change.digest is None:
        return [f"say first which files it has: wm model attach {change.model} {change.version}"]
    missing = sorted({path.split(".")[1] for one in found.against for path in one.missing
                      if path.startswith("evidence.")})  # fmt: skip
    return [
        f"give it: wm evidence add {kind.replace('_', '-')} {change.model} {change.version} ..."
        for kind in missing
    ]
