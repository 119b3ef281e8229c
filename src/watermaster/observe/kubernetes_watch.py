"""What happens in a Kubernetes cluster, as it happens: one watch per kind, resumed where it broke.

A kind's watch goes on from the last resource version it heard. Where that is too old (410), what
happened in between is not told: the watch begins at the present and says so, for a pull to follow.
"""

import datetime as dt
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from watermaster.clients.kubernetes import Cluster, UnreadError, connect
from watermaster.model.resources import SourceSpec
from watermaster.model.watched import Heard
from watermaster.observe.batches import Row
from watermaster.observe.kubernetes import paths_of, row_of, served_versions, versions_of
from watermaster.observe.kubernetes_kinds import KINDS, Kind
from watermaster.observe.kubernetes_things import Known, Place

BEAT_S: Final = 0.5  # how often what was heard is handed on
SILENT_BEATS: Final = 20  # beats without an event after which the watch still says that it lives
PULSE_S: Final = 15.0
RETRY_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)
SHORTEST_S: Final = 1.0  # a watch that ends sooner, untold, is not asked for again at once
Wait = Callable[[float], bool]  # waits so long; True once the watch shall end


@dataclass(slots=True)
class _Station:
    """What the watches of all kinds share."""

    cluster: Cluster
    platform: str
    wait: Wait
    accelerators: dict[str, str] = field(default_factory=dict)
    handles: dict[str, str] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    events: queue.SimpleQueue[tuple[str, str, Row | None]] = field(
        default_factory=queue.SimpleQueue
    )
    faults: dict[str, str] = field(default_factory=dict)  # by what is watched
    stale: threading.Event = field(default_factory=threading.Event)

    def known(self) -> Known:
        """What rows need of other things; a watch never sees all that may mount a claim."""
        now = dt.datetime.now(dt.UTC)
        return Known(self.platform, now, self.accelerators, self.handles, is_whole=False)

    def rests(self, for_s: float) -> bool:
        """Wait so long; True once the watch shall end, or has ended by a fault of its reader."""
        return self.wait(for_s) or self.ended.is_set()


def watch(source: SourceSpec, wait: Wait) -> Iterator[Heard]:
    """What is heard, until `wait` says to end. Once watches stand, it asks for a pull.

    WatermasterError where the cluster cannot be reached at all.
    """
    cluster = connect(source.location, source.options.get("kubeconfig"))
    station = _Station(cluster, source.platform or cluster.name, wait)
    served, _ = served_versions(cluster)
    _know(station)
    _start(_pulse, station)
    for kind in KINDS:
        for version in versions_of(kind, served)[: None if served is None else 1]:
            for path in paths_of(source, kind, version):
                _start(_follow, station, kind, path)
    quiet = 0
    try:
        while not wait(BEAT_S):
            heard = _gathered(station)
            quiet = 0 if heard.rows or heard.gone or heard.is_stale else quiet + 1
            if quiet in (0, SILENT_BEATS):
                quiet = 0
                yield heard
    finally:
        station.ended.set()


def _start(run: Callable[..., None], *told: object) -> None:
    # daemons: one that waits for the server must not hold up the end of the process
    threading.Thread(target=run, args=told, name="watch", daemon=True).start()


def _know(station: _Station) -> None:
    """Which accelerators nodes have, for the pods that come; which disks claims are bound to."""
    for kind in KINDS:
        if kind.plural not in ("nodes", "persistentvolumes"):
            continue
        try:
            for _, page in station.cluster.pages(kind.path("v1")):
                for one in page.get("items") or []:
                    row_of(kind, one, station.known())
        except UnreadError as error:
            station.faults[kind.path("v1")] = error.reason


def _pulse(station: _Station) -> None:
    """A watch on a network that is gone stays silent for minutes: the server is asked meanwhile."""
    while not station.rests(PULSE_S):
        try:
            station.cluster.get("/version")
            station.faults.pop("cluster", None)
        except UnreadError as error:
            station.faults["cluster"] = error.reason


def _gathered(station: _Station) -> Heard:
    newest: dict[tuple[str, str], Row | None] = {}
    while not station.events.empty():
        subject, uid, row = station.events.get()
        newest[subject, uid] = row
    is_stale = station.stale.is_set()
    station.stale.clear()
    now = dict(station.faults)  # other threads change it
    faults = sorted({f"{path.rpartition('/')[2]}: {reason}" for path, reason in now.items()})
    return Heard(
        at=dt.datetime.now(dt.UTC),
        rows=[row for row in newest.values() if row is not None],
        gone=[
            {"platform": station.platform, "subject_kind": kind, "subject_uid": uid}
            for (kind, uid), row in newest.items()
            if row is None
        ],
        fault="; ".join(faults) or None,
        is_stale=is_stale,
    )


def _follow(station: _Station, kind: Kind, path: str) -> None:
    """One kind for ever: from the present, and after a break from the last thing heard."""
    version: str | None = None
    failed = 0
    while not station.ended.is_set():
        began = time.monotonic()
        try:
            if version is None:
                version = _present(station.cluster, path)
                station.stale.set()  # only now is nothing lost between a pull and the watch
            for event in station.cluster.watch(path, version):
                version = _heard(station, kind, event) or version
                station.faults.pop(path, None)
                failed = 0
            station.faults.pop(path, None)
            rest_s = 0 if time.monotonic() - began > SHORTEST_S else RETRY_S[0]
        except UnreadError as error:
            if error.status == 404:
                return  # not installed
            if error.status == 410:
                version = None
            else:
                station.faults[path] = error.reason
            rest_s = RETRY_S[min(failed, len(RETRY_S) - 1)]
            failed += 1
        if station.rests(rest_s):
            return


def _present(cluster: Cluster, path: str) -> str:
    page = next(page for _, page in cluster.pages(path, 1))
    return str(page["metadata"].get("resourceVersion") or "0")


def _heard(station: _Station, kind: Kind, event: dict[str, Any]) -> str | None:
    """Hand on what an event tells; the version up to which it tells."""
    told, type_ = event["object"], event.get("type")
    about = told.get("metadata")
    if not isinstance(about, dict):
        return None
    version = str(about["resourceVersion"]) if about.get("resourceVersion") else None
    if type_ not in ("ADDED", "MODIFIED", "DELETED") or not about.get("name"):
        return version
    row = None if type_ == "DELETED" else row_of(kind, told, station.known())
    if row is False:
        station.stale.set()  # what it is now, the pull says or names as untold
    elif row is None:
        uid = Place(kind, str(about["name"]), about.get("namespace")).uid
        station.events.put((kind.told_as, uid, None))
    else:
        station.events.put((row["subject_kind"], row["subject_uid"], row))
    return version
