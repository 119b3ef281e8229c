"""What stands in a Kubernetes cluster: nodes, pods, workloads, queues, volumes, policies.

Location: `kubernetes:CONTEXT`. What is needed to read is in roles/kubernetes-reader.yaml. A kind
that may not be listed, or of which only a part was told, is a rejected row, never nothing there.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import BATCH_ROWS, Row, seen_rows
from watermaster.observe.kubernetes_api import Cluster, UnreadError, connect, skew_s
from watermaster.observe.kubernetes_kinds import BUILT_IN, KINDS, Kind
from watermaster.observe.kubernetes_things import Known, thing
from watermaster.units.periods import Period

MOST_SKEW_S: Final = 300
Gap = tuple[str, str]  # the kind, and why it was not read


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """One row of `subjects` for each thing there is now, on the last day of the window."""
    cluster = connect(source)
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


def _rows(reading: _Reading, kind: Kind, served: dict[str, set[str]] | None) -> Iterator[Seen]:
    version = version_of(kind, served)
    if version is None:
        return
    held: list[Row] = []
    uids: dict[str, int] = {}  # to the reading that told of it
    odd = twice = 0
    for path in paths_of(reading.source, kind, version):
        try:
            for again, page in reading.cluster.pages(path):
                for told in page.get("items") or []:
                    row = _row(kind, told, reading.known)
                    odd += row is False
                    if isinstance(row, dict):
                        uid = row["subject_uid"]
                        twice += uids.get(uid) == again
                        if uid not in uids:
                            held.append(row)
                        uids[uid] = again
                if len(held) >= BATCH_ROWS:
                    yield from seen_rows("subjects", held)
                    held = []
        except UnreadError as error:
            if error.status == 404 and kind.group not in BUILT_IN:
                continue  # the group is there, this kind of it is not
            reading.known.is_whole = False
            reading.gaps.append((kind.plural, error.reason))
    yield from seen_rows("subjects", held)
    if odd:
        reading.gaps.append((kind.plural, f"{odd} of the things told are no objects"))
    if twice:
        reading.gaps.append((kind.plural, f"{twice} things were told twice; the first is kept"))


def _row(kind: Kind, told: Any, known: Known) -> Row | bool | None:
    """The row; None where another thing tells it; False where it cannot be read."""
    try:
        return thing(kind, told, known)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


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


def version_of(kind: Kind, served: dict[str, set[str]] | None) -> str | None:
    """The version to ask for a kind; None where its group is not installed."""
    if served is None:
        return kind.versions[0]
    there = served.get(kind.group, set())
    return next((version for version in kind.versions if version in there), None)
