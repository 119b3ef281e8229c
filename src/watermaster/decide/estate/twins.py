"""Two teams that build the same: names alike, one base model, the same data."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from watermaster.decide.estate.doubles import base_models
from watermaster.decide.estate.finding import found
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import Seen

ALIKE: Final = 0.75  # ratio of difflib, of names without the words of their teams
SHARED: Final = 0.5  # of the datasets of both
NO_WORDS: Final = frozenset({"a", "b", "v", "new", "old", "prod", "dev", "test", "team"})


@dataclass(frozen=True, slots=True)
class _Build:
    name: str
    team: str
    words: str  # of its name, in order
    base: str
    data: frozenset[str]


def twin_builds(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Workloads of different teams with one base model, the same data and names alike.

    What is declared is compared; lineage that was observed is not there yet. Work that does not
    cost anything is left out.
    """
    costs = {one.workload: one.cost for one in seen.workloads if one.cost}
    by_base: dict[tuple[str, str], list[_Build]] = {}
    for purpose, one in _builds(estate):
        if one.name in costs:
            by_base.setdefault((one.base, purpose), []).append(one)
    for _, works in sorted(by_base.items()):
        for one, other in combinations(sorted(works, key=lambda work: work.name), 2):
            if one.team == other.team or not _is_same(one, other):
                continue
            shared = ", ".join(sorted(one.data & other.data))
            yield found(
                seen, "twin-builds", f"workload/{one.name}+{other.name}",
                min(costs[one.name], costs[other.name]),
                why=f"{one.team} and {other.team} both build on {one.base} with {shared}",
                next_step=f"bring {one.team} and {other.team} together; "
                "the cost is that of the cheaper one",
                team=one.team,
            )  # fmt: skip


def _builds(estate: Estate) -> Iterator[tuple[str, _Build]]:
    bases = base_models(estate)
    for version in estate.of("Workload"):
        one, spec = version.resource.metadata, version.resource.spec
        if spec.model and spec.datasets and one.owner and spec.stage != "retired":
            base = bases.get(spec.model, spec.model)
            words = _words(one.name, one.owner)
            yield (
                str(spec.purpose),
                _Build(one.name, one.owner, words, base, frozenset(spec.datasets)),
            )


def _is_same(one: _Build, other: _Build) -> bool:
    shared = len(one.data & other.data) / len(one.data | other.data)
    # a word may be of one team only: then the whole names tell
    names = [" ".join(re.findall(r"[a-z]+", work.name)) for work in (one, other)]
    return shared >= SHARED and (_alike(one.words, other.words) or _alike(*names))


def _words(name: str, team: str) -> str:
    """The words of a name that say what is built: not whose it is, not which number.

    >>> _words("claims-letter-tune-2", "claims-documents")
    'letter tune'
    """
    own = set(re.split(r"[^a-z]+", team))
    words: Sequence[str] = [word for word in re.split(r"[^a-z]+", name) if word]
    kept = [word for word in words if word not in own and word not in NO_WORDS]
    return " ".join(kept or words)


def _alike(one: str, other: str) -> bool:
    first, second = (" ".join(sorted(text.split())) for text in (one, other))
    return difflib.SequenceMatcher(None, first, second).ratio() >= ALIKE
