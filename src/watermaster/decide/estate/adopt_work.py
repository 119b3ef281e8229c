"""Workloads: names that tags, labels and jobs give, each with the team most of it is for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from watermaster.decide.estate.proposal import document
from watermaster.decide.estate.seen_words import GENERIC_JOBS, SLURM_JOB, Words, weight
from watermaster.decide.estate.words import as_name, most
from watermaster.model.adopted import Document, Observed, Proposal, Used

_PURPOSES: Final = (  # a word in the name, the purpose it tells
    (("eval", "benchmark", "canary"), "evaluation"),
    (("tune", "finetune", "preference", "lora", "sft", "dpo"), "fine-tuning"),
    (("pretrain", "train"), "training"),
    (("batch", "nightly", "reindex", "backfill", "annotate"), "batch-inference"),
    (("sweep", "study", "lab", "experiment", "notebook", "workbench"), "experiment"),
    (("etl", "prep", "align", "build", "sync", "lake", "ingest"), "data-preparation"),
)
_ENVIRONMENTS: Final = {
    "prod": "production", "production": "production", "live": "production", "dev": "development",
    "development": "development", "test": "staging", "staging": "staging", "stage": "staging",
}  # fmt: skip
LONG_S: Final = 3 * 86_400  # what runs longer without end serves


@dataclass
class _Work:
    """What speaks for one workload."""

    cost: Decimal = Decimal(0)
    gpu_s: int = 0
    teams: list[tuple[str, Decimal]] = field(default_factory=list)
    environments: list[tuple[str, Decimal]] = field(default_factory=list)
    selectors: dict[str, Document] = field(default_factory=dict)
    used: list[Used] = field(default_factory=list)
    told: set[str] = field(default_factory=set)


def workloads(seen: Observed, words: Words, teams: Sequence[str]) -> Iterator[Proposal]:
    """One proposal a name, owned by the team most of its cost and GPU time is for."""
    found: dict[str, _Work] = {}
    _from_bills(seen, words, found)
    _from_use(seen, words, found)
    for name, work in sorted(found.items()):
        owner = most([one for one in work.teams if one[0] in teams])
        sure, reason = _how_sure(work, owner)
        yield Proposal(
            kind="Workload",
            name=name,
            document=document("Workload", name, _spec(name, work), owner[0] if owner else None),
            confidence=sure,
            reason=reason,
            cost=work.cost,
            gpu_s=work.gpu_s,
        )


def _how_sure(work: _Work, owner: tuple[str, Decimal] | None) -> tuple[float, str]:
    told = ", ".join(sorted(work.told))
    if owner is None:
        return 0.4, f"{told}; nothing names its team"
    share = round(float(owner[1]), 2)
    sure = (0.97 if len(work.told) > 1 else 0.93) * share
    return round(sure, 2), f"{told}; {share:.0%} of it is {owner[0]}'s"


def _spec(name: str, work: _Work) -> Document:
    selectors = [work.selectors[key] for key in sorted(work.selectors)]
    spec: Document = {"purpose": _purpose(name, work.used), "selectors": selectors}
    if spec["purpose"] == "experiment":
        spec["stage"] = "experiment"
    environment = most(work.environments)
    if environment:
        spec["environment"] = environment[0]
    return spec


def _purpose(name: str, used: Sequence[Used]) -> str:
    parts = name.split("-")
    for words, purpose in _PURPOSES:
        if any(part.startswith(word) for part in parts for word in words):
            return purpose
    jobs = [one for one in used if one.kind == SLURM_JOB]
    if jobs:
        return "training" if max(one.most_gpus for one in jobs) >= 8 else "experiment"
    if used and max(one.longest_s for one in used) < LONG_S:
        return "batch-inference"
    return "online-inference"


def _from_bills(seen: Observed, words: Words, found: dict[str, _Work]) -> None:
    main = words.key("workload")
    of_resource: dict[str, list[tuple[str, Decimal]]] = {}
    odd: dict[str, Decimal] = {}  # resources, and what they cost without the tag as meant
    for row in seen.billed:
        name = words.workload(row.tags)
        plainly = main is not None and as_name(row.tags.get(main, "")) == name
        if row.resource_id and name:
            of_resource.setdefault(row.resource_id, []).append((name, abs(row.cost)))
        if row.resource_id and not (name and plainly):
            odd[row.resource_id] = odd.get(row.resource_id, Decimal(0)) + row.cost
        if not name or not plainly or main is None:
            continue
        work = found.setdefault(name, _Work())
        work.cost += row.cost
        work.told.add(f"tag {main}={row.tags[main]}")
        work.selectors[f"tag {row.tags[main]}"] = {"tags": {main: row.tags[main]}}
        if team := words.team(row.tags):
            work.teams.append((team, abs(row.cost)))
        said = words.said("environment", row.tags)
        if said and said.lower() in _ENVIRONMENTS:
            work.environments.append((_ENVIRONMENTS[said.lower()], abs(row.cost)))
    for idn, cost in odd.items():
        name_share = most(of_resource.get(idn, ()))
        if name_share and name_share[0] in found:
            work = found[name_share[0]]
            work.cost += cost
            work.told.add("resources whose tags are missing at times")
            work.selectors[f"resource {idn}"] = {"resourceId": idn}


def _from_use(seen: Observed, words: Words, found: dict[str, _Work]) -> None:
    for row in seen.used:
        named = _of_use(row, words)
        if named is None:
            continue
        name, selector, told = named
        work = found.setdefault(name, _Work())
        work.gpu_s += row.gpu_s
        work.used.append(row)
        work.told.add(told)
        work.selectors[repr(sorted(selector.items()))] = selector
        if team := words.team_of(row):
            work.teams.append((team, weight(row)))


def _of_use(row: Used, words: Words) -> tuple[str, Document, str] | None:
    """The workload a row is of, the selector that takes it, and what tells."""
    if row.kind == SLURM_JOB:
        if not row.name or row.name.lower() in GENERIC_JOBS:
            return None
        name = words.workloads.get(row.name, as_name(row.name))
        selector: Document = {"name": row.name}
        if row.account:
            selector["account"] = row.account
        return (name, selector, f"Slurm jobs {name}") if name else None
    said = words.said("workload", row.labels)
    name = words.workload(row.labels)
    if not said or not name:
        return None
    key = next(key for key, value in sorted(row.labels.items()) if value == said)
    return name, {"labels": {key: said}}, f"label {key}={name} in {row.namespace}"
