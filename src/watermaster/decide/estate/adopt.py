"""Propose the estate from what is observed: who exists, what runs, where, and whose it is.

Each proposal says how sure it is and why. A confidence is the share of such guesses that are
expected to be right; it is printed, never hidden in a choice. What nobody's tags, labels,
accounts or namespaces tell is not guessed.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from watermaster.decide.estate.adopt_places import platforms, pools
from watermaster.decide.estate.adopt_shared import commitments, datasets, shared_rules, tag_policy
from watermaster.decide.estate.adopt_teams import teams
from watermaster.decide.estate.adopt_work import workloads
from watermaster.decide.estate.known import without_known
from watermaster.decide.estate.seen_words import read_words
from watermaster.model.adopted import Adoption, Observed, Proposal
from watermaster.model.estate import Estate, live_estate

RULE: Final = "adopt/1"
SURE: Final = 0.6  # proposals from here on are accepted by `--accept all`


def adopt(seen: Observed, estate: Estate, snapshot: str) -> Adoption:
    """Everything that could be declared and is not, the surest first within each kind."""
    words = read_words(seen)
    left = without_known(seen, estate)
    people = list(teams(seen, words))
    sure = [one.name for one in people if one.confidence >= SURE]
    found = [
        *people,
        *platforms(seen),
        *pools(seen),
        *datasets(left, words, sure),
        *workloads(left, words, sure),
        *commitments(left, words, sure),
        *shared_rules(left, sure),
        *tag_policy(seen, words),
    ]
    known = {version.resource.key for version in live_estate(estate).versions}
    fresh = [one for one in found if (one.kind, one.name) not in known]
    total = sum((row.cost for row in seen.billed), Decimal(0))
    covered = sum((one.cost for one in _owning(fresh)), Decimal(0))
    return Adoption(
        rule=RULE,
        snapshot=snapshot,
        why=(
            f"{len(fresh)} resources proposed from {len(seen.billed)} billed and "
            f"{len(seen.used)} running groups; {len(fresh) - len(list(_sure(fresh)))} of them "
            f"are less sure than {SURE:.0%} and wait for a person."
        ),
        proposals=sorted(fresh, key=lambda one: (_ORDER[one.kind], -one.confidence, one.name)),
        cost=total,
        covered=covered,
    )


def _sure(found: Iterable[Proposal]) -> Iterator[Proposal]:
    return (one for one in found if one.confidence >= SURE)


def _owning(found: Iterable[Proposal]) -> Iterator[Proposal]:
    return (
        one
        for one in _sure(found)
        if one.kind in {"Workload", "Dataset", "Commitment", "AllocationRule"}
    )


_ORDER: Final = {
    kind: place
    for place, kind in enumerate(
        (
            "Team",
            "Platform",
            "Pool",
            "Dataset",
            "Workload",
            "Commitment",
            "AllocationRule",
            "TagPolicy",
        )
    )
}
