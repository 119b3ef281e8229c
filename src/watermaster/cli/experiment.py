"""`wm experiment`: which experiments to promote, which to end, and on what evidence."""

from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.decide.release.promote import evidence_text
from watermaster.model.outcomes import Judgement

app = command_group("Experiments: promote, end, or let go on.")
COLUMNS = ("experiment", "team", "verdict", "p", "evidence", "value", "cost", "month")
WIDE = (
    "why",
    "outcome",
    "periods",
    "volume",
    "against",
    "needed",
    "quiet_days",
    "gates",
    "next_step",
)


@app.callback()
def _group() -> None:
    """Experiments: promote, end, or let go on."""


@app.command("list", epilog=examples("wm experiment list", "wm experiment list -o json"))
def list_all() -> None:
    """List the experiments with their verdicts, those to decide on first."""
    from watermaster.flows.experiments import experiments

    report = experiments(project())
    table = Table(
        COLUMNS, [_row(one) for one in report.rows], wide=WIDE, above=[report.why],
        below=[
            f"month: cost in {report.month}; value and cost: over the weeks counted",
            "why, and what to do: wm experiment show NAME",
        ],
        empty="no experiment is declared: purpose or stage experiment of a Workload",
    )  # fmt: skip
    show(report, table)


@app.command("show", epilog=examples("wm experiment show prompt-lab"))
def show_one(name: Annotated[str, typer.Argument(help="the Workload")]) -> None:
    """One experiment: its verdict, every figure it rests on, and the next step."""
    from watermaster.flows.experiments import show_experiment

    one = show_experiment(project(), name)
    rows = [{"figure": figure, "value": value} for figure, value in _figures(one)]
    show(one, Table(["figure", "value"], rows, above=[f"{name}: {one.verdict}", one.why],
                    below=[f"next: {one.next_step}"]))  # fmt: skip


def _row(one: Judgement) -> dict[str, object]:
    trial = one.trial
    return {
        "experiment": trial.workload, "team": trial.owner, "verdict": one.verdict.value,
        "p": _share(one.probability), "evidence": _evidence(one.evidence_for),
        "value": trial.value, "cost": trial.cost, "month": trial.spent, "why": one.why,
        "outcome": trial.outcome, "periods": len(trial.net), "volume": _count(trial.volume),
        "against": _evidence(one.evidence_against), "needed": _evidence(one.needed),
        "quiet_days": trial.quiet_days, "gates": _gates(one), "next_step": one.next_step,
    }  # fmt: skip


def _figures(one: Judgement) -> list[tuple[str, object]]:
    trial = one.trial
    return [
        ("team", trial.owner), ("stage", trial.stage), ("outcome", trial.outcome),
        ("periods counted", len(trial.net)), ("volume", _count(trial.volume)),
        ("value", trial.value), ("cost", trial.cost), ("currency", trial.currency),
        ("budget in all", trial.budget), ("spent in all", trial.spent_in_all),
        ("P(net benefit > 0)", _share(one.probability)),
        ("evidence for it", _evidence(one.evidence_for)),
        ("evidence against it", _evidence(one.evidence_against)),
        ("evidence needed", _evidence(one.needed)),
        ("days without request or commit", trial.quiet_days),
        ("gates", _gates(one)), ("artefact to keep", trial.artefact),
    ]  # fmt: skip


def _gates(one: Judgement) -> str:
    return {True: "pass", False: "fail", None: "not known"}[one.trial.gates_pass]


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _evidence(value: float | None) -> str | None:
    return None if value is None else evidence_text(value)


def _count(value: float | None) -> str | None:
    return None if value is None else f"{value:,.0f}"
