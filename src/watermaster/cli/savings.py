"""`wm savings`: what mended findings really saved, beside what was expected of them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from watermaster.cli.call import command_group, examples, project
from watermaster.cli.output import Table, show
from watermaster.model.savings import SavingLine, SavingSum

app = command_group("What mended findings really saved.")
LINES = ("finding", "rule", "team", "expected", "saved", "low", "high", "cash", "stands")
SUMS = ("findings", "expected", "saved", "low", "high", "cash", "remark")
WIDE = ("subject", "done_on", "undone_on", "by", "unit", "days", "why")


class By(StrEnum):
    FINDING = "finding"
    TEAM = "team"
    RULE = "rule"


@app.callback()
def _group() -> None:
    """What mended findings really saved."""


@app.command(
    "show",
    epilog=examples(
        "wm savings show", "wm savings show --by rule", "wm savings show --team rag -o json"
    ),
)
def show_savings(
    by: Annotated[By, typer.Option("--by", help="one line of each")] = By.FINDING,
    rule: Annotated[list[str] | None, typer.Option(help="only of this rule")] = None,
    team: Annotated[list[str] | None, typer.Option(help="only of this team")] = None,
) -> None:
    """What each mended finding would have cost since, less what it did cost, with its 80% range."""
    from watermaster.flows.savings import savings

    report = savings(project(), rule or (), team or ())
    through = [f"counted through {report.through}"] if report.through else []
    empty = "no finding was mended yet: wm finding list"
    if by is By.FINDING:
        rows = [_line(one) for one in report.lines]
        table = Table(LINES, rows, wide=WIDE, above=[report.why], below=through, empty=empty)
    else:
        sums = report.by_team if by is By.TEAM else report.by_rule
        table = Table(
            (by.value, *SUMS), _sums(sums, by), above=[report.why], below=through, empty=empty
        )
    show(report, table)


def _line(one: SavingLine) -> dict[str, object]:
    told = one.allocated
    return {
        "finding": one.finding, "rule": one.rule, "team": one.team, "done_on": one.done_on,
        "undone_on": one.undone_on, "expected": one.expected_allocated,
        "saved": told.saving.amount if told else None,
        "low": told.saving.low if told else None, "high": told.saving.high if told else None,
        "stands": _stands(one), "cash": one.cash.saving.amount if one.cash else None,
        "subject": one.subject, "by": one.by, "unit": told.unit if told else None,
        "days": told.after_days if told else None, "why": one.why,
    }  # fmt: skip


def _sums(sums: Sequence[SavingSum], by: By) -> list[dict[str, object]]:
    return [
        {
            by.value: one.key, "findings": one.count + one.unknown,
            "expected": one.expected_allocated, "saved": one.allocated.amount,
            "low": one.allocated.low, "high": one.allocated.high, "cash": one.cash.amount,
            "remark": _remark(one),
        }
        for one in sums
    ]  # fmt: skip


def _remark(one: SavingSum) -> str:
    said = ["promises too much"] if one.promises_too_much else []
    said += [f"{one.unknown} cannot be counted"] if one.unknown else []
    return ", ".join(said)


def _stands(one: SavingLine) -> str:
    if one.undone_on:
        return f"undone {one.undone_on}"
    return f"since {one.done_on}" if one.allocated else "too early to tell"
