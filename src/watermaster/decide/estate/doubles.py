"""The same thing twice: artefacts served or stored twice, half-empty endpoints of one model."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

from watermaster.decide.estate.finding import evidence_of, found, sum_of, together
from watermaster.decide.estate.presence import is_measured, telling
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import Seen, Thing

HALF: Final = 0.5  # of what two endpoints hold, used together: one could do
SPRAWL: Final = 5  # models of one base model
SERVES: Final = frozenset({"endpoint", "inference-service", "deployment", "ray-service"})
STORES: Final = frozenset({"prefix", "bucket", "checkpoint", "volume", "snapshot"})


def doubles(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """One digest served by two endpoints, or stored in two places.

    Copies that are all busy are replicas, and so are the places one Dataset declares.
    """
    whole = {(one.platform, one.uid): one.artefact for one in seen.things}
    declared = {
        place.rstrip("/"): version.resource.metadata.name
        for version in estate.of("Dataset")
        for place in version.resource.spec.locations
    }
    digested = [
        one
        for one in telling(seen)
        if (one.artefact or "").startswith("sha256:") and not _is_part(one, whole)
    ]
    for kinds, rule, verb in (
        (SERVES, "duplicate-artefact", "served"), (STORES, "duplicate-dataset", "stored"),
    ):  # fmt: skip
        mine = [one for one in digested if one.kind in kinds]
        for artefact, held in together(mine, lambda one: one.artefact or ""):
            places = sorted({one.place for one in held})
            if len(places) < 2 or _are_replicas(held, declared):
                continue
            costs = sorted(one.cost for one in held if one.cost is not None)
            yield found(
                seen, rule, f"artefact/{artefact}", sum(costs[:-1], Decimal(0)) if costs else None,
                why=f"{verb} {len(places)} times: {', '.join(places[:4])}; "
                f"owners {_owners(held)}",
                next_step="keep one of them; the cost is that of all but the dearest",
                team=held[0].team, evidence=evidence_of(held), source=held[0].source,
            )  # fmt: skip


def _is_part(one: Thing, whole: Mapping[tuple[str, str], str | None]) -> bool:
    """A part of what is served already; a prefix is a part of its bucket, but not all of it."""
    above = (one.platform, one.parent_uid or "")
    return above in whole and (one.kind not in STORES or whole[above] == one.artefact)


def _are_replicas(held: Sequence[Thing], declared: Mapping[str, str]) -> bool:
    if all(is_measured(one) and _load([one]) >= HALF for one in held):
        return True
    names = {declared.get((one.name or one.uid).rstrip("/")) for one in held}
    return len(names) == 1 and None not in names


def half_empty_endpoints(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Two services of one model or base model on one platform, under half load together."""
    served = _served(estate)
    silent = {(one.platform, one.workload) for one in seen.things if one.source in seen.silent}
    mine = [
        one
        for one in telling(seen)
        if one.workload in served and one.reserved_s and is_measured(one)
        and (one.platform, one.workload) not in silent
    ]  # fmt: skip
    by_work = together(mine, lambda one: f"{one.platform}\n{one.workload}")
    by_model: dict[tuple[str, str], list[tuple[str, list[Thing]]]] = {}
    for key, held in by_work:
        platform, name = key.split("\n")
        by_model.setdefault((platform, served[name]), []).append((name, held))
    for (platform, model), works in sorted(by_model.items()):
        for (name, one), (twin, other) in combinations(works, 2):
            load = _load([*one, *other])
            if load >= HALF:
                continue
            costs = {name: sum_of(one), twin: sum_of(other)}
            cost = min((c for c in costs.values() if c is not None), default=None)
            drop = min(costs, key=lambda work: (costs[work] is None, costs[work], work))
            yield found(
                seen, "duplicate-endpoint", f"workload/{name}+{twin}", cost,
                why=f"both serve {model} on {platform} and use {load:.0%} of their GPUs together",
                next_step=f"serve both from one and stop {drop}, the cheaper one",
                asks={"merge": drop, "into": twin if drop == name else name},
                team=one[0].team, evidence=evidence_of([*one, *other]), source=one[0].source,
            )  # fmt: skip


def _served(estate: Estate) -> dict[str, str]:
    """Each online workload with the base model it serves, or the model where that has none."""
    bases = base_models(estate)
    return {
        version.resource.metadata.name: bases.get(model, model)
        for version in estate.of("Workload")
        if version.resource.spec.purpose == "online-inference"
        and (model := version.resource.spec.model)
    }


def base_models(estate: Estate) -> dict[str, str]:
    """Each declared model that names its base model."""
    return {
        version.resource.metadata.name: version.resource.spec.base_model
        for version in estate.of("Model")
        if version.resource.spec.base_model
    }


def model_sprawl(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """Many models of one base model."""
    bases: dict[str, list[str]] = {}
    for version in estate.of("Model"):
        base = version.resource.spec.base_model
        if base:
            bases.setdefault(base, []).append(version.resource.metadata.name)
    for base, names in sorted(bases.items()):
        if len(names) >= SPRAWL:
            yield found(
                seen, "model-sprawl", f"base-model/{base}", None,
                why=f"{len(names)} models build on {base}: {', '.join(sorted(names)[:6])}",
                next_step="compare them on one evaluation, and retire those nobody needs",
            )  # fmt: skip


def _load(things: Sequence[Thing]) -> float:
    measured = sum(one.measured_s for one in things)
    return sum(one.used_s for one in things) / measured if measured else 1.0


def _owners(things: Sequence[Thing]) -> str:
    return ", ".join(sorted({one.team or "nobody" for one in things}))
