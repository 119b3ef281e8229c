"""Experiments whose evidence says what to do with them: promote, or end."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from watermaster.decide.estate.finding import found
from watermaster.decide.release.promote import judge
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.outcomes import Trial, Verdict
from watermaster.model.things import Seen

RULES: Final = {Verdict.PROMOTE: "promote-experiment", Verdict.SUNSET: "sunset-experiment"}


def judged_experiments(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Experiments to promote and to end; those that go on are no finding."""
    del estate
    for told in map(judge, seen.trials):
        trial = told.trial
        if told.verdict in RULES and (trial.spent or told.verdict is Verdict.PROMOTE):
            yield found(
                seen, RULES[told.verdict], f"workload/{trial.workload}", trial.spent,
                why=told.why, next_step=told.next_step, team=trial.owner,
                asks={"keep": trial.artefact} if _is_copyable(told.verdict, trial) else {},
            )  # fmt: skip


def experiments_over_budget(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Experiments that cost more in all than they may, and still cost or run.

    What runs is left to its owner; jobs that only wait can be held, so that it becomes no more.
    """
    del estate
    goes_on = {one.workload for one in seen.workloads if one.cost or one.runs}
    for trial in seen.trials:
        budget, spent = trial.budget, trial.spent_in_all
        if budget is None or spent is None or spent <= budget or trial.workload not in goes_on:
            continue
        yield found(
            seen, "experiment-over-budget", f"workload/{trial.workload}",
            min(spent - budget, trial.spent or Decimal(0)),
            why=f"it cost {spent:,.0f} in all, {_times(spent, budget)} its budget of "
            f"{budget:,.0f}, and goes on",
            next_step=f"give {trial.workload} a budget it can keep, or end it"
            + _held_back(seen, trial),
            team=trial.owner,
        )  # fmt: skip


def _held_back(seen: Seen, trial: Trial) -> str:
    waiting = [one for one in seen.things if one.workload == trial.workload and one.waits]
    if not waiting:
        return ""
    return f"; {len(waiting)} of its jobs wait and can be held, which can be undone"


def _times(spent: Decimal, budget: Decimal) -> str:
    """How far over it is, in words that stay true of a budget of nothing.

    >>> _times(Decimal(150), Decimal(100)), _times(Decimal(5), Decimal(0))
    ('150% of', 'above')
    """
    return f"{spent / budget:.0%} of" if budget > 0 else "above"


def _is_copyable(verdict: Verdict, trial: Trial) -> bool:
    """Whether it ends, and its artefact is told by an address; a digest cannot be copied."""
    return verdict is Verdict.SUNSET and "://" in (trial.artefact or "")
