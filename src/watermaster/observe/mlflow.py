"""MLflow tracking over its REST API: experiments, runs, and versions of registered models.

Location: the tracking server's address. Plain HTTP, no client of MLflow's. Who asks is told by
MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.artefact_mlflow import VARIABLES
from watermaster.observe.batches import seen_rows
from watermaster.observe.gaps import Gaps
from watermaster.observe.mlflow_rows import Scope, experiment_row, is_prompt, run_rows, version_row
from watermaster.observe.web import Web, web_of
from watermaster.units.periods import Period

API: Final = "/api/2.0/mlflow"
A_PAGE: Final = 1000
EXPERIMENTS_AT_ONCE: Final = 100
Entry = Mapping[str, Any]
Ask = Callable[[str | None], Any]  # a page token to the page
OPEN: Final = ("RUNNING", "SCHEDULED")  # of these nobody knows when they ended


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Runs that ran in the window on each of its days; experiments and models as they are now."""
    web = web_of(source, VARIABLES)
    gaps = Gaps(web.where(), tell)
    scope = Scope.of(source, window, int(time.time()))
    experiments = {
        str(one["experiment_id"]): one
        for page in _searched(web, "experiments/search", "experiments", {"view_type": "ALL"})
        for one in page
    }  # if not even these can be listed, it is no MLflow, or shut
    scope.names = {key: str(one.get("name") or key) for key, one in experiments.items()}
    for runs in _runs(web, sorted(experiments), scope, gaps):
        tell(Progress(len(scope.told), None, "runs"))
        found = [rows for one in runs for rows in run_rows(one, scope, gaps)]
        yield from seen_rows("subjects", [row for table, row in found if table == "subjects"])
        yield from seen_rows("runs", [row for table, row in found if table == "runs"])
    if scope.is_current:
        yield from seen_rows("subjects", [experiment_row(e, scope) for e in experiments.values()])
        versions = gaps.over("model-version", _versions(web, gaps))
        yield from seen_rows("subjects", [version_row(one, scope) for one in versions])
    yield from gaps.seen()


def _runs(
    web: Web, experiments: Sequence[str], scope: Scope, gaps: Gaps
) -> Iterator[Sequence[Entry]]:
    """Runs that ended in the time asked for, then those that have not ended."""
    ended = f"attributes.end_time >= {scope.start_ms} and attributes.start_time < {scope.end_ms}"
    for start in range(0, len(experiments), EXPERIMENTS_AT_ONCE):
        some = experiments[start : start + EXPERIMENTS_AT_ONCE]
        for which in (ended, *(f"attributes.status = '{state}'" for state in OPEN)):
            asked = {"experiment_ids": some, "filter": which, "run_view_type": "ALL"}
            pages = _searched(web, "runs/search", "runs", asked)
            yield from gaps.over("run", pages)


def _versions(web: Web, gaps: Gaps) -> Iterator[Entry]:
    """Every version, with what its registered model says, and where its weights lie."""
    models = {
        str(one["name"]): one for one in _listed(web, "registered-models/search",
                                                "registered_models")
    }  # fmt: skip
    told: set[tuple[str, str]] = set()
    for one in _listed(web, "model-versions/search", "model_versions"):
        key = str(one.get("name")), str(one.get("version"))
        if key not in told and not is_prompt(one):
            told.add(key)
            model = models.get(key[0], {})
            yield {**one, "model": model, "location": _location(web, one, gaps)}


def _location(web: Web, version: Entry, gaps: Gaps) -> str | None:
    """An address under `models:/` is a name for another."""
    source = version.get("source")
    if not str(source).startswith("models:/"):
        return source
    asked = {"name": version.get("name"), "version": version.get("version")}
    try:
        told = web.get(f"{API}/model-versions/get-download-uri", **asked)
    except BadInputError as error:
        gaps.lose("model-version", " ".join(str(error).split()))
        return source
    return told.get("artifact_uri") or source


def _searched(web: Web, path: str, key: str, asked: Entry) -> Iterator[Sequence[Entry]]:
    """Page after page of a search that takes its question as a body."""

    def ask(token: str | None) -> Any:
        body = {**asked, "max_results": A_PAGE} | ({"page_token": token} if token else {})
        return web.post(f"{API}/{path}", body)

    return _pages(web, path, key, ask)


def _listed(web: Web, path: str, key: str) -> Iterator[Entry]:
    """Everything of a search that takes its question in the address."""

    def ask(token: str | None) -> Any:
        return web.get(f"{API}/{path}", max_results=A_PAGE, page_token=token)

    return chain.from_iterable(_pages(web, path, key, ask))


def _pages(web: Web, path: str, key: str, ask: Ask) -> Iterator[Sequence[Entry]]:
    """Pages until there are no more; one that comes again is a fault, not more of it."""
    token: str | None = None
    known: set[str] = set()
    while True:
        answer = ask(token)
        yield _entries(web, path, answer, key)
        token = answer.get("next_page_token")
        if not token:
            return
        if token in known:
            where = web.where(f"{API}/{path}")
            raise BadInputError(where, "gives the same page again", "ask its operators")
        known.add(token)


def _entries(web: Web, path: str, answer: Any, key: str) -> Sequence[Entry]:
    held = answer.get(key, []) if isinstance(answer, dict) else None
    if not isinstance(held, list):
        what = "does not answer like an MLflow"
        raise BadInputError(web.where(f"{API}/{path}"), what, "give the tracking server's address")
    return held
