"""Whose a thing is, for the right that changing it needs; None: nobody's."""

from watermaster.flows.estate import known_estate
from watermaster.flows.findings import show_finding
from watermaster.flows.fix import fix_of
from watermaster.flows.open import Project
from watermaster.model.estate import live_estate


def team_of_finding(project: Project, id_: str) -> str | None:
    """The team that owns what a finding is about."""
    return show_finding(project, id_).team


def team_of_fix(project: Project, id_: str) -> str | None:
    """The team that owns what a fix would mend."""
    return team_of_finding(project, fix_of(project, id_).plan.finding)


def team_of_declared(project: Project, kind: str, name: str) -> str | None:
    """The owner that a resource declares; kind as in YAML, in any case."""
    for version in live_estate(known_estate(project)).versions:
        one = version.resource
        if one.kind.lower() == kind.lower() and one.metadata.name == name:
            return one.metadata.owner
    return None
