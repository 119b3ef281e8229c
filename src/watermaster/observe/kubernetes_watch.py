"""What happens in a Kubernetes cluster, as it happens: one watch per kind, resumed where it broke.

A kind's watch goes on from the last resource version it heard. Where that is too old (410), what
happened in between is not told: the watch begins at the present and says so, for a pull to follow.
"""

import datetime as dt
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from watermaster.model.resources import SourceSpec
from watermaster.model.watched import Heard
from watermaster.observe.batches import Row
from watermaster.observe.kubernetes import paths_of, served_versions, version_of
from watermaster.observe.kubernetes_api import Cluster, UnreadError, connect
from watermaster.observe.kubernetes_kinds import KINDS, Kind
from watermaster.observe.kubernetes_things import Known, Place, thing

BEAT_S: Final = 0.5  # how often what was heard is handed on
SILENT_BEATS: Final = 20  # beats without an event after which the watch still says that it lives
PULSE_S: Final = 15.0
RETRY_S: Final = (1.0, 2.0, 5.0, 15.0, 30.0)
Wait = Callable[[float], bool]  # waits so long; True once the watch shall end


@dataclass(slots=True)
class _Station:
    """What the watches of all kinds share."""

    cluster: Cluster
    platform: str
    wait: Wait
    accelerators: dict[str, str] = field(default_factory=dict)
    events: queue.SimpleQueue[tuple[str, str, Row | None]] = field(
        default_factory=queue.SimpleQueue
    )
    faults: dict[str, str] = field(default_factory=dict)
    stale: threading.Event = field(default_factory=threading.Event)


def watch(source: SourceSpec, wait: Wait) -> Iterator[Heard]:
    """What is heard, until `wait` says to end; the first one asks for a pull.

    WatermasterError where the cluster cannot be reached at all.
    """
    cluster = connect(source)
    station = _Station(cluster, source.platform or cluster.name, wait)
    served, _ = served_versions(cluster)
    _know_nodes(station)
    _start(_pulse, station)
    for kind in KINDS:
        version = version_of(kind, served)
        for path in paths_of(source, kind, version) if version else ():
            _start(_follow, station, kind, path)
    station.stale.set()
    quiet = 0
    while not wait(BEAT_S):
        heard = _gathered(station)
        quiet = 0 if heard.rows or heard.gone or heard.is_stale else quiet + 1
        if quiet in (0, SILENT_BEATS):
            quiet = 0
            yield heard


def _start(run: Callable[..., None], *told: object) -> None:
    # daemons: one that waits for the server must not hold up the end of the process
    threading.Thread(target=run, args=told, name="watch", daemon=True).start()


def _know_nodes(station: _Station) -> None:
    """Which accelerators nodes have, for the pods that come."""
    nodes = KINDS[0]
    known = Known(station.platform, dt.datetime.now(dt.UTC), station.accelerators)
    try:
        for _, page in station.cluster.pages(nodes.path("v1")):
            for one in page.get("items") or []:
                _row(nodes, one, known)
    except UnreadError as error:
        station.faults[nodes.plural] = error.reason


def _pulse(station: _Station) -> None:
    """A watch on a network that is gone stays silent for minutes: the server is asked meanwhile."""
    while not station.wait(PULSE_S):
        try:
            station.cluster.get("/version")
            station.faults.pop("cluster", None)
        except UnreadError as error:
            station.faults["cluster"] = error.reason


def _row(kind: Kind, told: dict[str, Any], known: Known) -> Row | None:
    try:
        return thing(kind, told, known)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _gathered(station: _Station) -> Heard:
    newest: dict[tuple[str, str], Row | None] = {}
    while not station.events.empty():
        subject, uid, row = station.events.get()
        newest[subject, uid] = row
    is_stale = station.stale.is_set()
    station.stale.clear()
    faults = [f"{kind}: {reason}" for kind, reason in sorted(station.faults.items())]
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
    while True:
        try:
            if version is None:
                version = _present(station.cluster, path)
            for event in station.cluster.watch(path, version):
                version = _heard(station, kind, event) or version
                station.faults.pop(kind.plural, None)
                failed = 0
            station.faults.pop(kind.plural, None)
            failed = 0
            if station.wait(0):
                return
        except UnreadError as error:
            if error.status == 404:
                return  # not installed
            if error.status == 410:
                version = None
                station.stale.set()
                continue
            station.faults[kind.plural] = error.reason
            if station.wait(RETRY_S[min(failed, len(RETRY_S) - 1)]):
                return
            failed += 1


def _present(cluster: Cluster, path: str) -> str:
    page, _ = cluster.get(path, limit="1")
    return str((page.get("metadata") or {}).get("resourceVersion") or "0")


def _heard(station: _Station, kind: Kind, event: dict[str, Any]) -> str | None:
    """Hand on what an event tells; the version up to which it tells."""
    told, type_ = event.get("object") or {}, event.get("type")
    about = told.get("metadata") or {}
    version = str(about["resourceVersion"]) if about.get("resourceVersion") else None
    if type_ not in ("ADDED", "MODIFIED", "DELETED") or not about.get("name"):
        return version
    place = Place(kind, str(about["name"]), about.get("namespace"))
    known = Known(station.platform, dt.datetime.now(dt.UTC), station.accelerators, is_whole=False)
    if type_ == "DELETED":
        subject = "volume" if kind.subject == "persistent-volume" else kind.subject
        station.events.put((subject, place.uid, None))
        return version
    row = _row(kind, told, known)
    if row is not None:
        station.events.put((row["subject_kind"], row["subject_uid"], row))
    return version
