"""Pull what is due: every declared Source on its schedule, one runner at a time."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final

from watermaster.flows.allocate import allocate_months
from watermaster.flows.findings import find
from watermaster.flows.fix import confirm_fixes, resume_fixes
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import Project
from watermaster.flows.sources import declared_sources
from watermaster.flows.telemetry import LIVE, default_window, ingest_telemetry
from watermaster.ledger.head import read_head
from watermaster.ledger.lock import write_lock
from watermaster.ledger.pulls import PullState, pull_states, remember_pull
from watermaster.ledger.watched import forget_heard
from watermaster.model.errors import NotFoundError, WatermasterError
from watermaster.model.events import Notice, Progress
from watermaster.model.resources import BILLS, LATE_DAYS, Resource, SourceSpec, SourceType
from watermaster.model.synced import Pulled, Synced
from watermaster.units.periods import Period, months_between
from watermaster.units.schedule import last_due

OVERLAP: Final = dt.timedelta(days=1)  # asked again of a server: rows that come late
Months = set[str]
Taken = tuple[int, str | None]  # rows, and what could not be read


def due_sources(project: Project) -> list[Resource]:
    """The declared Sources with a schedule by which they were due since their last pull."""
    states = pull_states(project.ledger.records)
    now = project.ledger.clock()
    return [one for one in declared_sources(project) if _is_due(one, states, now)]


def sync(project: Project, names: Sequence[str] = (), *, every: bool = False) -> Synced:
    """Pull the named Sources, all of them, or those that are due; then allocate what changed.

    A source that fails is told and remembered; the others are pulled all the same. BusyError
    while another runner is at it.
    """
    with write_lock(project.home / "sync.lock", "sync", 0):
        known = declared_sources(project)
        chosen = _named(known, names) if names else known if every else due_sources(project)
        months: Months = set()
        pulled = []
        for number, source in enumerate(chosen):
            project.tell(Progress(number, len(chosen), "sources", source.metadata.name))
            pulled.append(_pull(project, source, months))
        allocated = allocate_months(project, sorted(months)).months if months else []
        if allocated:
            find(project)
        _attend_fixes(project)
        taken = {one.metadata.name for one in chosen}
        return Synced(
            revision=read_head(project.ledger.records).name,
            pulled=pulled,
            skipped=[one.metadata.name for one in known if one.metadata.name not in taken],
            allocated=allocated,
        )


def _attend_fixes(project: Project) -> None:
    """End what a killed process left half done; look whether what was done shows still."""
    resume_fixes(project)
    confirm_fixes(project)


def _is_due(source: Resource, states: dict[str, PullState], now: dt.datetime) -> bool:
    spec: SourceSpec = source.spec
    if spec.schedule is None:
        return False
    state = states.get(source.metadata.name)
    due = last_due(spec.schedule, now, spec.time_zone)
    return state is None or state.last_started_at < due


def _named(known: Sequence[Resource], names: Sequence[str]) -> list[Resource]:
    by_name = {one.metadata.name: one for one in known}
    lost = [name for name in names if name not in by_name]
    if lost:
        have = ", ".join(by_name) or "none"
        raise NotFoundError(f"source {', '.join(lost)}", "is not declared", f"declared are: {have}")
    return [by_name[name] for name in names]


def _pull(project: Project, source: Resource, months: Months) -> Pulled:
    name, spec = source.metadata.name, source.spec
    started = project.ledger.clock()
    take = _take_bills if spec.type in BILLS else _take_telemetry
    rows, fault = 0, None
    try:
        rows, fault = take(project, name, spec, months)
    except (WatermasterError, OSError) as error:
        fault = str(error)
        project.tell(Notice(f"{name} was not pulled: {error}"))
    pulled = Pulled(
        source=name,
        started_at=started,
        ended_at=project.ledger.clock(),
        rows=rows,
        seen_until=None if fault else started,
        fault=fault,
    )
    remember_pull(project.ledger.records, pulled)
    return pulled


def _take_bills(project: Project, name: str, spec: SourceSpec, months: Months) -> Taken:
    found = ingest_bills(project, name, spec, IngestOptions())
    months |= {one.period for one in found.slices}
    return sum(one.rows for one in found.slices), None


def _take_telemetry(project: Project, name: str, spec: SourceSpec, months: Months) -> Taken:
    began = dt.datetime.now(dt.UTC)
    found = ingest_telemetry(project, name, spec, _window(project, name, spec))
    forget_heard(project.ledger.records, name, began, found.untold)
    for first, last in found.days.values():
        months |= set(months_between(first[:7], last[:7]))
    return sum(found.rows.values()), "; ".join(found.unread) or None


def _window(project: Project, name: str, spec: SourceSpec) -> Period | None:
    """Of a server, what came since it was last seen whole; of files, all."""
    state = pull_states(project.ledger.records).get(name)
    if state is None or state.seen_until is None or not spec.location.startswith(LIVE):
        return None
    usual = default_window(spec, project.ledger.clock())
    overlap = OVERLAP
    if spec.type is SourceType.OTLP:
        overlap += dt.timedelta(days=float(spec.options.get("late_days", LATE_DAYS)))
    return Period(max(usual.start, state.seen_until - overlap), usual.end)


def run_forever(
    project: Project,
    wait: Callable[[float], bool],
    every_s: float = 30,
    beside: Callable[[Project], object] | None = None,
) -> None:
    """Pull what is due until `wait` says to end; another server's runner is left alone.

    beside: done after each round.
    """
    while True:
        for task in (_pull_due, beside):
            try:
                if task is not None:
                    task(project)
            except (WatermasterError, OSError) as error:
                project.tell(Notice(f"sync: {error}"))
        if wait(every_s):
            return


def _pull_due(project: Project) -> None:
    if due_sources(project):
        sync(project)
