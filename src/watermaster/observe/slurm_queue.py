"""Slurm's queue: what waits and what runs, of `squeue --json` or `scontrol show job`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from watermaster.observe.batches import Row, canonical, moment
from watermaster.observe.slurm_jobs import (
    KIND,
    gpus_of,
    inside,
    labels_of,
    number,
    state_of,
    tres,
)
from watermaster.observe.slurm_standing import Fault, Place, time_text
from watermaster.observe.slurm_words import count, duration_s, records, word

OVER: Final = frozenset({
    "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY",
    "BOOT_FAIL", "DEADLINE", "REVOKED", "SPECIAL_EXIT", "LAUNCH_FAILED",
})  # fmt: skip
Queued = Mapping[str, Any]


def is_queue(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of `jobs` is of squeue --json and not of sacct --json."""
    return "submit_time" in entry


def jobs_of_json(entries: Iterable[Queued], place: Place) -> Iterator[Row | Fault]:
    """`squeue --json`; older versions write plain numbers, newer ones {set, infinite, number}."""
    for held in entries:
        submit = number(held.get("submit_time"))
        if not submit or "job_id" not in held:
            yield "submit_time", str(held)[:200], "is missing; this is no job of squeue --json"
            continue
        limit_min = number(held.get("time_limit"))
        yield from _row(place, {
            "cluster": held.get("cluster"), "id": str(held["job_id"]), "submit_s": submit,
            "array": number(held.get("array_job_id")) or None, "name": held.get("name"),
            "account": held.get("account"), "user": held.get("user_name"),
            "qos": held.get("qos"), "wckey": held.get("wckey"), "comment": held.get("comment"),
            "state": state_of(held.get("job_state")), "reason": held.get("state_reason"),
            "tres": held.get("tres_alloc_str") or held.get("tres_req_str") or "",
            "partition": held.get("partition"), "start_s": number(held.get("start_time")),
            "limit_s": None if limit_min is None else limit_min * 60,
            "priority": number(held.get("priority")), "nodes": held.get("nodes"),
            "reservation": held.get("resv_name"), "tasks": held.get("array_task_string"),
        })  # fmt: skip


def jobs_of_text(lines: Iterable[str], place: Place, cluster: str) -> Iterator[Row | Fault]:
    """`scontrol show job`, where squeue knows no --json; it does not name the cluster."""
    for held in records(lines, "JobId"):
        submit = place.epoch(held.get("SubmitTime"))
        if submit is None:
            yield "SubmitTime", held.get("SubmitTime", ""), f"is no time; job {held['JobId']}"
            continue
        tasks = held.get("ArrayTaskId", "")
        yield from _row(place, {
            "cluster": cluster, "id": held["JobId"], "submit_s": submit,
            "array": held.get("ArrayJobId"), "name": held.get("JobName"),
            "account": held.get("Account"), "user": held.get("UserId", "").partition("(")[0],
            "qos": held.get("QOS"), "wckey": held.get("WCKey"), "comment": held.get("Comment"),
            "state": held.get("JobState", "UNKNOWN"), "reason": held.get("Reason"),
            "tres": held.get("AllocTRES") or held.get("TRES") or held.get("ReqTRES") or "",
            "partition": held.get("Partition"), "start_s": place.epoch(held.get("StartTime")),
            "limit_s": duration_s(held.get("TimeLimit")),
            "priority": count(held.get("Priority")), "nodes": held.get("NodeList"),
            "reservation": held.get("Reservation"), "tasks": "" if tasks.isdigit() else tasks,
        })  # fmt: skip


def _row(place: Place, job: Queued) -> Iterator[Row]:
    """One job that waits or runs; of a waiting array, its tasks together."""
    if job["state"] in OVER:
        return
    start, is_waiting = job["start_s"] or None, job["state"] == "PENDING"
    limit, gpus = job["limit_s"], gpus_of(tres(job["tres"]))
    about = {
        "partition": job["partition"], "reason": word(job["reason"]),
        "priority": job["priority"], "time_limit_s": limit, "nodes": word(job["nodes"]),
        "reservation": word(job["reservation"]), "array_tasks": word(job["tasks"]),
        "expected_start": time_text(start) if is_waiting else None,
        "ends_by": time_text(start + limit) if start and limit and not is_waiting else None,
    }  # fmt: skip
    labels = labels_of(job["qos"], job["wckey"], job["comment"], _array(job))
    labels |= inside(job["reservation"])
    since = place.at_s - place.at_s % 86400
    yield place.row(
        KIND, f"{word(job['cluster']) or place.platform}:{job['id']}:{job['submit_s']}", about,
        name=job["name"] or "", account=word(job["account"]), creator=word(job["user"]),
        labels=canonical(labels | ({"partition": job["partition"]} if job["partition"] else {})),
        state=job["state"].lower(), created_at=moment(job["submit_s"]),
        first_seen=moment(min(max(job["submit_s"], since), place.at_s)),
        gpus=sum(gpus.values()), accelerator=",".join(sorted(m for m in gpus if m)) or None,
    )  # fmt: skip


def _array(job: Queued) -> str:
    """As accounting names a task, so that the label `array` is the same."""
    return f"{job['array']}_" if job["array"] else job["id"]
