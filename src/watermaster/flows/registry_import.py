"""Take over a registry: every model and version of an MLflow server, with numbers and times.

Only reading methods are asked of the other side. What exists here is left alone; aliases and stages
are set by the same flows as anybody's, so gates judge them, and what they refuse is told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from watermaster.act.secret import secret_of
from watermaster.flows import registry
from watermaster.flows.open import Project
from watermaster.ledger import registry_write as write
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.registry import has_model
from watermaster.model.errors import UsageError, WatermasterError
from watermaster.model.events import Progress
from watermaster.model.registry import (
    Lineage,
    ModelVersion,
    RegisteredModel,
    Stage,
    checked_name,
    checked_tags,
)
from watermaster.observe.web import Web

API: Final = "/api/2.0/mlflow/"
A_PAGE: Final = 500
TIMEOUT_S: Final = 60.0
Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was taken over, and what was not."""

    models: list[str]
    versions: int
    there: list[str]  # models that were here before, left alone
    refused: list[str]  # aliases and stages that were not set, each with why


def server_at(address: str, token: str | None) -> Web:
    """The other server. token: env:NAME or file:PATH; none: it is asked without."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise UsageError(address, "is no address of a server", "write http://HOST:PORT")
    headers = {"Authorization": f"Bearer {secret_of(token, '--token')}"} if token else {}
    return Web(address.rstrip("/"), headers, TIMEOUT_S)


def import_registry(project: Project, web: Web) -> Imported:
    """Read the other registry whole; each model is one transaction here."""
    taken: list[str] = []
    there: list[str] = []
    refused: list[str] = []
    count = 0
    for told in _pages(web, "registered-models/search", "registered_models", {}):
        name = checked_name(str(told["name"]))
        query = {"filter": "name = '{}'".format(name.replace("'", "''"))}
        versions = list(_pages(web, "model-versions/search", "model_versions", query))
        if not _keep(project, told, versions, web.where()):
            there.append(name)
            continue
        taken.append(name)
        count += len(versions)
        refused += list(_placed(project, told, versions))
        project.tell(Progress(len(taken), None, "models"))
    return Imported(models=taken, versions=count, there=there, refused=refused)


def _keep(project: Project, told: Told, versions: list[Told], where: str) -> bool:
    """Write a model and its versions; False where its name is taken."""
    name = str(told["name"])
    with chained(project.ledger.records) as connection:
        if has_model(connection, name):
            return False
        at = project.ledger.clock().isoformat()
        write.insert_model(connection, _model(project, told))
        for one in versions:
            write.insert_version(connection, _version(project, one))
        last = max((int(one["version"]) for one in versions), default=0)
        write.change_model(connection, name, next_version=last + 1)
        detail = {"way": "import", "model": name, "from": where, "versions": len(versions)}
        append_audit(connection, at, project.actor, "registry", detail)
    return True


def _placed(project: Project, told: Told, versions: list[Told]) -> Iterator[str]:
    """Set aliases and stages by the flows that ask the gates; what was refused, and why."""
    name = str(told["name"])
    for one in told.get("aliases", ()):
        try:
            registry.set_alias(project, name, str(one["alias"]), str(one["version"]))
        except WatermasterError as error:
            yield f"{name} {one['version']} as {one['alias']}: {error.what}"
    for one in versions:
        stage = str(one.get("current_stage", Stage.NONE))
        if stage == Stage.NONE:
            continue
        try:
            registry.move_version(project, name, str(one["version"]), stage)
        except WatermasterError as error:
            yield f"{name} {one['version']} to {stage}: {error.what}"


def _model(project: Project, told: Told) -> RegisteredModel:
    made_ms = int(told.get("creation_timestamp", 0))
    return RegisteredModel(
        name=str(told["name"]), created_ms=made_ms,
        updated_ms=int(told.get("last_updated_timestamp", made_ms)),
        description=str(told.get("description", "")), team=None, made_by=project.actor,
        tags=checked_tags(_tags(told)),
    )  # fmt: skip


def _version(project: Project, told: Told) -> ModelVersion:
    made_ms = int(told.get("creation_timestamp", 0))
    source = str(told.get("source", ""))
    return ModelVersion(
        model=str(told["name"]), version=int(told["version"]), created_ms=made_ms,
        updated_ms=int(told.get("last_updated_timestamp", made_ms)),
        description=told.get("description"), user_id=told.get("user_id"), made_by=project.actor,
        stage=Stage.NONE.value, source=source, storage=source, run_id=str(told.get("run_id", "")),
        run_link=str(told.get("run_link", "")), logged_model=told.get("model_id"),
        status=str(told.get("status", "READY")), status_message=told.get("status_message"),
        lineage=(Lineage.UNRESOLVED if told.get("run_id") else Lineage.UNASKED).value,
        digest=None, tags=checked_tags(_tags(told)),
    )  # fmt: skip


def _tags(told: Told) -> list[tuple[str, str]]:
    return [(str(one["key"]), str(one.get("value", ""))) for one in told.get("tags", ())]


def _pages(web: Web, path: str, key: str, asked: Mapping[str, str]) -> Iterator[Told]:
    """All of a search, page by page."""
    token: str | None = None
    while True:
        page = web.get(f"{API}{path}", max_results=A_PAGE, page_token=token, **asked)
        yield from page.get(key, ())
        token = page.get("next_page_token")
        if not token:
            return
