"""Slurm's saved output: files of one cluster, told apart by what they hold."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, seen_rows
from watermaster.observe.files import Found, first_line, found_files, lines_of, records_of
from watermaster.observe.json_stream import entries
from watermaster.observe.slurm_hours import Scope
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
from watermaster.observe.slurm_queue import is_queue
from watermaster.observe.slurm_queue import jobs_of_json as queue_of_json
from watermaster.observe.slurm_queue import jobs_of_text as queue_of_text
from watermaster.observe.slurm_reading import Numbered, Reading, Standing, jobs_seen, told_once
from watermaster.observe.slurm_standing import (
    Place,
    accounts,
    descriptions,
    partitions,
    qos,
    reservations,
    sizes,
)
from watermaster.observe.slurm_standing import nodes as standing_nodes
from watermaster.observe.slurm_words import cells_of
from watermaster.observe.spread import Interval
from watermaster.observe.times import epoch_of


def observe_saved(source: SourceSpec, asked: Interval, tell: Tell) -> Iterator[Seen]:
    """Rows of one or more files of one cluster."""
    files = [(_kind_of(file), file) for file in found_files(source.location)]
    nodes: dict[str, Node] = {}
    outages: list[Outage] = []
    for kind, file in files:
        for node in _nodes(kind, file, source.time_zone):
            nodes.setdefault(node.name, node)
        if kind == "events":
            outages += outages_of(cells_of(lines_of(file)), source.time_zone)
    platform, standing = _platform(source, files), Standing(asked)
    for kind, file in files:
        if kind in STANDING:
            place = Place(platform, file.modified_s(), source.time_zone)
            standing.take(_standing(kind, file, place, files), file.told())
    reading = Reading(Scope(platform, asked, nodes, queued=standing.queue()))
    yield from standing.seen()
    jobs = [(kind, file) for kind, file in files if kind in {"json", "text"}]
    jobs.sort(key=lambda one: one[1].name, reverse=True)  # of two reports the newer one stands
    for number, (kind, file) in enumerate(jobs):
        tell(Progress(number, len(jobs), "files", file.name))
        reading.written_s = max(file.modified_s(), reading.written_s or 0)
        numbered = _numbered(kind, file, source.time_zone)
        if len(jobs) > 1:
            numbered = told_once(reading, numbered)
        yield from jobs_seen(reading, numbered, file.told(), tell)
    tell(Progress(len(jobs), len(jobs), "files"))
    yield from seen_rows("subjects", list(reading.scope.queued.values()))
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
        held: dict[str, Any] = next(entries(lines_of(file), "jobs", file.name), {})
        return "queue-json" if is_queue(held) else "json"
    for start, kind in _STARTS.items():
        if line.startswith(start):
            return kind
    cells = {cell.strip() for cell in next(records_of([line]), [])}
    if "JobID" in cells:
        missing = [name for name in NEEDED if name not in cells]
        if missing:
            what = f"lacks the fields {', '.join(missing)}"
            raise BadInputError(file.name, what, "see docs/how-to/connect-slurm.md")
        return "text"
    for needed, kind in _HEADERS.items():
        if needed <= cells or needed <= {cell.upper() for cell in cells}:
            return kind
    what = f"starts with {line[:60]!r}, which no Slurm command prints"
    raise BadInputError(file.name, what, "see docs/how-to/connect-slurm.md")


_STARTS: Final = {
    "NodeName=": "scontrol", "PartitionName=": "partition", "ReservationName=": "reservation",
    "JobId=": "queue", "No nodes ": "scontrol", "No reservations ": "reservation",
    "No jobs ": "queue",
}  # fmt: skip
_HEADERS: Final = {
    frozenset({"NodeName", "TimeStart"}): "events",
    frozenset({"NODELIST", "GRES"}): "sinfo",
    frozenset({"node", "gpus"}): "nodes",
    frozenset({"Account", "Descr"}): "account",
    frozenset({"Account", "User", "Share"}): "assoc",
    frozenset({"Name", "Priority", "MaxWall"}): "qos",
}
STANDING: Final = frozenset(
    {"scontrol", "partition", "reservation", "assoc", "qos", "queue", "queue-json"}
)


def _standing(
    kind: str, file: Found, place: Place, files: Sequence[tuple[str, Found]]
) -> Iterator[Row | Fault]:
    """What stands there, of one file; some need a word of another."""
    lines = lines_of(file)
    if kind == "queue-json":
        return queue_of_json(entries(lines, "jobs", file.name), place)
    if kind == "queue":
        return queue_of_text(lines, place, place.platform)
    if kind == "reservation":
        return reservations(lines, place, sizes(_lines("scontrol", files)))
    if kind == "assoc":
        return accounts(cells_of(lines), descriptions(_lines("account", files)), place)
    if kind == "qos":
        return qos(cells_of(lines), place)
    return (partitions if kind == "partition" else standing_nodes)(lines, place)


def _lines(kind: str, files: Sequence[tuple[str, Found]]) -> Iterator[str]:
    return (line for held, file in files if held == kind for line in lines_of(file))


def _nodes(kind: str, file: Found, zone: str) -> Iterator[Node]:
    if kind == "scontrol":
        yield from nodes_of_scontrol(lines_of(file))
    elif kind == "sinfo":
        yield from nodes_of_sinfo(cells_of(lines_of(file)))
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
        yield from jobs_of_text(cells_of(lines_of(file)), zone)
        return
    for number, entry in enumerate(entries(lines_of(file), "jobs", file.name), start=1):
        yield number, job_of_json(entry)


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
