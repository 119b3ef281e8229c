"""Promote an experiment, end it, or let it go on: on evidence that may be looked at every month.

Whoever looks at a test each month and stops when it looks good finds worthless experiments good
far too often. An e-value does not mind: under a mean net benefit of 0 or less, the chance that it
EVER reaches 1 / alpha is alpha at most (Ville's inequality), whenever and however often one looks.

The e-value is that of the one-sided t-test with right-Haar prior on the spread and a half-normal
prior on mean / spread: Lai, On confidence sequences (Annals of Statistics 4, 1976); Rouder et al.,
Psychonomic Bulletin & Review 16 (2009), for its closed form; Wang and Ramdas, Anytime-valid t-tests
and confidence sequences for Gaussian means with unknown variance (Sequential Analysis 44, 2025),
for its validity at any time. A mean below 0 lowers it path by path, so that 0 is the worst case.
"""

from typing import Final

import numpy as np

from watermaster.decide.review.student import Numbers, t_cdf, t_far_below
from watermaster.model.outcomes import PROMOTED_FROM, QUIET_DAYS, Judgement, Trial, Verdict

RULE: Final = "promote/1"
SCALE: Final = 0.5  # variance of the prior on mean / spread of a period
AGAINST: Final = 2  # times the evidence to end: rare good weeks are still to come (long tails)
MOST_MEMORY: Final = 0.9  # of one period in the next
_STILL: Final = 1e-12


def judge(trial: Trial) -> Judgement:
    """The verdict of one experiment. Gates that are not known are not passed."""
    net = np.array(trial.net)
    is_enough = len(net) >= trial.least
    chance = float(probability(net)) if is_enough else None
    good = float(e_value(net)) if is_enough else None
    bad = float(e_value(-net)) if is_enough else None
    needed = 1 / trial.alpha
    verdict, why = _verdict(trial, chance, (good, bad))
    return Judgement(
        trial=trial, verdict=verdict, probability=chance, evidence_for=good,
        evidence_against=bad, needed=needed, why=why, next_step=_next_step(trial, verdict),
    )  # fmt: skip


def probability(net: Numbers) -> Numbers:
    """P(mean > 0) given the periods so far (last axis): Student's t, flat prior."""
    t, count = _t(net)
    return t_cdf(t, count - 1)


def e_value(net: Numbers) -> Numbers:
    """Evidence that the mean of the periods (last axis) is above 0; 1 says nothing.

    >>> net = np.array([3.0, 5.0, 4.0, 6.0, 5.0])
    >>> round(float(e_value(net)), 1), round(float(e_value(-net)), 3)
    (18.4, 0.207)
    """
    t, count = _t(net)
    df, wider = count - 1, 1 + count * SCALE
    two_sided = wider**-0.5 * ((1 + t**2 / df) / (1 + t**2 / (wider * df))) ** (count / 2)
    # mean / spread under the alternative is t with `count` degrees: its share above 0, twice
    ratio = count * SCALE / wider
    within = np.sqrt(ratio / (df + t**2 / wider)) * t
    return np.asarray(2 * two_sided * t_far_below(within * np.sqrt(count), count))


def evidence_text(value: float) -> str:
    """Evidence as people read it.

    >>> evidence_text(0.0712), evidence_text(5.0), evidence_text(1e8)
    ('0.1', '5.0', 'over 1,000')
    """
    return f"{value:.1f}" if value < 1000 else "over 1,000"


def _t(net: Numbers) -> tuple[Numbers, int]:
    """Student's statistic, lowered where periods remember the one before.

    With memory r, n periods tell as much as n (1 - r) / (1 + r) of them. Periods that are all
    alike differ by a rounding error.
    """
    count = net.shape[-1]
    mean, spread = net.mean(axis=-1), net.std(axis=-1, ddof=1)
    least = np.maximum(np.abs(mean) * 1e-3, _STILL)
    apart = net - mean[..., None]
    squares = np.maximum((apart**2).sum(axis=-1), _STILL)
    memory = (apart[..., 1:] * apart[..., :-1]).sum(axis=-1) / squares + 1 / count
    kept = np.clip(memory, 0.0, MOST_MEMORY)
    t = np.sqrt(count) * mean / np.maximum(spread, least)
    return t * np.sqrt((1 - kept) / (1 + kept)), count


def _verdict(
    trial: Trial, chance: float | None, evidence: tuple[float | None, float | None]
) -> tuple[Verdict, str]:
    if trial.quiet_days is not None and trial.quiet_days >= QUIET_DAYS:
        return Verdict.SUNSET, f"no request and no commit for {trial.quiet_days} days"
    if trial.outcome is None:
        return Verdict.NO_VALUE, "no Outcome says what it is worth"
    if trial.note:
        return Verdict.GO_ON, trial.note
    good, bad = evidence
    if chance is None or good is None or bad is None:
        return Verdict.GO_ON, (
            f"{len(trial.net)} of {trial.least} periods counted: too few to say anything"
        )
    needed = 1 / trial.alpha
    told = f"P(net benefit > 0) is {chance:.0%} over {len(trial.net)} periods"
    has = f"evidence for it {evidence_text(good)} of {evidence_text(needed)} needed"
    if chance <= 1 - PROMOTED_FROM:
        lost = f"evidence against it {evidence_text(bad)} of {evidence_text(AGAINST * needed)}"
        is_over = bad >= AGAINST * needed
        return Verdict.SUNSET if is_over else Verdict.GO_ON, f"{told}, {lost} needed"
    if chance < PROMOTED_FROM or good < needed:
        return Verdict.GO_ON, f"{told}, {has}"
    lacks = list(_lacks(trial))
    if lacks:
        return Verdict.GO_ON, f"{told} and the evidence is enough, but {' and '.join(lacks)}"
    return Verdict.PROMOTE, (f"{told}, {has}, gates pass, owner set")


def _lacks(trial: Trial) -> list[str]:
    lacks = []
    if not trial.gates_pass:
        lacks.append("its gates do not pass" if trial.gates_pass is False
                     else "whether its gates pass is not known")  # fmt: skip
    if trial.owner is None:
        lacks.append("nobody owns it")
    return lacks


def _next_step(trial: Trial, verdict: Verdict) -> str:
    name = trial.workload
    kept = trial.artefact or "its artefact and checkpoints"
    match verdict:
        case Verdict.PROMOTE:
            return f"move {name} to stage pilot or production, and wm apply"
        case Verdict.SUNSET:
            return (
                f"snapshot {kept}, then scale {name} to 0 and release its GPUs; it can be undone "
                "for 30 days"
            )
        case Verdict.NO_VALUE:
            return f"declare an Outcome for {name}: what a unit is worth, and who says so"
        case _:
            return "let it go on; look again next month"
