"""Every rule of the estate over what was seen, the dearest finding first."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from watermaster.decide.estate.births import experiments_that_end, experiments_without_budget
from watermaster.decide.estate.data_use import data_out_of_place, undeclared_data_use
from watermaster.decide.estate.doubles import doubles, half_empty_endpoints, model_sprawl
from watermaster.decide.estate.idleness import (
    inactive_gpus,
    newer_than_needed,
    oversized_requests,
)
from watermaster.decide.estate.leftovers import (
    consuming_without_delivering,
    declared_not_running,
    orphans,
    runaway_experiments,
    zombie_experiments,
)
from watermaster.decide.estate.ownership import (
    ambiguous_selectors,
    things_of_gone_teams,
    undeclared_workloads,
    unowned_resources,
)
from watermaster.decide.estate.reservations import idle_reservations
from watermaster.decide.estate.taxonomy import purposes_that_disagree
from watermaster.decide.estate.trials import experiments_over_budget, judged_experiments
from watermaster.decide.estate.twins import twin_builds
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import Seen

RULE: Final = "estate/6"
Rule = Callable[[Seen, Estate], Iterator[Finding]]
RULES: Final[tuple[Rule, ...]] = (
    undeclared_workloads, unowned_resources, ambiguous_selectors, things_of_gone_teams,
    inactive_gpus, oversized_requests, newer_than_needed, idle_reservations, orphans,
    declared_not_running,
    consuming_without_delivering, experiments_without_budget, experiments_that_end,
    zombie_experiments, runaway_experiments, judged_experiments,
    experiments_over_budget, doubles,
    half_empty_endpoints, twin_builds, model_sprawl, data_out_of_place, undeclared_data_use,
    purposes_that_disagree,
)  # fmt: skip


def findings(seen: Seen, estate: Estate) -> list[Finding]:
    """All of them; the same rule about the same subject is told once."""
    told = {one.id: one for rule in RULES for one in rule(seen, estate)}
    return dearest_first(told.values())


def dearest_first(found: Iterable[Finding]) -> list[Finding]:
    """Findings in the order in which they are shown."""
    return sorted(found, key=lambda one: (-(one.cost or Decimal(0)), one.rule, one.subject))
