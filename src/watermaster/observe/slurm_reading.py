"""What is read of a Slurm cluster, whether live or saved: its jobs as a stream, and what stands."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from watermaster.model.events import Progress, Tell
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, rejection, seen_rows
from watermaster.observe.slurm_hours import Scope, rows_of
from watermaster.observe.slurm_jobs import KIND, Fault, Job
from watermaster.observe.spread import DAY_S, Interval

JOBS_AT_ONCE: Final = 5_000
Told = tuple[str, str]  # delivery and file name
Numbered = tuple[int, Job | Fault]
Thing = tuple[str, str, str]  # day, kind, uid


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


@dataclass
class Standing:
    """What stands there: one row a day and thing; what is told twice stands once."""

    during: Interval
    rows: dict[Thing, Row] = field(default_factory=dict)
    faults: list[Row] = field(default_factory=list)

    def take(self, found: Iterable[Row | Fault], told: Told) -> None:
        """Rows of one answer; those of a moment outside of the time asked for are left out."""
        for number, one in enumerate(found, start=1):
            if isinstance(one, tuple):
                self.faults.append(rejection(told, number, *one))
            elif self.during[0] <= one["last_seen"].timestamp() < self.during[1]:
                self.rows[one["day"], one["subject_kind"], one["subject_uid"]] = one

    def queue(self) -> dict[Thing, Row]:
        """The jobs that wait or run, taken out: what accounting tells of them comes first."""
        queued = {key: row for key, row in self.rows.items() if key[1] == KIND}
        self.rows = {key: row for key, row in self.rows.items() if key[1] != KIND}
        return queued

    def seen(self) -> Iterator[Seen]:
        """All of it."""
        yield from seen_rows("rejected", self.faults)
        yield from seen_rows("subjects", list(self.rows.values()))


def jobs_seen(
    reading: Reading, numbered: Iterable[Numbered], told: Told, tell: Tell
) -> Iterator[Seen]:
    """Jobs of one stream as rows, a few thousand at once."""
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


def told_once(reading: Reading, numbered: Iterable[Numbered]) -> Iterator[Numbered]:
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
