"""Job records of Slurm's accounting, read from `sacct --parsable2` or `sacct --json`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from watermaster.observe.times import epoch_of

KIND: Final = "slurm-job"
GPU: Final = "gres/gpu"
UTILISATION: Final = "gres/gpuutil"
FIELDS: Final = (
    "Cluster,JobID,JobIDRaw,JobName,Account,User,Partition,QOS,WCKey,Comment,State,ExitCode,"
    "Submit,Start,End,ElapsedRaw,NNodes,NodeList,AllocTRES,ReqTRES,TRESUsageInAve,Reservation"
)
NEEDED: Final = ("JobID", "State", "Submit", "Start", "End", "AllocTRES", "NodeList")
_NO_VALUE: Final = frozenset({"", "Unknown", "None", "None assigned", "N/A", "(null)"})
Fault = tuple[str, str, str]  # column, value, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt of one job; times in epoch seconds."""

    cluster: str | None
    job_id: str  # 17, or 17_2 for a task of an array
    raw_id: str  # always a plain number
    name: str
    account: str | None
    user: str | None
    partition: str | None
    state: str
    exit_code: str | None
    submit_s: int
    start_s: int | None  # None: never ran
    end_s: int | None  # None: still runs, or is held
    elapsed_s: int | None
    nodes: str  # Slurm's short form
    gpus: Mapping[str, int]  # model ("" where Slurm does not say) to GPUs over all nodes
    labels: Mapping[str, str]
    restarts: int | None = None
    used_ratio: float | None = None  # mean GPU utilisation of its steps, 0..1

    @property
    def until_s(self) -> int | None:
        """When it ended, or up to when it was seen to run."""
        if self.start_s is None or self.end_s is not None:
            return self.end_s
        return self.start_s + (self.elapsed_s or 0)


# ---- sacct --parsable2 ----


def jobs_of_text(records: Iterable[list[str]], zone: str) -> Iterator[tuple[int, Job | Fault]]:
    """Row number with each job, or with what is wrong with the row; steps join their job."""
    records = iter(records)
    names = next(records)
    held: tuple[int, Job] | None = None
    steps: list[tuple[int, float]] = []
    for number, cells in enumerate(records, start=1):
        if len(cells) != len(names):
            reason = f"has {len(cells)} cells where the header has {len(names)}"
            yield number, ("", "|".join(cells), f"{reason}; use --parsable2 and a free separator")
            continue
        row = dict(zip(names, cells, strict=True))
        if "." in row["JobID"]:
            steps += _use_of_step(row)
            continue
        if held:
            yield held[0], _with_use(held[1], steps)
        held, steps = None, []
        made = _job_of_row(row, zone)
        if isinstance(made, Job):
            held = number, made
        else:
            yield number, made
    if held:
        yield held[0], _with_use(held[1], steps)


def _use_of_step(row: Mapping[str, str]) -> Iterator[tuple[int, float]]:
    used = tres(row.get("TRESUsageInAve", "")).get(UTILISATION)
    elapsed = row.get("ElapsedRaw", "")
    if used is not None and elapsed.isdigit():
        yield int(elapsed), used / 100


def _with_use(job: Job, steps: list[tuple[int, float]]) -> Job:
    """Utilisation of the steps by the time each took."""
    seconds = sum(elapsed for elapsed, _ in steps)
    if not seconds:
        return job
    mean = sum(elapsed * used for elapsed, used in steps) / seconds
    return replace(job, used_ratio=min(mean, 1.0))


def _job_of_row(row: Mapping[str, str], zone: str) -> Job | Fault:
    times: dict[str, int | None] = {}
    for column in ("Submit", "Start", "End"):
        text = row[column]
        times[column] = None if text in _NO_VALUE else epoch_of(text, zone)
        if times[column] is None and text not in _NO_VALUE:
            return column, text, "is no time; run sacct with SLURM_TIME_FORMAT=%s or standard"
    submit = times["Submit"]
    if submit is None:
        return "Submit", row["Submit"], "is empty; ask sacct for Submit"
    elapsed, restarts = row.get("ElapsedRaw", ""), row.get("Restarts", "")
    return Job(
        cluster=_text(row.get("Cluster")),
        job_id=row["JobID"],
        raw_id=row.get("JobIDRaw") or row["JobID"],
        name=row.get("JobName", ""),
        account=_text(row.get("Account")),
        user=_text(row.get("User")),
        partition=_text(row.get("Partition")),
        state=row["State"].split(" ")[0],  # CANCELLED by 1000
        exit_code=_text(row.get("ExitCode")),
        submit_s=submit,
        start_s=times["Start"],
        end_s=times["End"],
        elapsed_s=int(elapsed) if elapsed.isdigit() else None,
        nodes="" if row["NodeList"] in _NO_VALUE else row["NodeList"],
        gpus=gpus_of(tres(row["AllocTRES"]) or tres(row.get("ReqTRES", ""))),
        labels=labels_of(row.get("QOS"), row.get("WCKey"), row.get("Comment"), row["JobID"])
        | inside(row.get("Reservation")),
        restarts=int(restarts) if restarts.isdigit() else None,
    )


def _text(value: str | None) -> str | None:
    return None if value is None or value in _NO_VALUE else value


def labels_of(
    qos: str | None, wckey: str | None, comment: str | None, job_id: str
) -> dict[str, str]:
    """qos, wckey, comment, the array, and every key=value a comment holds."""
    found = {"qos": qos, "wckey": (wckey or "").lstrip("*"), "comment": comment}
    found["array"] = job_id.split("_", maxsplit=1)[0] if "_" in job_id else None
    pairs = [part.partition("=") for part in (comment or "").replace(";", ",").split(",")]
    return {
        **{key.strip(): value.strip() for key, equals, value in pairs if equals and key.strip()},
        **{key: value for key, value in found.items() if value and value not in _NO_VALUE},
    }


def inside(reservation: str | None) -> dict[str, str]:
    """The label of a job that ran, or waits to run, inside a reservation."""
    held = _text(reservation)
    return {"reservation": held} if held else {}


def tres(text: str) -> dict[str, int]:
    """Trackable resources that are plain counts: `cpu=4,gres/gpu:h100=2` and the like."""
    pairs = (part.partition("=") for part in text.split(","))
    return {key: int(value) for key, _, value in pairs if value.isdigit()}


def gpus_of(counts: Mapping[str, int]) -> dict[str, int]:
    """GPUs by model; what the total has beyond the typed ones is of the model ""."""
    typed = {k.partition(":")[2]: n for k, n in counts.items() if k.startswith(GPU + ":") and n}
    rest = counts.get(GPU, 0) - sum(typed.values())
    return typed | {"": rest} if rest > 0 else typed


# ---- sacct --json ----


def job_of_json(held: Mapping[str, Any]) -> Job | Fault:
    """One entry of `jobs`; data parser versions differ in where they put numbers and states."""
    time = held.get("time") or {}
    submit = number(time.get("submission"))
    if not submit or "job_id" not in held:
        return "time.submission", str(time)[:200], "is missing; this is no job of sacct --json"
    task = number((held.get("array") or {}).get("task_id"))
    raw, parent = str(held["job_id"]), number((held.get("array") or {}).get("job_id"))
    job_id = f"{parent}_{task}" if parent and task is not None else raw
    counts = _counts((held.get("tres") or {}).get("allocated"))
    counts = counts or _counts((held.get("tres") or {}).get("requested"))
    wckey, comment = held.get("wckey"), held.get("comment")
    job = Job(
        cluster=_text(held.get("cluster")),
        job_id=job_id,
        raw_id=raw,
        name=held.get("name") or "",
        account=_text(held.get("account")),
        user=_text(held.get("user")),
        partition=_text(held.get("partition")),
        state=state_of((held.get("state") or {}).get("current")),
        exit_code=_exit_code(held.get("exit_code")),
        submit_s=submit,
        start_s=number(time.get("start")) or None,
        end_s=number(time.get("end")) or None,
        elapsed_s=number(time.get("elapsed")),
        nodes="" if held.get("nodes") in _NO_VALUE else held.get("nodes") or "",
        gpus=gpus_of(counts),
        labels=labels_of(
            held.get("qos"),
            wckey.get("wckey") if isinstance(wckey, dict) else wckey,
            comment.get("job") if isinstance(comment, dict) else comment,
            job_id,
        )
        | inside((held.get("reservation") or {}).get("name")),
        restarts=number(held.get("restart_cnt")),
    )
    return _with_use(job, [use for step in held.get("steps") or [] for use in _use(step)])


def number(value: Any) -> int | None:
    """A number, or the newer {set, infinite, number}."""
    if isinstance(value, dict):
        return value.get("number") if value.get("set") else None
    return value if isinstance(value, int) else None


def state_of(value: Any) -> str:
    """The first of the states; newer versions list a base state and its flags."""
    return value[0] if isinstance(value, list) and value else str(value or "UNKNOWN")


def _exit_code(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    signal = number((value.get("signal") or {}).get("signal_id") or 0)
    signal = signal if signal is not None else number((value.get("signal") or {}).get("id"))
    return f"{number(value.get('return_code')) or 0}:{signal or 0}"


def _counts(entries: Any) -> dict[str, int]:
    """Trackable resources by the name parsable text gives them."""
    found = {}
    for entry in entries or []:
        name = f"/{entry['name']}" if entry.get("name") else ""
        if isinstance(entry.get("count"), int):
            found[entry["type"] + name] = entry["count"]
    return found


def _use(step: Mapping[str, Any]) -> Iterator[tuple[int, float]]:
    consumed = ((step.get("tres") or {}).get("consumed") or {}).get("average")
    used, elapsed = _counts(consumed).get(UTILISATION), (step.get("time") or {}).get("elapsed")
    if used is not None and number(elapsed):
        yield number(elapsed) or 0, used / 100
