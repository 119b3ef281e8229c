"""Teams: tags that name an owner, Slurm accounts, namespaces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from watermaster.decide.estate.proposal import document
from watermaster.decide.estate.seen_words import SLURM_JOB, SYSTEM, Words
from watermaster.decide.estate.words import most
from watermaster.model.adopted import Document, Observed, Proposal


@dataclass
class _Team:
    """What speaks for one team."""

    tagged: Decimal = Decimal(0)
    gpu_s: int = 0
    tags: set[tuple[str, str]] = field(default_factory=set)
    slurm: set[str] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    accounts: list[tuple[str, Decimal]] = field(default_factory=list)


def teams(seen: Observed, words: Words) -> Iterator[Proposal]:
    """One proposal a team, with a selector for each place that speaks of it."""
    found = _collected(seen, words)
    units = _units(found)
    for name, team in sorted(found.items()):
        confidence, reason = _how_sure(team)
        yield Proposal(
            kind="Team",
            name=name,
            document=document("Team", name, {
                "unit": units[name],
                "selectors": list(_selectors(team)),
            }),
            confidence=confidence,
            reason=reason,
            cost=team.tagged,
            gpu_s=team.gpu_s,
        )  # fmt: skip


def _collected(seen: Observed, words: Words) -> dict[str, _Team]:
    found: dict[str, _Team] = {}
    main = words.key("team")
    for row in seen.billed:
        name = words.team(row.tags)
        if name is None:
            continue
        team = found.setdefault(name, _Team())
        team.tagged += row.cost
        team.accounts.append((row.account_name or row.account or "", abs(row.cost)))
        if main and words.teams.get(row.tags.get(main, "")) == name:
            team.tags.add((main, row.tags[main]))
    for used in seen.used:
        place = used.account if used.kind == SLURM_JOB else used.namespace
        if not place or place in SYSTEM:
            continue
        name = words.team(used.labels) or words.teams.get(place)
        if name is None:
            continue
        team = found.setdefault(name, _Team())
        team.gpu_s += used.gpu_s
        if words.teams.get(place) == name:
            (team.slurm if used.kind == SLURM_JOB else team.namespaces).add(place)
    return found


def _how_sure(team: _Team) -> tuple[float, str]:
    told = []
    if team.tags:
        told.append(f"tag {' and '.join(sorted('='.join(tag) for tag in team.tags))}")
    if team.slurm:
        told.append(f"Slurm account {', '.join(sorted(team.slurm))}")
    if team.namespaces:
        told.append(f"namespace {', '.join(sorted(team.namespaces))}")
    places = bool(team.tags) + bool(team.slurm) + bool(team.namespaces)
    reason = "; ".join(told) or "only misspelt tags"
    if places > 1:
        return 0.97, f"named alike in {places} places: {reason}"
    if team.slurm:
        return 0.9, f"{reason}; accounts are made for who pays"
    if team.tags:
        return 0.85, reason
    if team.namespaces:
        return 0.5, f"{reason} only: a namespace may be an application, or nobody's"
    return 0.3, reason


def _selectors(team: _Team) -> Iterator[Document]:
    yield from ({"tags": {key: value}} for key, value in sorted(team.tags))
    yield from ({"account": account} for account in sorted(team.slurm))
    yield from ({"namespace": namespace} for namespace in sorted(team.namespaces))


def _units(found: dict[str, _Team]) -> dict[str, str]:
    """Teams that share a cloud account are a unit, named by the first word they share."""
    home = {name: most(team.accounts) for name, team in found.items()}
    together: dict[str, list[str]] = {}
    for name, held in home.items():
        together.setdefault(held[0] if held else "", []).append(name)
    units = {}
    for account, names in together.items():
        for name in names:
            units[name] = _unit(account, names)
    prefixes: dict[str, set[str]] = {}
    for name, unit in units.items():
        if unit:
            prefixes.setdefault(name.split("-")[0], set()).add(unit)
    for name, unit in units.items():
        if not unit:  # no bill tells: the unit of teams named alike, if it is one
            alike = prefixes.get(name.split("-")[0], set())
            units[name] = next(iter(alike)) if len(alike) == 1 else name.split("-")[0]
    return units


def _unit(account: str, names: Sequence[str]) -> str:
    first = {name.split("-")[0] for name in names}
    if not account:
        return ""
    return first.pop() if len(first) == 1 else account
