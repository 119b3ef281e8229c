"""Where the artefact of a version comes from: its source followed to storage, run and model.

Source of the forms: MLFlow's model URIs, https://mlflow.org/docs/latest/model-registry
"""

import re
import urllib.parse
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from watermaster.act.secret import secret_of
from watermaster.flows.artefacts import may_read
from watermaster.flows.open import Project
from watermaster.ledger.registry import aliased, latest_of, model_of, version_of
from watermaster.model.errors import WatermasterError
from watermaster.model.registry import (
    BadValueError,
    Lineage,
    ModelVersion,
    Stage,
    UnknownModelError,
    UnknownVersionError,
    checked_text,
)
from watermaster.observe.web import Web

API: Final = "/api/2.0/mlflow"
TIMEOUT_S: Final = 5.0
HOSTS: Final = frozenset({"ftp", "sftp", "http", "https"})  # a client must not send us anywhere
_LOGGED: Final = re.compile(r"m-[0-9a-zA-Z]{1,64}")
_RUN: Final = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_CLIMBS: Final = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|[\x00#]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is known of where a version comes from."""

    source: str
    storage: str | None
    run_id: str
    logged_model: str | None
    lineage: Lineage
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a client says of where a version comes from; None: it says nothing."""

    source: str
    run_id: str | None = None
    logged_model: str | None = None
    is_prompt: bool = False  # its text is in its tags, and its source a mere word


def origin_of(project: Project, told: Told) -> Origin:
    """The source followed to storage and run; it may ask the tracking server, and wait for it."""
    checked_text("source", told.source)
    place = _parts(told)
    if told.is_prompt and not place.scheme and "/" not in told.source:
        return Origin(source=told.source, storage=None, run_id=told.run_id or "",
                      logged_model=None, lineage=Lineage.UNASKED)  # fmt: skip
    if place.scheme == "models":
        return _of_models(project, told, place)
    _allowed(project, told, place)
    run_id = told.run_id or ""
    lineage = _run_known(project, run_id) if run_id else Lineage.UNASKED
    return Origin(
        source=told.source, storage=told.source, run_id=run_id, lineage=lineage,
        logged_model=told.logged_model,
    )  # fmt: skip


def _parts(told: Told) -> urllib.parse.SplitResult:
    try:
        return urllib.parse.urlsplit(told.source)
    except ValueError:
        raise _invalid(told, "It is no address.") from None


def _of_models(project: Project, told: Told, place: urllib.parse.SplitResult) -> Origin:
    if place.netloc:
        raise _invalid(told, "Registered model sources must use the active model registry.")
    name = urllib.parse.unquote(place.path).strip("/")
    if "/" not in name and "@" not in name:
        return _of_logged(project, told, name)
    with project.ledger.records.connect() as connection:
        held = _meant(connection, told, name)
    for said, known in ((told.run_id, held.run_id), (told.logged_model, held.logged_model)):
        if said is not None and said != (known or ""):
            what = "The run_id and model_id request parameters must match the referenced model "
            raise _invalid(told, f"{what}version.")
    return Origin(
        source=f"models:/{held.model}/{held.version}",
        storage=held.storage,
        run_id=told.run_id if told.run_id is not None else held.run_id or "",
        logged_model=told.logged_model or held.logged_model,
        lineage=Lineage(held.lineage),
        digest=held.digest,
    )


def _meant(connection: sa.Connection, told: Told, text: str) -> ModelVersion:
    """The version that NAME/3, NAME/latest, NAME/Stage or NAME@alias means now."""
    name, at, alias = text.rpartition("@") if "@" in text else text.rpartition("/")
    model = model_of(connection, name)
    if model is None:
        raise UnknownModelError(name)
    if model.is_prompt:
        raise _invalid(told, "Prompt versions cannot be used as model version sources.")
    number = _number(connection, name, alias, is_alias=at == "@")
    held = version_of(connection, name, number)
    if held is None:
        raise UnknownVersionError(name, number)
    return held


def _number(connection: sa.Connection, name: str, word: str, *, is_alias: bool) -> int:
    if is_alias:
        number = aliased(connection, name, word)
        if number is None:
            raise BadValueError(f"Registered model alias {word} not found.", name)
        return number
    if word.isdecimal():
        return int(word[:10])
    latest = latest_of(connection, name)
    stages = {one.lower(): one.value for one in Stage}
    if word.lower() != "latest" and word.lower() not in stages:
        raise UnknownVersionError(name, word)
    found = [
        one.version
        for one in latest
        if word.lower() == "latest" or one.stage == stages[word.lower()]
    ]
    if not found:
        raise UnknownVersionError(name, word)
    return max(found)


def _of_logged(project: Project, told: Told, name: str) -> Origin:
    """MLflow 3: a logged model of the tracking server, which alone knows its run and place."""
    if not _LOGGED.fullmatch(name) or (told.logged_model or name) != name:
        raise _foreign(told, "model_id")
    held = _asked(project, f"{API}/logged-models/{name}", "model")
    known = held.get("info", {}) if isinstance(held, dict) else {}
    storage = known.get("artifact_uri")
    return Origin(
        source=told.source,
        storage=str(storage) if storage else told.source,
        run_id=told.run_id or str(known.get("source_run_id") or ""),
        logged_model=name,
        lineage=Lineage.RESOLVED if storage else Lineage.UNRESOLVED,
    )


def _allowed(project: Project, told: Told, place: urllib.parse.SplitResult) -> None:
    """A source is an address in a store, or a folder that the settings name."""
    scheme = place.scheme.lower()
    if scheme in {"", "file"}:
        return _in_folders(project, told, place.path)
    if _CLIMBS.search(_plain(told.source)):
        raise _invalid(
            told,
            "If supplying a source as an http, https, local file path, ftp, objectstore, or "
            "mlflow-artifacts uri, an absolute path must be provided without relative path "
            "references present. Please provide an absolute path.",
        )
    if scheme in HOSTS:
        what = f"'source' cannot use the '{scheme}' scheme: it names a host, not a store. "
        raise BadValueError(f"{what}Register what a store or the tracking server holds.")
    if scheme == "runs":
        run_id = place.path.strip("/").partition("/")[0]
        if place.netloc or not told.run_id or run_id != told.run_id:
            raise _foreign(told, "run_id")
    if scheme == "mlflow-artifacts" and not (told.run_id or told.logged_model):
        raise _foreign(told, "run_id")
    return None


def _in_folders(project: Project, told: Told, path: str) -> None:
    named = project.config.artefacts is not None
    if named and path.startswith("/") and may_read(project, urllib.parse.unquote(path)):
        return
    what = (
        "To use a local path as a model version source, the run_id request parameter has to be "
        "specified and the local path has to be contained within the artifact directory of the "
        "run specified by the run_id."
    )
    raise _invalid(told, what)


def _run_known(project: Project, run_id: str) -> Lineage:
    if not _RUN.fullmatch(run_id):
        return Lineage.UNRESOLVED
    held = _asked(project, f"{API}/runs/get", "run", run_id=run_id)
    return Lineage.RESOLVED if held else Lineage.UNRESOLVED


def _asked(project: Project, path: str, key: str, **asked: str) -> Any:
    """What the tracking server says; None where there is none, or it does not know."""
    settings = project.config.registry
    if settings is None or settings.tracking is None:
        return None
    try:
        headers = {}
        if settings.tracking_token:
            secret = secret_of(settings.tracking_token, "registry.trackingToken")
            headers["Authorization"] = f"Bearer {secret}"
        web = Web(settings.tracking.rstrip("/"), headers, TIMEOUT_S)
        answer = web.get(path, **asked)
    except WatermasterError:
        return None  # the version is registered as unresolved; a gate may ask for more
    return answer.get(key) if isinstance(answer, dict) else None


def _plain(source: str) -> str:
    """Without percent signs, however often they were put in."""
    for _ in range(10):
        plain = urllib.parse.unquote(source)
        if plain == source:
            break
        source = plain
    return source


def _invalid(told: Told, what: str) -> BadValueError:
    return BadValueError(f"Invalid model version source: '{told.source}'. {what}")


def _foreign(told: Told, parameter: str) -> BadValueError:
    what = f"The {parameter} request parameter must identify the resource that contains the source."
    return _invalid(told, what)
