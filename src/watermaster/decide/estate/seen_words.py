"""Which team and workload each observed row speaks of, in words brought together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from watermaster.decide.estate.words import as_name, meaning, spellings
from watermaster.model.adopted import Moved, Observed, Used

SYSTEM: Final = frozenset({
    "default", "kube-system", "kube-public", "kube-node-lease", "monitoring", "root", "system",
})  # fmt: skip
GENERIC_JOBS: Final = frozenset({
    "wrap", "bash", "sh", "python", "python3", "interactive", "sys/dashboard", "test", "job",
    "jupyter", "srun", "sbatch", "run", "main",
})  # fmt: skip
GPU_HOUR_S: Final = 3600
GPU_HOUR_WEIGHT: Final = Decimal(2)  # beside money, a GPU-hour weighs about what one costs
POD: Final = "pod"
SLURM_JOB: Final = "slurm-job"


@dataclass(frozen=True, slots=True)
class Words:
    """The spellings of keys and values that stand for teams and workloads."""

    keys: Mapping[str, Mapping[str, Decimal]]  # meaning -> key -> cost that carries it
    teams: Mapping[str, str]  # spelling -> team
    workloads: Mapping[str, str]  # spelling -> workload

    def key(self, what: str) -> str | None:
        """The key most cost carries for a meaning."""
        held = self.keys.get(what, {})
        return max(held, key=lambda key: (held[key], key)) if held else None

    def said(self, what: str, labels: Mapping[str, str]) -> str | None:
        """What a row's tags or labels say of a meaning, as spelled there."""
        keys = self.keys.get(what, {})
        told = [key for key in labels if key in keys or meaning(key) == what]
        return labels[max(told, key=lambda key: (keys.get(key, Decimal(0)), key))] if told else None

    def team(self, labels: Mapping[str, str]) -> str | None:
        """The team tags or labels name."""
        return self._name(self.teams, self.said("team", labels))

    def workload(self, labels: Mapping[str, str]) -> str | None:
        """The workload tags or labels name."""
        return self._name(self.workloads, self.said("workload", labels))

    def team_of(self, row: Used | Moved) -> str | None:
        """The team that something ran or read for: by label, namespace or account."""
        named = self.team(row.labels)
        if named:
            return named
        places = (row.namespace, row.account)
        return next((self.teams[place] for place in places if place and place in self.teams), None)

    @staticmethod
    def _name(known: Mapping[str, str], said: str | None) -> str | None:
        return known.get(said, as_name(said)) if said else None


def weight(row: Used) -> Decimal:
    """How much a use counts beside costs."""
    return GPU_HOUR_WEIGHT * row.gpu_s / GPU_HOUR_S


def read_words(seen: Observed) -> Words:
    """Collect every key and value with the cost that carries it, and bring spellings together."""
    keys: dict[str, dict[str, Decimal]] = {}
    for row in seen.billed:
        for key in row.tags:
            if what := meaning(key):
                held = keys.setdefault(what, {})
                held[key] = held.get(key, Decimal(0)) + abs(row.cost)
    words = Words(keys, {}, {})
    return Words(keys, _names(_team_weights(seen, words)), _names(_work_weights(seen, words)))


def _names(weights: Mapping[str, Decimal]) -> dict[str, str]:
    meant = spellings(weights)
    named = {said: as_name(right) for said, right in meant.items()}
    return {said: name for said, name in named.items() if name}


def _team_weights(seen: Observed, words: Words) -> dict[str, Decimal]:
    told = [(words.said("team", row.tags), abs(row.cost)) for row in seen.billed]
    for row in seen.used:
        place = row.account if row.kind == SLURM_JOB else row.namespace
        told += [(words.said("team", row.labels), weight(row)), (place, weight(row))]
    return _summed(told)


def _work_weights(seen: Observed, words: Words) -> dict[str, Decimal]:
    told = [(words.said("workload", row.tags), abs(row.cost)) for row in seen.billed]
    for row in seen.used:
        name = row.name if row.kind == SLURM_JOB else None
        told += [(words.said("workload", row.labels), weight(row)), (name, weight(row))]
    return _summed(told)


def _summed(told: Iterable[tuple[str | None, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for word, amount in told:
        if word:
            sums[word] = sums.get(word, Decimal(0)) + amount
    return sums
