"""Every experiment with its verdict and the figures it rests on."""

from typing import Final

from watermaster.decide.release.promote import RULE, judge
from watermaster.flows.finding_things import seen_now
from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.model.errors import NotFoundError
from watermaster.model.outcomes import ExperimentsReport, Judgement, Verdict

ORDER: Final = (Verdict.PROMOTE, Verdict.SUNSET, Verdict.GO_ON, Verdict.NO_VALUE)


def experiments(project: Project) -> ExperimentsReport:
    """Those to decide on first, then the dearest."""
    seen = seen_now(project)
    rows = [judge(trial) for trial in seen.trials]
    rows.sort(key=lambda one: (ORDER.index(one.verdict), -(one.trial.spent or 0),
                               one.trial.workload))  # fmt: skip
    count = {verdict: sum(one.verdict is verdict for one in rows) for verdict in ORDER}
    said = ", ".join(f"{number} {verdict}" for verdict, number in count.items() if number)
    return ExperimentsReport(
        rule=RULE, snapshot=read_head(project.ledger.records).name, month=seen.month, rows=rows,
        why=f"{len(rows)} experiments: {said or 'none'}. Promoted at P(net benefit > 0) of 80% "
        "with evidence that stays valid however often one looks.",
    )  # fmt: skip


def show_experiment(project: Project, name: str) -> Judgement:
    """One experiment."""
    rows = experiments(project).rows
    for one in rows:
        if one.trial.workload == name:
            return one
    known = ", ".join(one.trial.workload for one in rows) or "one that you declare"
    raise NotFoundError(f"experiment {name}", "is none that is declared and live", f"take {known}")
