"""A Ray cluster over its dashboard's REST API: nodes, jobs, and what Ray Serve serves.

Location: the dashboard's address, e.g. http://127.0.0.1:8265. Plain HTTP, no Ray installed. The
token is RAY_AUTH_TOKEN. What runs is told with the GPUs its actors and replicas hold; what people
put into a job's environment is never read into the ledger.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, seen_rows
from watermaster.observe.gaps import Gaps
from watermaster.observe.ray_rows import (
    Scope,
    cluster_row,
    held_by_job,
    job_rows,
    node_rows,
    service_row,
)
from watermaster.observe.web import AnswerError, Web, web_of
from watermaster.units.periods import Period

VARIABLES: Final = {"token": "RAY_AUTH_TOKEN"}
MOST: Final = 10_000  # entries the dashboard gives at once, and no more
Entry = Mapping[str, Any]


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Jobs that ran in the window on each of its days; the rest as it is now."""
    web = web_of(source, VARIABLES)
    gaps = Gaps(web.where(), tell)
    version = web.get("/api/version")
    if not isinstance(version, dict) or "ray_version" not in version:
        fix = "give the address of the dashboard, usually port 8265"
        raise BadInputError(web.where(), "does not answer like a Ray dashboard", fix)
    scope = Scope.of(source, window, int(time.time()), web.where())
    nodes = list(gaps.over("node", _listed(web, "nodes", gaps)))
    actors = list(gaps.over("actor", _listed(web, "actors", gaps, state="ALIVE")))
    held = None if "actor" in gaps.lost else held_by_job(actors)
    rows: list[tuple[str, Row]] = []
    for job in gaps.over("ray-job", _jobs(web)):
        rows += job_rows(job, scope, held, gaps)
    rows += [("subjects", row) for node in nodes for row in node_rows(node, scope)]
    if scope.is_current:
        services = gaps.over("ray-service", _services(web))
        rows += [("subjects", service_row(one, nodes, scope)) for one in services]
        if "node" not in gaps.lost:
            rows.append(("subjects", cluster_row(version, nodes, actors, scope)))
    for table in ("subjects", "runs"):
        yield from seen_rows(table, _once([row for name, row in rows if name == table]))
    yield from gaps.seen()


def _once(rows: Sequence[Row]) -> list[Row]:
    """A thing told twice stands once a day."""
    return list(
        {(row["day"], row["subject_kind"], row["subject_uid"]): row for row in rows}.values()
    )


def _listed(web: Web, what: str, gaps: Gaps, **only: str) -> Iterator[Entry]:
    """A list of the state API; one that is cut short is a gap of its kind."""
    asked: dict[str, Any] = {"detail": 1, "limit": MOST}
    for key, value in only.items():
        asked |= {"filter_keys": key, "filter_predicates": "=", "filter_values": value}
    answer = web.get(f"/api/v0/{what}", **asked)
    held = ((answer.get("data") or {}).get("result") or {}) if isinstance(answer, dict) else {}
    entries = held.get("result")
    if not isinstance(entries, list):
        said = answer.get("msg") if isinstance(answer, dict) else ""
        fix = "see the dashboard's log"
        raise BadInputError(web.where(f"/api/v0/{what}"), f"lists none: {said}", fix)
    yield from entries
    kind = what.removesuffix("s")
    total, read = held.get("total") or 0, held.get("num_after_truncation") or 0
    if read < total or len(entries) < (held.get("num_filtered") or 0):
        gaps.lose(kind, f"the dashboard looked at {read} of {total} and gives no more")
    if warning := held.get("partial_failure_warning"):
        gaps.lose(kind, " ".join(str(warning).split()))


def _jobs(web: Web) -> Iterator[Entry]:
    answer = web.get("/api/jobs/")
    if not isinstance(answer, list):
        what = "lists no jobs"
        raise BadInputError(web.where("/api/jobs/"), what, "see the dashboard's log")
    yield from answer


def _services(web: Web) -> Iterator[Entry]:
    """Applications of Ray Serve; a cluster without Serve has no such address."""
    try:
        answer = web.get("/api/serve/applications/")
    except AnswerError as error:
        if error.status == 404:
            return
        raise
    held = answer.get("applications") if isinstance(answer, dict) else None
    if not isinstance(held, dict):
        where = web.where("/api/serve/applications/")
        raise BadInputError(where, "lists no applications", "see the dashboard's log")
    for name, one in held.items():
        yield {"name": name, **one}
