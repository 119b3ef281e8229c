"""Slurm's accounting as text: jobs by month, the list of nodes, and when nodes were down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from watermaster.testing.simulate.company import GPUS_A_NODE, Cluster
from watermaster.testing.simulate.plan import Plan, slip
from watermaster.testing.simulate.work import Booking

FIELDS: Final = (
    "Cluster", "JobID", "JobIDRaw", "JobName", "Account", "User", "Partition", "QOS", "WCKey",
    "Comment", "State", "ExitCode", "Submit", "Start", "End", "ElapsedRaw", "NNodes", "NodeList",
    "AllocTRES", "ReqTRES", "TRESUsageInAve",
)  # fmt: skip
NAME_NOISE: Final = 0.05  # of jobs: the name misspelt or left at the default
STATES: Final = (("COMPLETED", "0:0"), ("FAILED", "1:0"), ("TIMEOUT", "0:0"), ("CANCELLED", "0:15"))


def write_slurm(plan: Plan, cluster: Cluster, folder: Path) -> None:
    """`sacct-2026-10.txt` with the jobs that ended in the month, `nodes.csv`, `events.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    held = sorted(plan.work[cluster.name], key=lambda one: (one.end_s, one.start_s, one.nodes))
    for month in plan.when.months:
        days = plan.when.days_of(month)
        start, end = plan.when.at(days[0]), plan.when.at(days[-1] + 1)
        mine = [(n, one) for n, one in enumerate(held) if start < one.end_s <= end]
        dice = np.random.default_rng([plan.order.seed, 21, days[0]])
        rows = [row for n, one in mine for row in _job(dice, cluster, n, one)]
        _write(folder / f"sacct-{month}.txt", [FIELDS, *rows])
    nodes = [(name, str(GPUS_A_NODE), "h100", "gpu") for name in cluster.nodes]
    text = "".join(",".join(row) + "\n" for row in [("node", "gpus", "model", "partition"), *nodes])
    (folder / "nodes.csv").write_text(text, encoding="utf-8")
    _write(folder / "events.txt", [_EVENT, *_events(plan, cluster)])


def _job(
    dice: np.random.Generator, cluster: Cluster, number: int, one: Booking
) -> Iterator[tuple[str, ...]]:
    job_id, skew = str(100_000 + number), int(dice.integers(0, 3))
    start, end = one.start_s + skew, one.end_s
    gpus = one.gpus * len(one.nodes)
    tres = f"billing={gpus},cpu={gpus * 12},gres/gpu:h100={gpus},gres/gpu={gpus},mem={gpus * 120}G"
    nodes = ",".join(cluster.nodes[node] for node in one.nodes)
    state, code = STATES[int(dice.choice(4, p=(0.86, 0.07, 0.03, 0.04)))]
    common = (
        one.group, f"svc-{one.group}", "gpu", "normal", "", "", state, code,
        str(start - int(dice.integers(30, 7200))), str(start), str(end), str(end - start),
        str(len(one.nodes)), nodes,
    )  # fmt: skip
    yield (cluster.name, job_id, job_id, _name(dice, one), *common, tres, tres, "")
    step = f"cpu=00:00:00,gres/gpuutil={round(one.busy * 100)},gres/gpumem=61000M"
    yield (cluster.name, f"{job_id}.0", f"{job_id}.0", "python", *common, tres, "", step)


def _name(dice: np.random.Generator, one: Booking) -> str:
    drawn = dice.random()
    if drawn < NAME_NOISE / 2:
        return "wrap"  # what sbatch --wrap calls a job
    return slip(one.name) if drawn < NAME_NOISE else one.name


_EVENT: Final = ("NodeName", "TimeStart", "TimeEnd", "State", "Reason", "User")


def _events(plan: Plan, cluster: Cluster) -> Iterator[tuple[str, ...]]:
    for one in sorted(plan.down, key=lambda held: held.start_s):
        if one.cluster == cluster.name:
            name = cluster.nodes[one.node]
            yield (name, str(one.start_s), str(one.end_s), "DOWN", "GPU fell off the bus", "root")


def _write(path: Path, rows: list[tuple[str, ...]]) -> None:
    path.write_text("".join("|".join(row) + "\n" for row in rows), encoding="utf-8")
