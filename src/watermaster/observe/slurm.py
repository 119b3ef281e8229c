"""Slurm's accounting: jobs with the GPUs they held, and what the nodes offered.

The location is a file or folder with saved text, told apart by content (sacct --parsable2, sacct
--json, scontrol show node, sinfo, sacctmgr show event, a declared list of nodes), or `sacct:` to
ask the commands themselves, `sacct:CLUSTER` for another cluster of the same accounting.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, rejection, seen_rows
from watermaster.observe.files import Found, first_line, found_files, lines_of, records_of
from watermaster.observe.json_stream import entries
from watermaster.observe.slurm_commands import Commands
from watermaster.observe.slurm_hours import Scope, rows_of
from watermaster.observe.slurm_jobs import NEEDED, Fault, Job, job_of_json, jobs_of_text
from watermaster.observe.slurm_nodes import (
    Node,
    Outage,
    nodes_of_scontrol,
    nodes_of_sinfo,
    nodes_of_table,
    outages_of,
    supply,
)
from watermaster.observe.spread import DAY_S, Interval
from watermaster.observe.times import epoch_of
from watermaster.units.periods import Period

JOBS_AT_ONCE: Final = 5_000
LIVE: Final = "sacct:"
_ORDER: Final = ("scontrol", "sinfo", "nodes", "events", "json", "text")
Told = tuple[str, str]  # delivery and file name
Numbered = tuple[int, Job | Fault]


@dataclass
class Reading:
    """What has been read so far; jobs are not kept."""

    scope: Scope
    told: set[int] = field(default_factory=set)  # jobs of files read before
    first_end_s: int | None = None
    last_s: int | None = None
    running_s: int | None = None  # up to when jobs that still run were seen
    written_s: int | None = None  # when the newest file of jobs was written

    def note(self, job: Job) -> None:
        """The jobs tell which time the accounting was asked for."""
        until = job.until_s
        if until is None or job.start_s is None:
            return
        self.first_end_s = min(until, self.first_end_s or until)
        self.last_s = max(until, self.last_s or until)
        if job.end_s is None:
            self.running_s = max(until, self.running_s or until)

    def observed(self) -> Interval | None:
        """A job was listed because it ended after the start of what was asked for; so the day
        of the first end is covered whole, and the last day up to where running jobs were seen,
        but not beyond the moment the file was written.
        """
        if self.first_end_s is None or self.last_s is None:
            return None
        until = self.running_s or -(-self.last_s // DAY_S) * DAY_S
        known = max(self.written_s or until, self.last_s)
        return self.first_end_s // DAY_S * DAY_S, min(until, known)


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Jobs and nodes of one Slurm cluster: subjects, runs, gpu_hours, gpu_supply, rejected."""
    asked = int(window.start.timestamp()), int(window.end.timestamp())
    if source.location.startswith(LIVE):
        yield from _live(source, asked, tell)
    else:
        yield from _saved(source, asked, tell)


def _live(source: SourceSpec, asked: Interval, tell: Tell) -> Iterator[Seen]:
    cluster = source.location.removeprefix(LIVE)
    until = min(asked[1], int(time.time()))
    commands = Commands(cluster, asked)  # up to now it would leave out what just ended
    nodes = {node.name: node for node in nodes_of_scontrol(commands.nodes())}
    name = source.platform or cluster or commands.cluster_name()
    reading = Reading(Scope(name, asked, nodes))
    tell(Progress(0, None, "jobs", "sacct"))
    numbered = jobs_of_text(records_of(commands.jobs(), "|"), "UTC")
    yield from _jobs(reading, numbered, ("", "sacct"), tell)
    outages = list(outages_of(records_of(commands.events(), "|"), "UTC"))
    yield from supply(nodes.values(), outages, (asked[0], until), name)


def _saved(source: SourceSpec, asked: Interval, tell: Tell) -> Iterator[Seen]:
    files = [(_kind_of(file), file) for file in found_files(source.location)]
    nodes: dict[str, Node] = {}
    outages: list[Outage] = []
    for kind, file in files:
        for node in _nodes(kind, file, source.time_zone):
            nodes.setdefault(node.name, node)
        if kind == "events":
            outages += outages_of(records_of(lines_of(file), "|"), source.time_zone)
    reading = Reading(Scope(_platform(source, files), asked, nodes))
    jobs = [(kind, file) for kind, file in files if kind in {"json", "text"}]
    jobs.sort(key=lambda one: one[1].name, reverse=True)  # of two reports the newer one stands
    for number, (kind, file) in enumerate(jobs):
        tell(Progress(number, len(jobs), "files", file.name))
        reading.written_s = max(file.modified_s(), reading.written_s or 0)
        numbered = _numbered(kind, file, source.time_zone)
        if len(jobs) > 1:
            numbered = _once(reading, numbered)
        yield from _jobs(reading, numbered, file.told(), tell)
    tell(Progress(len(jobs), len(jobs), "files"))
    during = _supplied(source, reading, asked)
    if not nodes or during is None:
        tell(Notice(_NO_SUPPLY))
        return
    yield from supply(nodes.values(), outages, during, reading.scope.platform)


_NO_SUPPLY: Final = (
    "no list of nodes was delivered, so supply is unknown and their cost stays unmeasured; "
    "save `scontrol show node` beside the jobs"
)


def _kind_of(file: Found) -> str:
    """What a file holds, by its first line."""
    line = first_line(file)
    if line.startswith("{"):
        return "json"
    if line.startswith("NodeName="):
        return "scontrol"
    cells = {cell.strip() for cell in next(records_of([line]), [])}
    if {"NodeName", "TimeStart"} <= cells:
        return "events"
    if "JobID" in cells:
        missing = [name for name in NEEDED if name not in cells]
        if missing:
            what = f"lacks the fields {', '.join(missing)}"
            raise BadInputError(file.name, what, "see docs/how-to/connect-slurm.md")
        return "text"
    if {"NODELIST", "GRES"} <= {cell.upper() for cell in cells}:
        return "sinfo"
    if {"node", "gpus"} <= cells:
        return "nodes"
    what = f"starts with {line[:60]!r}, which no Slurm command prints"
    raise BadInputError(file.name, what, "see docs/how-to/connect-slurm.md")


def _nodes(kind: str, file: Found, zone: str) -> Iterator[Node]:
    if kind == "scontrol":
        yield from nodes_of_scontrol(lines_of(file))
    elif kind == "sinfo":
        yield from nodes_of_sinfo(records_of(lines_of(file), "|"))
    elif kind == "nodes":
        yield from nodes_of_table(records_of(lines_of(file)), zone)


def _platform(source: SourceSpec, files: Sequence[tuple[str, Found]]) -> str:
    """The declared name, else the cluster that the first job names."""
    if source.platform:
        return source.platform
    for kind, file in files:
        if kind in {"json", "text"}:
            for _, job in _numbered(kind, file, source.time_zone):
                if isinstance(job, Job) and job.cluster:
                    return job.cluster
    return "slurm"


def _numbered(kind: str, file: Found, zone: str) -> Iterator[Numbered]:
    if kind == "text":
        yield from jobs_of_text(records_of(lines_of(file), "|"), zone)
        return
    for number, entry in enumerate(entries(lines_of(file), "jobs", file.name), start=1):
        yield number, job_of_json(entry)


def _once(reading: Reading, numbered: Iterable[Numbered]) -> Iterator[Numbered]:
    """Leave out jobs that a newer file told already."""
    mine: set[int] = set()
    for number, job in numbered:
        if isinstance(job, Job):
            key = hash((job.cluster, job.raw_id, job.submit_s))
            if key in reading.told:
                continue
            mine.add(key)
        yield number, job
    reading.told |= mine


def _jobs(reading: Reading, numbered: Iterable[Numbered], told: Told, tell: Tell) -> Iterator[Seen]:
    jobs: list[Job] = []
    faults: list[Row] = []
    done = 0
    for number, job in numbered:
        if isinstance(job, Job):
            reading.note(job)
            jobs.append(job)
        else:
            faults.append(rejection(told, number, *job))
        if len(jobs) + len(faults) >= JOBS_AT_ONCE:
            yield from _flush(reading, jobs, faults)
            done, jobs, faults = done + len(jobs), [], []
            tell(Progress(done, None, "jobs", told[1]))
    yield from _flush(reading, jobs, faults)


def _flush(reading: Reading, jobs: Sequence[Job], faults: Sequence[Row]) -> Iterator[Seen]:
    yield from seen_rows("rejected", faults)
    yield from rows_of(jobs, reading.scope)


def _supplied(source: SourceSpec, reading: Reading, asked: Interval) -> Interval | None:
    """What was observed, or what the options `from` and `until` say, inside the window."""
    zone = source.time_zone
    start, end = (epoch_of(source.options.get(n, ""), zone) for n in ("from", "until"))
    seen = reading.observed()
    start = start if start is not None else seen and seen[0]
    end = end if end is not None else seen and seen[1]
    if start is None or end is None:
        return None
    return max(start, asked[0]), min(end, asked[1])
