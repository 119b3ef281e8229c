"""Which data is used where: undeclared use, and sensitive data where it may not be."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from watermaster.decide.estate.finding import evidence_of, found, sum_of
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.places import lies_in
from watermaster.model.things import DELETED, Seen, Thing

SENSITIVE: Final = frozenset({"personal", "health"})
PRODUCTIVE: Final = frozenset({"production", "staging"})
DEEPEST: Final = 4  # pod, replica set, deployment, inference service
DEVELOPMENT: Final = ("dev", "development", "sandbox", "scratch", "lab", "playground", "test")


def data_out_of_place(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Personal or health data read from development, or in a country it may not be in."""
    platforms = _platforms(estate)
    for one, name, data in _whole(_reads(seen, estate), seen):
        platform = platforms.get(one.platform)
        sensitive = str(data.classification) in SENSITIVE
        country = getattr(platform, "country", None)
        reasons = []
        if sensitive and _is_development(one, platform):
            reasons.append(f"from a development place ({one.namespace or one.platform})")
        if data.countries and country and country not in data.countries:
            reasons.append(f"in {country}, allowed are {', '.join(data.countries)}")
        if reasons:
            yield found(
                seen, "data-out-of-place", f"{one.place}+dataset/{name}", one.cost,
                why=f"reads {name} ({data.classification}) {' and '.join(reasons)}",
                next_step=f"stop it, or have the owner of {name} allow it there",
                team=one.team, evidence=evidence_of([one]), source=one.source,
                since=one.first_seen,
            )  # fmt: skip


def _platforms(estate: Estate) -> dict[str, Any]:
    """Declared platforms by every name under which sources report them."""
    return {
        name: version.resource.spec
        for version in estate.of("Platform")
        for name in (*version.resource.spec.seen_as, version.resource.metadata.name)
    }


def _whole(reads: Iterable[tuple[Thing, str, Any]], seen: Seen) -> Iterator[tuple[Thing, str, Any]]:
    """Reads of a thing and of its parts as one read of the whole, at what all of it costs."""
    there = {(one.platform, one.uid): one for one in seen.things if one.state != DELETED}
    parts: dict[str, list[Thing]] = {}
    for one in seen.things:
        parts.setdefault(_top(one, there).place, []).append(one)
    told: dict[tuple[str, str], tuple[Thing, Any]] = {}
    for one, name, data in reads:
        top = _top(one, there)
        told[top.place, name] = top, data
    for (place, name), (top, data) in sorted(told.items(), key=lambda item: item[0]):
        yield replace(top, cost=sum_of(parts[place])), name, data


def _top(one: Thing, there: Mapping[tuple[str, str], Thing]) -> Thing:
    """What made a thing, or made what made it."""
    for _ in range(DEEPEST):
        one = there.get((one.platform, one.parent_uid or ""), one)
    return one


def undeclared_data_use(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """A workload reads a dataset that its declaration does not name."""
    declared = {
        v.resource.metadata.name: set(v.resource.spec.datasets) for v in estate.of("Workload")
    }
    told: set[tuple[str, str]] = set()
    for one, name, data in _reads(seen, estate):
        work = one.workload
        if work is None or name in declared.get(work, set()) or (work, name) in told:
            continue
        told.add((work, name))
        yield found(
            seen, "undeclared-data-use", f"workload/{work}+dataset/{name}", None,
            why=f"{one.place} reads {name} ({data.classification}), which {work} does not declare",
            next_step=f"add {name} to the datasets of {work}, or take its access away",
            team=one.team, evidence=evidence_of([one]), source=one.source,
        )  # fmt: skip


def _reads(seen: Seen, estate: Estate) -> Iterator[tuple[Thing, str, Any]]:
    """Each thing with each declared dataset it uses."""
    places: Mapping[str, tuple[str, Any]] = {
        place.rstrip("/"): (v.resource.metadata.name, v.resource.spec)
        for v in estate.of("Dataset")
        for place in v.resource.spec.locations
    }
    for one in seen.things:
        if one.state == DELETED:
            continue
        for name, data in sorted(_data_of(one, places).items()):
            yield one, name, data


def _data_of(one: Thing, places: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    """Each dataset once, in however many places of it a thing reads."""
    held = (lies_in(use, places) for use in one.uses)
    return dict(known for known in held if known)


def _is_development(one: Thing, platform: Any) -> bool:
    environment = one.labels.get("environment") or one.labels.get("env")
    if environment:
        return environment.lower() not in {"prod", *PRODUCTIVE}
    words = set((one.namespace or "").lower().replace("_", "-").split("-"))
    if words & set(DEVELOPMENT):
        return True
    declared = getattr(platform, "environment", None)
    return declared is not None and str(declared) == "development"
