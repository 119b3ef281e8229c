"""Jobs as rows: subjects by day, runs, and the GPU-seconds they held on each node and hour."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, canonical, day_text, moment, seen, seen_rows
from watermaster.observe.hostlist import expand
from watermaster.observe.slurm_jobs import KIND, Job
from watermaster.observe.slurm_nodes import Node, times
from watermaster.observe.spread import DAY_S, Interval, cut, wm_hours

UTILISATION_FIELD: Final = "GPU_UTIL"  # what Slurm's gpuutil reads from the driver
AGAIN: Final = frozenset({"REQUEUED", "PREEMPTED", "NODE_FAIL", "REQUEUE_HOLD", "RESIZING"})


@dataclass
class Scope:
    """Of what cluster, which time, with which nodes; and attempts that went before."""

    platform: str
    during: Interval
    nodes: Mapping[str, Node]
    attempts: dict[str, int] = field(default_factory=dict)  # only jobs that were put back
    told: set[tuple[str, int]] = field(default_factory=set)  # their subjects' days
    queued: dict[tuple[str, str, str], Row] = field(default_factory=dict)  # not told so far


@dataclass(frozen=True, slots=True)
class Piece:
    """GPUs of one model on one node held by one job."""

    uid: str
    node: str
    model: str | None
    gpus: int
    during: Interval
    used_ratio: float | None


def rows_of(jobs: Sequence[Job], scope: Scope) -> Iterator[Seen]:
    """subjects, runs and gpu_hours of these jobs, inside the scope's time."""
    yield from seen_rows("runs", [row for job in jobs for row in _run(job, scope)])
    yield from _subjects([job for job in jobs if job.start_s is not None], scope)
    pieces = [piece for job in jobs for piece in _pieces(job, scope)]
    if pieces:
        yield _gpu_hours(pieces, scope.platform)


def uid_of(job: Job, platform: str) -> str:
    """cluster:jobid:submit; the submit time parts job numbers that Slurm used again."""
    return f"{job.cluster or platform}:{job.raw_id}:{job.submit_s}"


def _run(job: Job, scope: Scope) -> Iterator[dict[str, Any]]:
    attempt = _attempt(job, scope)
    last = job.until_s
    if last is None or not scope.during[0] <= last < scope.during[1]:
        return
    models = sorted(model for model in job.gpus if model)
    yield {
        "day": day_text(last),
        "platform": scope.platform,
        "subject_kind": KIND,
        "subject_uid": uid_of(job, scope.platform),
        "attempt": attempt,
        "name": job.name,
        "account": job.account,
        "user": job.user,
        "partition": job.partition,
        "state": job.state,
        "submitted_at": moment(job.submit_s),
        "started_at": moment(job.start_s),
        "ended_at": moment(job.end_s),
        "nodes": ",".join(expand(job.nodes)) or None,
        "gpus": sum(job.gpus.values()),
        "model": ",".join(models) or None,
        "exit_code": job.exit_code,
    }


def _attempt(job: Job, scope: Scope) -> int:
    before = scope.attempts.get(job.raw_id, 0)
    if job.state in AGAIN or before:
        scope.attempts[job.raw_id] = before + 1
    return before if job.restarts is None else job.restarts


def _subjects(jobs: Sequence[Job], scope: Scope) -> Iterator[Seen]:
    """One row per job and day it ran."""
    starts = np.array([max(job.start_s or 0, scope.during[0]) for job in jobs], np.int64)
    ends = np.array([min(job.until_s or 0, scope.during[1]) for job in jobs], np.int64)
    rows = []
    for place, day, seconds in zip(
        *(column.tolist() for column in cut(starts, ends, DAY_S)), strict=True
    ):
        job, first = jobs[place], max(int(starts[place]), day)
        uid = uid_of(job, scope.platform)
        if job.raw_id in scope.attempts:
            if (uid, day) in scope.told:
                continue
            scope.told.add((uid, day))
        queued = scope.queued.pop((day_text(day), KIND, uid), {})
        rows.append(
            {
                "day": day_text(day),
                "platform": scope.platform,
                "subject_kind": KIND,
                "subject_uid": uid,
                "name": job.name,
                "account": job.account,
                "creator": job.user,
                "labels": canonical(dict(job.labels) | _partition(job)),
                "first_seen": moment(first),
                "last_seen": moment(first + seconds),
                "state": _state_on(job, first + seconds),
                "created_at": moment(job.submit_s),
                "gpus": sum(job.gpus.values()),
                "accelerator": ",".join(sorted(model for model in job.gpus if model)) or None,
                "attributes": queued.get("attributes"),
            }
        )
    yield from seen_rows("subjects", rows)


def _state_on(job: Job, seen_s: int) -> str:
    """It ran on every day but the last, where it is as accounting has it."""
    return job.state.lower() if seen_s >= (job.until_s or 0) else "running"


def _partition(job: Job) -> dict[str, str]:
    return {"partition": job.partition} if job.partition else {}


def _pieces(job: Job, scope: Scope) -> Iterator[Piece]:
    """GPUs are spread evenly over the nodes; a remainder goes to the first ones."""
    start, end = job.start_s, job.until_s
    if start is None or end is None or not job.gpus:
        return
    nodes = expand(job.nodes)
    during = max(start, scope.during[0]), min(end, scope.during[1])
    for model, gpus in job.gpus.items():
        able = [name for name in nodes if _has(scope.nodes.get(name), model)] or nodes
        for place, name in enumerate(able):
            here = gpus // len(able) + (place < gpus % len(able))
            if here:
                told = model or _only_model(scope.nodes.get(name))
                uid = uid_of(job, scope.platform)
                yield Piece(uid, name, told, here, during, job.used_ratio)


def _has(node: Node | None, model: str) -> bool:
    return node is not None and (not model or model in node.gpus)


def _only_model(node: Node | None) -> str | None:
    return next(iter(node.gpus)) or None if node and len(node.gpus) == 1 else None


def _gpu_hours(pieces: Sequence[Piece], platform: str) -> Seen:
    starts = np.array([piece.during[0] for piece in pieces], np.int64)
    ends = np.array([piece.during[1] for piece in pieces], np.int64)
    position, hour, seconds = wm_hours(starts, ends)
    reserved = seconds * np.array([piece.gpus for piece in pieces], np.int64)[position]
    ratio = pa.array([piece.used_ratio for piece in pieces], pa.float64()).take(pa.array(position))
    used = pc.round(pc.multiply(ratio, pa.array(reserved, pa.float64()))).cast(pa.int64())
    of = pa.array(position)
    columns = {
        "day": [day_text(one) for one in hour.tolist()],
        "platform": pa.repeat(platform, len(position)),
        "node": pa.array([piece.node for piece in pieces], pa.string()).take(of),
        "hour": times(hour),
        "subject_kind": pa.repeat(KIND, len(position)),
        "subject_uid": pa.array([piece.uid for piece in pieces], pa.string()).take(of),
        "model": pa.array([piece.model for piece in pieces], pa.string()).take(of),
        "reserved_s": reserved,
        "used_s": used,
        "utilisation_field": pc.if_else(pc.is_valid(used), UTILISATION_FIELD, None),
    }
    return seen("gpu_hours", columns, len(position))
