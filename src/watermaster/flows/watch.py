"""Watch sources that tell what happens as it happens, so that pages show it within seconds.

What is heard lies over the facts (ledger/watched.py) until the next pull of the source. One
process watches a source, whichever server came first; where something was not told, it pulls.
"""

import datetime as dt
import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final

from watermaster.flows.open import Project
from watermaster.flows.sources import declared_sources
from watermaster.flows.sync import run_forever, sync
from watermaster.ledger.lock import write_lock
from watermaster.ledger.watched import remember_heard, watch_states
from watermaster.model.errors import BusyError, WatermasterError
from watermaster.model.events import Notice
from watermaster.model.resources import Resource, SourceSpec
from watermaster.model.watched import Heard

GROUP: Final = "watermaster.watch"
AGAIN_S: Final = 30.0
Wait = Callable[[float], bool]  # waits so long; True once the watch shall end
Watch = Callable[[SourceSpec, Wait], Iterator[Heard]]


def keep_up(
    project: Project, wait: Wait, beside: Callable[[Project], object] | None = None
) -> None:
    """Pull what becomes due and watch what can be watched, until `wait` says to end.

    beside: done after each round, e.g. sending what is due.
    """
    ended = threading.Event()
    watcher = threading.Thread(target=watch_forever, args=(project, ended.wait), name="watch")
    watcher.start()
    try:
        run_forever(project, wait, beside=beside)
    finally:
        ended.set()
        watcher.join()


def watch_forever(project: Project, wait: Wait) -> None:
    """Watch every declared Source that can be watched, until `wait` says to end."""
    running: dict[str, _Running] = {}
    while True:
        try:
            _attend(project, running, wait)
        except (WatermasterError, OSError) as error:
            project.tell(Notice(f"watch: {error}"))
        if wait(AGAIN_S):
            break
    for one in running.values():
        one.thread.join()


@dataclass(frozen=True, slots=True)
class _Running:
    """The watch of one source, as it was declared when it began."""

    spec: SourceSpec
    thread: threading.Thread
    dropped: threading.Event


def _attend(project: Project, running: dict[str, _Running], wait: Wait) -> None:
    """Begin what is declared and not watched; end what is declared no more, or otherwise."""
    declared = {one.metadata.name: one for one in declared_sources(project)}
    for name, one in running.items():
        if name not in declared or declared[name].spec != one.spec:
            one.dropped.set()
    for name, source in declared.items():
        listen = _watch_of(source.spec)
        if listen is None or (name in running and running[name].thread.is_alive()):
            continue  # one that was dropped ends first, and begins anew the next time
        dropped = threading.Event()
        until = functools.partial(_ends, wait, dropped)
        told = (project, source, listen, until)
        thread = threading.Thread(target=watch_source, args=told, name=f"watch {name}")
        running[name] = _Running(source.spec, thread, dropped)
        thread.start()


def _ends(wait: Wait, dropped: threading.Event, for_s: float) -> bool:
    return dropped.is_set() or wait(for_s) or dropped.is_set()


def watch_source(project: Project, source: Resource, listen: Watch, wait: Wait) -> None:
    """Keep what one source tells; where another process watches it already, do nothing."""
    name = source.metadata.name
    try:
        with write_lock(project.home / f"watch-{name}.lock", "watch", 0):
            is_stale, not_before = False, dt.datetime.min.replace(tzinfo=dt.UTC)
            day = None
            for heard in listen(source.spec, wait):
                remember_heard(project.ledger.records, name, heard)
                # each day has its own facts, and what was heard is folded into them
                is_stale |= heard.is_stale or day not in (None, heard.at.date())
                day = heard.at.date()
                if is_stale and heard.at >= not_before:
                    is_stale = not _pulled(project, name)
                    not_before = heard.at + dt.timedelta(seconds=AGAIN_S)
    except BusyError:
        return
    except (WatermasterError, OSError) as error:
        state = watch_states(project.ledger.records).get(name)
        at = state.heard_at if state else project.ledger.clock()
        remember_heard(project.ledger.records, name, Heard(at=at, fault=str(error)))
        project.tell(Notice(f"{name} is not watched: {error}"))


def _pulled(project: Project, name: str) -> bool:
    """Pull the source now; False where it told nothing or another runner is at work."""
    try:
        (pulled,) = sync(project, [name]).pulled
    except BusyError:
        return False
    return pulled.fault is None or pulled.rows > 0


def _watch_of(spec: SourceSpec) -> Watch | None:
    """How sources of this type are watched; None where they cannot be, or shall not."""
    if spec.options.get("watch") == "no":
        return None
    for entry in entry_points(group=GROUP, name=spec.type.value):
        found: Watch = entry.load()
        return found
    return None
