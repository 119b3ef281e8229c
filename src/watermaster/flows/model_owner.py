"""Whose a model of the registry is."""

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.registry import has_model
from watermaster.ledger.resources import history
from watermaster.model.estate import holds
from watermaster.model.resources import ModelSpec, Resource


def team_of_model(connection: sa.Connection, project: Project, name: str) -> str | None:
    """The team it was registered by, else the owner of the Model that is declared as it."""
    held = has_model(connection, name)
    if held is not None and held.team:
        return str(held.team)
    at = project.ledger.clock()
    for version in history(connection, kinds=("Model",)):
        one = version.resource
        if isinstance(one.spec, ModelSpec) and holds(version, at) and name in _names(one):
            return one.metadata.owner
    return None


def _names(one: Resource) -> set[str]:
    return {one.metadata.name, *(one.spec.seen_as if isinstance(one.spec, ModelSpec) else ())}
