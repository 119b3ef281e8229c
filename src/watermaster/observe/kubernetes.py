"""What stands in a Kubernetes cluster: nodes, pods, workloads, queues, volumes, policies.

Location: `kubernetes:CONTEXT`. What is needed to read is in roles/kubernetes-reader.yaml. A kind
that may not be listed, or of which only a part was told, is a rejected row, never nothing there.
"""

import datetime as dt
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from watermaster.clients.kubernetes import Cluster, UnreadError, connect, skew_s
from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.model.shapes import SHAPES, TIME
from watermaster.observe.batches import Row, seen_rows
from watermaster.observe.kubernetes_kinds import BUILT_IN, KINDS, Kind
from watermaster.observe.kubernetes_things import Known, thing
from watermaster.units.periods import Period

MOST_SKEW_S: Final = 300
HELD_ROWS: Final = 5_000  # before they are handed on
MOST: Final = 1 << 63
_HOLDS: Final = {"string": str, "int64": int, TIME: dt.datetime}
_COLUMNS: Final = {name: _HOLDS[told] for name, told in SHAPES["subjects"].types.items()}
Gap = tuple[str, str]  # the kind, and why it was not read


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """One row of `subjects` for each thing there is now, on the last day of the window."""
    cluster = connect(source.location, source.options.get("kubeconfig"))
    known = Known(source.platform or cluster.name, window.end - dt.timedelta(microseconds=1))
    gaps: list[Gap] = _lies(cluster, source)
    served, told = served_versions(cluster)
    gaps += told
    for number, kind in enumerate(KINDS):
        tell(Progress(number, len(KINDS), "kinds", kind.plural))
        yield from _rows(_Reading(cluster, source, known, gaps), kind, served)
    for column, reason in gaps:
        tell(Notice(f"{known.platform}: {column} not read: {reason}"))
        row = {"delivery": "", "file": known.platform, "row": 0, "column": column, "reason": reason}
        yield from seen_rows("rejected", [row])


class _Reading:
    """One pull of one cluster."""

    def __init__(self, cluster: Cluster, source: SourceSpec, known: Known, gaps: list[Gap]) -> None:
        self.cluster, self.source, self.known, self.gaps = cluster, source, known, gaps


def paths_of(source: SourceSpec, kind: Kind, version: str) -> list[str]:
    """Where a kind is listed: once for all namespaces, or in each that was named."""
    named = [name.strip() for name in source.options.get("namespaces", "").split(",")]
    if not any(named) or not kind.is_namespaced:
        return [kind.path(version)]
    return [kind.path(version, name) for name in named if name]


@dataclass(slots=True)
class _Listing:
    """What one kind's lists told so far."""

    uids: dict[str, int] = field(default_factory=dict)  # to the reading that told of it
    odd: int = 0
    twice: int = 0


def _rows(reading: _Reading, kind: Kind, served: dict[str, set[str]] | None) -> Iterator[Seen]:
    listing, versions = _Listing(), versions_of(kind, served)
    if not versions and served and kind.group in served:
        only = ", ".join(sorted(served[kind.group]))
        _miss(reading, kind, f"served as {only} only, which is not known here: update Watermaster")
    for version in versions:
        if (yield from _listed(reading, kind, version, listing)):
            break
    if listing.odd:
        _miss(reading, kind, f"{listing.odd} of the things told are no objects")
    if listing.twice:
        _miss(reading, kind, f"{listing.twice} things were told twice; the first is kept")


def _listed(
    reading: _Reading, kind: Kind, version: str, listing: _Listing
) -> Generator[Seen, None, bool]:
    """The rows of one version's lists; returns whether there is such a version."""
    held: list[Row] = []
    is_there = True
    for path in paths_of(reading.source, kind, version):
        try:
            for again, page in reading.cluster.pages(path):
                held += _new_rows(reading, kind, (again, page), listing)
                if len(held) >= HELD_ROWS:
                    yield from seen_rows("subjects", held)
                    held = []
        except UnreadError as error:
            if error.status == 404 and kind.group not in BUILT_IN:
                is_there = False  # the group is there, this kind or version of it is not
                break
            _miss(reading, kind, error.reason)
    yield from seen_rows("subjects", held)
    return is_there


def _new_rows(
    reading: _Reading, kind: Kind, told: tuple[int, dict[str, Any]], listing: _Listing
) -> Iterator[Row]:
    again, page = told
    for one in page.get("items") or []:
        row = row_of(kind, one, reading.known)
        listing.odd += row is False
        if isinstance(row, dict):
            uid = row["subject_uid"]
            listing.twice += listing.uids.get(uid) == again
            if uid not in listing.uids:
                yield row
            listing.uids[uid] = again


def _miss(reading: _Reading, kind: Kind, reason: str) -> None:
    """A gap under the name that rows of the kind carry: what is held of them stays."""
    reading.known.is_whole = False
    reading.gaps.append((kind.told_as, f"{kind.plural}: {reason}"))


def row_of(kind: Kind, told: Any, known: Known) -> Row | Literal[False] | None:
    """The row; None where another thing tells it; False where it cannot be read."""
    try:
        row = thing(kind, told, known)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return False
    fits = row is None or all(_fits(name, value) for name, value in row.items())
    return row if fits else False


def _fits(name: str, value: object) -> bool:
    """Whether the column holds such a value: a server may tell 9e99 GPUs."""
    if isinstance(value, int) and abs(value) >= MOST:
        return False
    return value is None or isinstance(value, _COLUMNS[name])


def _lies(cluster: Cluster, source: SourceSpec) -> list[Gap]:
    """That it answers at all, and whether its clock is ours."""
    asked_at = dt.datetime.now(dt.UTC)
    try:
        _, headers = cluster.get("/version")
    except UnreadError as error:
        fix = "check the address, the network and the credentials: kubectl version must answer"
        raise BadInputError(f"{source.location} ({cluster.host})", error.reason, fix) from None
    skew = skew_s(headers, asked_at)
    if skew is None or abs(skew) <= MOST_SKEW_S:
        return []
    way = "ahead of" if skew > 0 else "behind"
    return [("clock", f"the cluster's clock is {abs(skew):.0f} s {way} ours; mend one of them")]


def served_versions(cluster: Cluster) -> tuple[dict[str, set[str]] | None, list[Gap]]:
    """Which versions of which groups there are; None where that may not be asked."""
    try:
        told, _ = cluster.get("/apis")
        groups = {
            str(group["name"]): {str(one["version"]) for one in group["versions"]}
            for group in told["groups"]
        }
    except UnreadError as error:
        return None, [("apis", error.reason)] if error.status != 403 else []
    except (KeyError, TypeError):
        return None, [("apis", "the answer is no list of groups")]
    return groups | {"": {"v1"}}, []


def versions_of(kind: Kind, served: dict[str, set[str]] | None) -> tuple[str, ...]:
    """The versions to ask for a kind until one is there; none where it is not installed."""
    if kind.group in BUILT_IN:
        return kind.versions[:1]
    if served is None:
        return kind.versions
    there = served.get(kind.group, set())
    return tuple(version for version in kind.versions if version in there)
