"""What who asks may see and do: rows of cost of their own units, things of their own teams."""

from collections.abc import Sequence
from dataclasses import dataclass

from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.model.errors import NotAllowedError
from watermaster.model.estate import live_estate
from watermaster.model.identity import Right
from watermaster.model.tables import Table


@dataclass(frozen=True, slots=True)
class Sight:
    """The teams somebody is in, and the business units of those teams."""

    teams: frozenset[str]
    units: frozenset[str]

    def holds(self, team: object, unit: object) -> bool:
        """Whether a row of this owner is theirs to see; what is nobody's is not."""
        return team in self.teams or unit in self.units


def sight(project: Project) -> Sight | None:
    """Whose costs who asks may see; None: everybody's."""
    teams = project.asker.teams
    if teams is None:
        return None
    declared = live_estate(known_estate(project)).of("Team")
    units = {v.resource.spec.unit for v in declared if v.resource.metadata.name in teams}
    return Sight(teams, frozenset(units))


def in_sight(project: Project, rows: Table) -> Table:
    """The allocations that who asks may see. rows: unit, team and any others; the same columns."""
    mine = sight(project)
    if mine is None:
        return rows
    is_mine = rows.unit.isin(sorted(mine.units)) | rows.team.isin(sorted(mine.teams))
    return rows.filter(is_mine.fill_null(False))


def teams_in_sight(project: Project) -> frozenset[str] | None:
    """Every team whose things who asks may see: all of their units; None: all there are."""
    mine = sight(project)
    if mine is None:
        return None
    declared = live_estate(known_estate(project)).of("Team")
    beside = {v.resource.metadata.name for v in declared if v.resource.spec.unit in mine.units}
    return mine.teams | beside


def see_all(project: Project, what: str) -> None:
    """NotAllowedError unless who asks may see the costs of all units."""
    if project.asker.teams is not None:
        raise NotAllowedError(
            what, "shows the costs of all units", "ask an auditor or an administrator to see them"
        )


def need(project: Project, right: Right, team: str | None = None, what: str = "this") -> None:
    """NotAllowedError unless who asks holds a right, for something of `team` or of nobody."""
    need_one(project, (right,), team, what)


def need_one(project: Project, rights: Sequence[Right], team: str | None, what: str) -> None:
    """The same for any one of some rights."""
    if not any(project.asker.may(right, team) for right in rights):
        of = f" in team {team}" if team else ""
        wanted = " or ".join(rights)
        raise NotAllowedError(
            what, f"{project.asker.name} has no right to {wanted}{of}",
            "ask who owns the team, or an administrator",
        )  # fmt: skip


def is_theirs(teams: frozenset[str] | None, *owners: str | None) -> bool:
    """Whether one of these owns something, or is guessed to; teams None: all is theirs to see."""
    return teams is None or any(one in teams for one in owners)
