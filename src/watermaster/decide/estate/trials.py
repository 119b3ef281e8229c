"""Experiments whose evidence says what to do with them: promote, or end."""

from collections.abc import Iterator
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


def _is_copyable(verdict: Verdict, trial: Trial) -> bool:
    """Whether it ends, and its artefact is told by an address; a digest cannot be copied."""
    return verdict is Verdict.SUNSET and "://" in (trial.artefact or "")
