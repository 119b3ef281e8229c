"""What an experiment must say before its first GPU hour, and that its end comes near."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from watermaster.decide.estate.finding import found
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.resources import Purpose, ResourceVersion
from watermaster.model.things import Seen, WorkloadUse

WARNED_DAYS: Final = 14  # before its end date an experiment is told of


def is_experiment(version: ResourceVersion) -> bool:
    """Whether a Workload tries something: by its purpose or its stage, until it is retired."""
    spec = version.resource.spec
    tries = spec.purpose is Purpose.EXPERIMENT or spec.stage == "experiment"
    return tries and spec.stage != "retired"


def experiments_without_budget(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Experiments that do not say whose they are, what they may cost, or when they end.

    Told as soon as they are declared; what already ran without it costs what it cost. What is
    past its end is told as a zombie where it still costs.
    """
    uses = {one.workload: one for one in seen.workloads}
    for version in filter(is_experiment, estate.of("Workload")):
        lacks = [what for what, value in _owed(version) if value is None]
        end = version.resource.spec.end_date
        if lacks and not (end and end < seen.now.date()):
            name, use = version.resource.metadata.name, uses.get(version.resource.metadata.name)
            yield found(
                seen, "experiment-without-budget", f"workload/{name}", _cost(use),
                why=f"an experiment without {_listed(lacks)}, {_ran(seen, use)}",
                next_step=f"declare {_listed(lacks)} of {name} and wm apply"
                + (", or stop it until then" if use and use.cost else ""),
                team=version.resource.metadata.owner,
            )  # fmt: skip


def experiments_that_end(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Experiments whose end date comes within two weeks while they still cost or run."""
    uses = {one.workload: one for one in seen.workloads}
    for version in filter(is_experiment, estate.of("Workload")):
        one, end = version.resource.metadata, version.resource.spec.end_date
        use = uses.get(one.name)
        days = (end - seen.now.date()).days if end else None
        if end and days is not None and 0 <= days <= WARNED_DAYS and use and _goes_on(use):
            yield found(
                seen, "experiment-ends-soon", f"workload/{one.name}", use.cost,
                why=f"it ends on {end}, {_in_days(days)}, and still cost this in {seen.month}; "
                "past that day it is to be scaled to 0",
                next_step=f"keep what is worth keeping of {one.name}: promote it, give it a new "
                "end date, or let it end",
                team=one.owner,
            )  # fmt: skip


def _in_days(count: int) -> str:
    """In words.

    >>> _in_days(0), _in_days(1), _in_days(9)
    ('today', 'tomorrow', 'in 9 days')
    """
    return {0: "today", 1: "tomorrow"}.get(count, f"in {count} days")


def _owed(version: ResourceVersion) -> list[tuple[str, Any]]:
    spec = version.resource.spec
    return [
        ("team", version.resource.metadata.owner),
        ("budget", spec.budget),
        ("end date", spec.end_date),
    ]


def _goes_on(use: WorkloadUse) -> bool:
    return bool(use.cost or use.runs)


def _cost(use: WorkloadUse | None) -> Decimal | None:
    return use.cost if use and use.cost else None


def _ran(seen: Seen, use: WorkloadUse | None) -> str:
    if use is None or not _goes_on(use):
        return "before its first GPU hour"
    return f"which already ran in {seen.month}"


def _listed(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
