"""The registry read: models, versions, where their artefacts lie, and searches over them."""

from watermaster.flows.access import note_access
from watermaster.flows.open import Project
from watermaster.ledger.accesses import noting
from watermaster.ledger.registry import aliased, has_model, latest_of, model_of, version_of
from watermaster.ledger.registry_search import search_models, search_versions
from watermaster.model.registry import (
    BadValueError,
    ModelVersion,
    RegisteredModel,
    UnknownModelError,
    UnknownVersionError,
    checked_alias,
    checked_name,
    checked_stage,
    checked_version,
)
from watermaster.model.registry_search import Search


def get_model(project: Project, name: str) -> RegisteredModel:
    """A model with tags, aliases and the newest version of each stage."""
    checked_name(name)
    with project.ledger.records.connect() as connection:
        held = model_of(connection, name)
    if held is None:
        raise UnknownModelError(name)
    return held


def get_version(project: Project, name: str, version: str | int) -> ModelVersion:
    """One version."""
    checked_name(name)
    number = checked_version(version)
    with project.ledger.records.connect() as connection:
        held = version_of(connection, name, number)
    if held is None:
        raise UnknownVersionError(name, version)
    return held


def get_aliased(project: Project, name: str, alias: str) -> ModelVersion:
    """The version an alias means; `latest` means the one of the highest number."""
    checked_name(name), checked_alias(alias)
    with project.ledger.records.connect() as connection:
        if alias.lower() == "latest":
            numbers = [one.version for one in latest_of(connection, name)]
            number = max(numbers, default=None)
        else:
            number = aliased(connection, name, alias)
        held = None if number is None else version_of(connection, name, number)
        if held is not None:
            return held
        if not has_model(connection, name):
            raise UnknownModelError(name)
    if alias.lower() == "latest":
        raise UnknownVersionError(name, alias)
    raise BadValueError(f"Registered model alias {alias} not found.", name)


def get_latest(project: Project, name: str, stages: list[str]) -> list[ModelVersion]:
    """The newest version of each of these stages; none named: of all."""
    checked_name(name)
    asked = {checked_stage(stage).value for stage in stages}
    with project.ledger.records.connect() as connection:
        found = latest_of(connection, name)
        if not found and not has_model(connection, name):
            raise UnknownModelError(name)
    return [one for one in found if not asked or one.stage in asked]


def download_place(project: Project, name: str, version: str | int) -> str:
    """Where clients get the artefact of a version; who asks is in the access log."""
    held = get_version(project, name, version)
    place = held.storage or held.source
    with noting(project.ledger.records) as connection:
        note_access(connection, project, ("read", f"model/{held.model}/{held.version}"), place)
    return place


def find_models(project: Project, asked: Search) -> tuple[list[RegisteredModel], bool]:
    """One page of the models that fit, and whether there are more."""
    with project.ledger.records.connect() as connection:
        return search_models(connection, asked)


def find_versions(project: Project, asked: Search) -> tuple[list[ModelVersion], bool]:
    """One page of the versions that fit, and whether there are more."""
    with project.ledger.records.connect() as connection:
        return search_versions(connection, asked)
