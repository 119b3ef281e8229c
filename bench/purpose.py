"""How right the inferred purpose is, and how sure it may be.

Three real traces under ../shared/data (skipped where absent) and the simulated company. What each
trace carries: Philly (82,248 jobs) has start, duration and GPUs, and no label: all of it is deep
learning, so `training` is a proxy. Alibaba openb 2023 has GPUs, times, the phase in which a pod
went and its QoS class: LS (latency sensitive) is a proxy for inference, BE (best effort) for batch
or development. Alibaba GenAI 2026 is a serving system: `inference` is true of all its containers,
which have GPU duty cycle, and requests that one half of the run is shown and the other is not. The
simulated company knows the true purpose of every workload; its look of things is our own.
No point of the scorecard is fitted to any of them.
"""

import argparse
import csv
import gzip
import io
import itertools
import math
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from figures import Figure, run
from tests.testing.purposes import Case, planted_purposes
from watermaster.decide.cost.activity import OF_PURPOSE
from watermaster.decide.estate.purpose import disagrees, infer
from watermaster.model.behaviour import Behaviour
from watermaster.model.resources import Purpose

SHARED = Path(__file__).resolve().parents[2] / "shared/data/placement"
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
ACTIVITIES = ("training", "inference", "batch", "development")
HOUR_S = 3600
SCALES = (0.7, 0.85, 1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True, slots=True)
class Told:
    """One case beside what was inferred of it."""

    truth: frozenset[str]
    activity: str
    confidence: float
    is_called: bool
    weight: float


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Traces first, then the simulated company."""
    for name, read in (("philly", philly), ("openb", openb), ("genai", genai),
                       ("genai_no_requests", genai_silent)):  # fmt: skip
        try:
            cases = list(read())
        except FileNotFoundError as missing:
            yield _figure(name, None, f"skipped: {missing.filename} is not there")
            continue
        yield from scored(name, cases, chosen)
    cases = [one for seed in range(chosen.seed, chosen.seed + chosen.seeds)
             for one in simulated(seed)]  # fmt: skip
    yield from scored("simulated", cases, chosen)
    yield from by_activity(cases)
    yield from wrong_declarations(cases)


# ---- the cases ----


def philly() -> Iterator[Case]:
    """Every job: it ran for so long on so many GPUs, and ended."""
    with gzip.open(SHARED / "traces/philly/philly.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            hours, gpus = float(row["duration"]) / HOUR_S, float(row["num_gpus"])
            seen = Behaviour(gpus=gpus, gpu_h=hours * gpus, run_h=hours, present_ratio=1.0,
                             open_ratio=0.0)  # fmt: skip
            yield Case(seen, frozenset({"training"}), hours * gpus)


def openb() -> Iterator[Case]:
    """Pods with GPUs that ran; one that was deleted while it ran did not end by itself."""
    truths = {"LS": frozenset({"inference"}), "BE": frozenset({"batch", "development"})}
    with (SHARED / "openb2023/openb_pod_list_default.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["qos"] not in truths or not row["scheduled_time"] or row["num_gpu"] == "0":
                continue
            hours = (float(row["deletion_time"]) - float(row["scheduled_time"])) / HOUR_S
            part = float(row["gpu_milli"]) / 1000
            gpus = part if row["num_gpu"] == "1" else float(row["num_gpu"])
            seen = Behaviour(gpus=gpus, gpu_h=hours * gpus, run_h=hours, present_ratio=1.0,
                             open_ratio=float(row["pod_phase"] == "Running"))  # fmt: skip
            yield Case(seen, truths[row["qos"]], hours * gpus)


def genai() -> Iterator[Case]:
    """Containers with one GPU: duty cycle by hour, and the requests they answered."""
    asked = Counter(row["container_ip"] for row in _rows("pipeline_inference_data_anon"))
    use: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in _rows("pod_gpu_duty_cycle_anon"):
        use[row["container_ip"]].append((float(row["timestamp_anon"]), float(row["value"]) / 100))
    end = max(at for samples in use.values() for at, _ in samples)
    for name, samples in use.items():
        first, last = min(samples)[0], max(samples)[0]
        hours = (last - first) / HOUR_S
        by_hour: defaultdict[int, list[float]] = defaultdict(list)
        for at, value in samples:
            by_hour[int(at // HOUR_S)].append(value)
        means = [sum(held) / len(held) for held in by_hour.values()]
        mean = sum(means) / len(means)
        seen = Behaviour(
            gpus=1.0, gpu_h=hours, run_h=hours, used_ratio=mean, requests=asked.get(name) or None,
            burst_ratio=max(means) / mean if mean else None, open_ratio=float(last > end - HOUR_S),
            present_ratio=len(by_hour) / (last // HOUR_S - first // HOUR_S + 1),
        )  # fmt: skip
        yield Case(seen, frozenset({"inference"}), hours)


def genai_silent() -> Iterator[Case]:
    """The same containers, as they look where nobody counts requests."""
    return (replace(one, seen=replace(one.seen, requests=None)) for one in genai())


def _rows(name: str) -> Iterator[Mapping[str, str]]:
    with tarfile.open(SHARED / f"traces/alibaba_genai2026/{name}.tar.gz") as packed:
        member = next(one for one in packed.getmembers() if one.name.endswith(f"{name}.csv")
                      and not Path(one.name).name.startswith("."))  # fmt: skip
        held = packed.extractfile(member)
        yield from csv.DictReader(io.TextIOWrapper(held, "utf-8")) if held else ()


def simulated(seed: int) -> list[Case]:
    """Every workload of one month of the small company that held a GPU."""
    with tempfile.TemporaryDirectory() as folder:
        return planted_purposes(seed, Path(folder))


# ---- the scores ----


def scored(name: str, cases: list[Case], chosen: argparse.Namespace) -> Iterator[Figure]:
    """Confusion, what is called and how right that is, and whether it is as sure as it may be."""
    told = [_told(one) for one in cases]
    if not chosen.json:
        print(f"\n{name}: truth by inferred activity, cases (share of GPU time)")
        _confusion(told)
        print(f"{name}: how sure, and how right")
        _reliability(told)
    called = [one for one in told if one.is_called]
    hours = sum(one.weight for one in told) or 1.0
    right = [one for one in called if one.activity in one.truth]
    yield _figure(f"{name}_cases", len(told), "cases")
    yield _figure(f"{name}_called", _share(len(called), len(told)), "of cases")
    yield _figure(f"{name}_right_of_called", _share(len(right), len(called)), "of those called")
    yield _figure(f"{name}_called_gpu_h", _share(sum(one.weight for one in called), hours),
                  "of GPU time")  # fmt: skip
    yield _figure(f"{name}_right_of_called_gpu_h",
                  _share(sum(one.weight for one in right), sum(one.weight for one in called)),
                  "of the GPU time called")  # fmt: skip
    yield _figure(
        f"{name}_calibration_error",
        _calibration(called),
        "mean |said - right| by bin, of those called",
    )
    for scale in SCALES if chosen.scan else ():
        loss = sum(_loss(one, scale) for one in cases) / len(cases)
        yield _figure(f"{name}_log_loss_at_{scale}", round(loss, 3), "nats")


def _told(one: Case) -> Told:
    found = infer(one.seen)
    shares = _activities(found.shares)
    best = max(shares, key=lambda name: (shares[name], name))
    return Told(one.truth, best, found.activity_confidence, found.activity is not None, one.weight)


def _activities(shares: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for name, share in shares.items():
        found[OF_PURPOSE[name]] += share
    return found


def _loss(one: Case, scale: float) -> float:
    shares = _activities(infer(one.seen, scale).shares)
    return -math.log(max(sum(shares[name] for name in one.truth), 1e-6))


def _confusion(told: Iterable[Told]) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    hours: defaultdict[tuple[str, str], float] = defaultdict(float)
    for one in told:
        key = "/".join(sorted(one.truth)), one.activity if one.is_called else "not called"
        counts[key] += 1
        hours[key] += one.weight
    total = sum(hours.values()) or 1.0
    columns = (*ACTIVITIES, "not called")
    print(f"  {'truth':<20}" + "".join(f"{name:>18}" for name in columns))
    for truth in sorted({key[0] for key in counts}):
        cells = (f"{counts[truth, name]:,} ({hours[truth, name] / total:.0%})" for name in columns)
        print(f"  {truth:<20}" + "".join(f"{cell:>18}" for cell in cells))


def _bins(told: Iterable[Told]) -> Iterator[tuple[str, list[Told]]]:
    held = list(told)
    for low, high in itertools.pairwise(BINS):
        inside = [one for one in held if low <= one.confidence < high]
        if inside:
            yield f"{low:.0%} to {min(high, 1):.0%}", inside


def _sure_right(held: list[Told]) -> tuple[float, float]:
    right = sum(one.activity in one.truth for one in held) / len(held)
    return sum(one.confidence for one in held) / len(held), right


def _reliability(told: Iterable[Told]) -> None:
    print(f"  {'said':<14}{'cases':>10}{'mean said':>12}{'right':>9}")
    for name, held in _bins(told):
        said, right = _sure_right(held)
        print(f"  {name:<14}{len(held):>10,}{said:>12.0%}{right:>9.0%}")


def _calibration(told: list[Told]) -> float:
    bins = ((len(held), *_sure_right(held)) for _, held in _bins(told))
    return round(sum(n * abs(said - right) for n, said, right in bins) / max(len(told), 1), 3)


def by_activity(cases: list[Case]) -> Iterator[Figure]:
    """Precision and recall of each activity and, of those named, of each purpose."""
    told = [(one, infer(one.seen)) for one in cases]
    for name in ACTIVITIES:
        mine = [one for one, found in told if found.activity == name]
        true = sum(1 for one in cases if name in one.truth)
        right = sum(1 for one in mine if name in one.truth)
        yield _figure(f"simulated_{name}_precision", _share(right, len(mine)), f"of {len(mine)}")
        yield _figure(f"simulated_{name}_recall", _share(right, true), f"of {true}")
    named = [(one, found) for one, found in told if found.purpose]
    right = sum(1 for one, found in named if found.purpose == one.purpose)
    yield _figure("simulated_purpose_precision", _share(right, len(named)), f"of {len(named)}")
    yield _figure("simulated_purpose_recall", _share(right, len(cases)), f"of {len(cases)}")


def wrong_declarations(cases: list[Case]) -> Iterator[Figure]:
    """`purpose-disagrees` where the declared purpose is true, and where it is of another activity.

    The wrong ones are every purpose of the opposite of training and inference.
    """
    false = sum(1 for one in cases if one.purpose and disagrees(infer(one.seen), one.purpose))
    yield _figure("simulated_false_alarms", false, f"of {len(cases)} true declarations")
    opposite = {"training": Purpose.ONLINE_INFERENCE, "inference": Purpose.TRAINING}
    swapped = [(one, opposite[name]) for one in cases for name in one.truth if name in opposite]
    found = sum(1 for one, wrong in swapped if disagrees(infer(one.seen), wrong))
    yield _figure("simulated_swapped_found", _share(found, len(swapped)),
                  f"of {len(swapped)} training and serving declared as the other")  # fmt: skip


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 3) if whole else None


def _figure(name: str, value: float | None, unit: str) -> Figure:
    return Figure(bench="purpose", figure=name, value=value, unit=unit)


if __name__ == "__main__":
    sys.exit(run(measure, "seeds=20", "seed=1", "scan=0"))
