"""What work is for, as its behaviour shows: a scorecard whose every point can be read.

Each sign that is seen adds its points, natural log-odds, to the purposes it speaks for; the shares
are the softmax of the sums over `SOFTEN`. Points were set by hand, from how such work is known to
run, and are fitted to no data: bench/purpose.py says how right they are, and how sure they may be
(docs/reference/purpose.md). A sign that was not measured adds nothing.
"""

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from watermaster.decide.cost.activity import OF_PURPOSE
from watermaster.model.behaviour import Behaviour, Inferred, Profile
from watermaster.model.resources import Purpose

RULE: Final = "purpose/1"
CALLED: Final = 0.6  # below this no purpose is named
MOST: Final = 0.97  # nothing that is inferred is surer
SOFTEN: Final = 1.0  # over 1 the sums are taken for less than they say
SURE, UNLIKELY = 0.8, 0.05  # of another activity, of the declared one: they disagree
LEAST_GPU_H: Final = 1.0  # less was not watched for long enough
STEADY, GAPS = 0.95, 0.9  # of the hours held: always on, comes and goes
SERVES: Final = frozenset(
    {"deployment", "statefulset", "inference-service", "ray-service", "endpoint", "api-deployment"}
)
RUNS: Final = frozenset({"slurm-job", "job", "cronjob", "ray-job", "job-set", "run"})
_T, _F, _E, _B, _O, _D, _X = (
    Purpose.TRAINING, Purpose.FINE_TUNING, Purpose.EVALUATION, Purpose.BATCH_INFERENCE,
    Purpose.ONLINE_INFERENCE, Purpose.DATA_PREPARATION, Purpose.EXPERIMENT,
)  # fmt: skip
PRIOR: Final[Mapping[Purpose, float]] = {
    _T: 0.2, _F: 0.1, _E: -0.2, _B: 0.1, _O: 0.3, _D: -0.5, _X: 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing behaviour can show, how it is said, and what it speaks for."""

    shows: Callable[[Behaviour], bool]
    said: Callable[[Behaviour], str]
    points: Mapping[Purpose, float]


SIGNS: Final[tuple[Sign, ...]] = (
    Sign(
        lambda b: bool(b.requests),
        lambda b: f"{b.requests:,} requests counted",
        {_O: 3.0, _B: 0.5, _T: -1.5, _F: -1.5, _D: -1.0, _X: -0.5},
    ),
    Sign(
        lambda b: bool(b.kinds & SERVES),
        lambda b: f"runs as {_listed(b.kinds & SERVES)}",
        {_O: 2.0, _B: -0.5, _T: -1.5, _F: -1.5, _E: -1.0, _D: -1.0},
    ),
    Sign(
        lambda b: "notebook" in b.kinds,
        lambda _: "runs as a notebook",
        {_X: 3.0, _O: -2.0, _B: -1.0, _T: -0.5},
    ),
    Sign(
        lambda b: bool(b.kinds & RUNS) and not b.kinds & SERVES,
        lambda b: f"runs as {_listed(b.kinds & RUNS)}",
        {_O: -2.0, _T: 0.5, _F: 0.5, _B: 0.2},
    ),
    Sign(
        lambda b: _is(b.run_h, 120) and _is(b.present_ratio, STEADY) and not _ended(b),
        lambda b: f"on without a pause for {_days(b)}",
        {_O: 2.0, _T: 0.3, _F: -1.0, _E: -1.5, _B: -1.0, _D: -1.0, _X: -0.7},
    ),
    Sign(
        lambda b: _is(b.run_h, 48) and b.present_ratio is not None and b.present_ratio < GAPS,
        lambda b: f"comes and goes: there {b.present_ratio:.0%} of {_days(b)}",
        {_O: -2.0, _B: 1.2, _D: 0.8, _X: 0.6, _E: 0.6, _T: -0.8},
    ),
    Sign(
        lambda b: _ended(b) and _is(b.run_h, 5),
        lambda b: f"ran {_length(b)} and ended",
        {_T: 1.0, _F: 0.9, _X: 0.3, _O: -1.5, _B: 0.2},
    ),
    Sign(
        lambda b: _ended(b) and b.run_h is not None and b.run_h < 1,
        lambda b: f"ran {_length(b)} and ended",
        {_E: 0.6, _X: 0.7, _D: 0.3, _B: 0.2, _T: -0.3, _O: -0.5},
    ),
    Sign(
        lambda b: _is(b.gpus, 16),
        lambda b: f"{b.gpus:.0f} GPUs at once",
        {_T: 2.2, _F: 0.5, _X: 0.4, _B: -0.5, _O: -1.5, _E: -0.8},
    ),
    Sign(
        lambda b: _is(b.gpus, 8) and not _is(b.gpus, 16),
        lambda b: f"{b.gpus:.0f} GPUs at once",
        {_T: 0.5, _F: 0.6, _B: 0.4, _O: -0.3, _E: -0.2},
    ),
    Sign(
        lambda b: b.gpus is not None and 1 <= b.gpus <= 2,
        lambda b: f"never over {b.gpus:.0f} GPU",
        {_T: -0.7, _E: 0.4, _X: 0.5, _O: 0.3},
    ),
    Sign(
        lambda b: b.gpus is not None and 0 < b.gpus < 1,
        lambda b: f"{b.gpus:.0%} of a GPU",
        {_O: 0.6, _X: 0.6, _E: 0.2, _T: -2.0, _F: -1.0},
    ),
    Sign(
        lambda b: _is(b.used_ratio, 0.55),
        lambda b: f"{b.used_ratio:.0%} busy",
        {_T: 0.7, _F: 0.7, _B: 0.8, _D: 0.3, _O: -0.8, _X: -0.6},
    ),
    Sign(
        lambda b: b.used_ratio is not None and 0.05 <= b.used_ratio < 0.35,
        lambda b: f"only {b.used_ratio:.0%} busy",
        {_O: 0.9, _X: 1.0, _E: 0.3, _T: -1.2, _F: -0.9, _B: -0.9, _D: -0.3},
    ),
    Sign(
        lambda b: _is(b.burst_ratio, 2.5),
        lambda b: f"its busiest hour {b.burst_ratio:.1f} times its mean",
        {_O: 0.6, _X: 0.5, _T: -0.6, _B: -0.2},
    ),
)


@functools.lru_cache(65_536)  # a page is brought together anew with every event
def infer(behaviour: Behaviour, soften: float = SOFTEN) -> Inferred:
    """The purpose and profile behaviour shows; without any sign nobody's guess is better."""
    shown = [sign for sign in SIGNS if sign.shows(behaviour)]
    if behaviour.gpu_h < LEAST_GPU_H and not behaviour.requests:
        shown = []
    scores = {one: PRIOR[one] + sum(sign.points.get(one, 0.0) for sign in shown) for one in Purpose}
    shares = _softmax(scores, soften) if shown else dict.fromkeys(Purpose, 1 / len(Purpose))
    best = max(shares, key=lambda one: (shares[one], one))
    activities = _by_activity(shares)
    likeliest = max(activities, key=lambda one: (activities[one], one))
    profile, because = _profile(behaviour)
    is_sure = bool(shown) and activities[likeliest] >= CALLED
    return Inferred(
        purpose=str(best) if shown and shares[best] >= CALLED else None,
        confidence=round(min(shares[best], MOST), 3),
        activity=likeliest if is_sure else None,
        activity_confidence=round(min(activities[likeliest], MOST), 3),
        reason=_reason(shown, behaviour, [one for one in Purpose if OF_PURPOSE[one] == likeliest]),
        profile=profile,
        profile_reason=because,
        shares={str(one): round(share, 4) for one, share in shares.items()},
    )


def disagrees(told: Inferred, declared: Purpose) -> bool:
    """Whether behaviour speaks for another activity, and hardly at all for the declared one.

    Experiments and evaluations run like what they try or test: only one that serves is told.
    """
    own = OF_PURPOSE[declared]
    share = sum(share for one, share in told.shares.items() if OF_PURPOSE[one] == own)
    return (
        told.activity is not None
        and told.activity != own
        and (own != "development" or told.activity == "inference")
        and told.activity_confidence >= SURE
        and share <= UNLIKELY
    )


def _softmax(scores: Mapping[Purpose, float], soften: float) -> dict[Purpose, float]:
    most = max(scores.values())
    raised = {one: math.exp((score - most) / soften) for one, score in scores.items()}
    total = sum(raised.values())
    return {one: value / total for one, value in raised.items()}


def _by_activity(shares: Mapping[Purpose, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one, share in shares.items():
        found[OF_PURPOSE[one]] = found.get(OF_PURPOSE[one], 0.0) + share
    return found


def _reason(shown: Sequence[Sign], seen: Behaviour, of: Sequence[Purpose]) -> str:
    """The signs that speak for one of these purposes, the strongest first."""
    weighed = [(max(sign.points.get(one, 0.0) for one in of), sign) for sign in shown]
    spoken = [sign for points, sign in sorted(weighed, key=lambda one: -one[0]) if points > 0]
    if not shown:
        return "too little was seen of it"
    return "; ".join(sign.said(seen) for sign in spoken) or "nothing speaks for it alone"


def _profile(seen: Behaviour) -> tuple[Profile | None, str]:
    return next(_profiles(seen), (None, "use was not measured"))


def _profiles(seen: Behaviour) -> Iterator[tuple[Profile, str]]:
    """The first that fits."""
    used, tensor, dram = seen.used_ratio, seen.tensor_ratio, seen.dram_ratio
    if used is None:
        return
    if used < 0.02:
        yield Profile.PARKED, f"{used:.1%} busy"
    if tensor is not None and tensor >= 0.25 and tensor >= (dram or 0.0) / 2:
        yield Profile.TENSOR_BOUND, f"tensor cores active {tensor:.0%} of the time"
    if dram is not None and dram >= 0.4 and dram > 2 * (tensor or 0.0):
        yield Profile.MEMORY_BOUND, f"device memory active {dram:.0%} of the time"
    if _is(seen.burst_ratio, 2.5):
        yield Profile.BURSTY, f"its busiest hour {seen.burst_ratio:.1f} times its mean"
    if used >= 0.5:
        yield Profile.COMPUTE_BOUND, f"{used:.0%} busy; tensor and memory activity not measured"
    yield Profile.LIGHT, f"{used:.0%} busy, and steadily so"


def _is(value: float | None, least: float) -> bool:
    return value is not None and value >= least


def _ended(seen: Behaviour) -> bool:
    """Most of it ended while the data went on, and nothing was there with pauses."""
    ended = seen.open_ratio is not None and seen.open_ratio < 0.5
    return ended and (seen.present_ratio is None or seen.present_ratio >= GAPS)


def _length(seen: Behaviour) -> str:
    hours = seen.run_h or 0.0
    return f"{hours:.0f} hours" if hours >= 2 else f"{hours * 60:.0f} minutes"


def _days(seen: Behaviour) -> str:
    return f"{(seen.run_h or 0.0) / 24:.0f} days"


def _listed(words: frozenset[str]) -> str:
    return " and ".join(sorted(words))
