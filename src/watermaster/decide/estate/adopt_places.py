"""Platforms and pools: where telemetry comes from, and which accelerators stand there."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from watermaster.decide.estate.proposal import document
from watermaster.decide.estate.seen_words import POD, SLURM_JOB
from watermaster.decide.estate.words import as_name
from watermaster.model.adopted import Billed, Document, Observed, Proposal

TYPES = {
    POD: "kubernetes", "deployment": "kubernetes", "namespace": "kubernetes",
    SLURM_JOB: "slurm", "partition": "slurm", "slurm-account": "slurm",
    "ray-job": "ray", "ray-cluster": "ray", "ray-service": "ray",
}  # fmt: skip
RECORDS = frozenset({"experiment", "run", "model-version"})  # what tells of work, and runs none


def platforms(seen: Observed) -> Iterator[Proposal]:
    """One per platform that telemetry names, one per provider and region that bills name."""
    kinds: dict[str, dict[str, int]] = {}
    for used in seen.used:
        if used.kind in RECORDS:
            continue
        held = kinds.setdefault(used.platform, {})
        held[used.kind] = held.get(used.kind, 0) + used.subjects
    for supplied in seen.supplied:
        kinds.setdefault(supplied.platform, {})
    for platform, told in sorted(kinds.items()):
        kind = max(told, key=lambda one: (one in TYPES, told[one], one)) if told else None
        name = as_name(platform)
        if name:
            spec: Document = {"type": TYPES.get(kind or "", "local")}
            if name != platform:
                spec["seenAs"] = [platform]
            reason = f"telemetry names it; it runs {kind or 'nothing seen'}"
            yield _platform(name, spec, 0.95 if kind in TYPES else 0.6, (reason, Decimal(0)))
    for (provider, region), cost in sorted(_regions(seen.billed).items()):
        name = as_name(f"{provider}-{region}")
        if name:
            spec = {"type": "cloud", "provider": provider, "region": region}
            yield _platform(name, spec, 0.95, (f"bills name {provider} in {region}", cost))


def _platform(name: str, spec: Document, sure: float, told: tuple[str, Decimal]) -> Proposal:
    reason, cost = told
    return Proposal(
        kind="Platform", name=name, document=document("Platform", name, spec),
        confidence=sure, reason=reason, cost=cost, gpu_s=0,
    )  # fmt: skip


def _regions(billed: Sequence[Billed]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for row in billed:
        if row.provider and row.region:
            key = row.provider, row.region
            found[key] = found.get(key, Decimal(0)) + row.cost
    return found


def pools(seen: Observed) -> Iterator[Proposal]:
    """One per platform and accelerator model; billed where a tag of the bills names the platform.

    Who owns a pool, and what own hardware costs, no telemetry knows: a person adds both.
    """
    models: dict[str, int] = {}
    for one in seen.supplied:
        models[one.platform] = models.get(one.platform, 0) + 1
    for one in seen.supplied:
        model = one.model or "unknown"
        platform, name = as_name(one.platform), as_name(f"{model}-{one.platform}")
        if not platform or not name:
            continue
        tag, cost = _tag_of(seen.billed, one.platform)
        spec: Document = {
            "platform": platform, "accelerator": model, "count": one.gpus,
            "gpusPerNode": max(1, round(one.gpus / len(one.nodes))) if one.nodes else 8,
            "nodes": _patterns(one.nodes) if models[one.platform] > 1 else [],
            "purchase": "on-demand" if tag else "owned",
        }  # fmt: skip
        if tag:
            spec["cost"] = {"bills": [{"tags": dict([tag])}]}
        paid = f"billed under tag {'='.join(tag)}" if tag else "add what it costs"
        yield Proposal(
            kind="Pool", name=name, document=document("Pool", name, spec), confidence=0.9,
            reason=f"{one.gpus} {model} seen on {len(one.nodes)} nodes; {paid}, and its owner",
            cost=cost, gpu_s=0,
        )  # fmt: skip


def _tag_of(billed: Sequence[Billed], platform: str) -> tuple[tuple[str, str] | None, Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for row in billed:
        for tag in row.tags.items():
            if tag[1] == platform:
                found[tag] = found.get(tag, Decimal(0)) + row.cost
    if not found:
        return None, Decimal(0)
    tag = max(found, key=lambda one: (found[one], one))
    return tag, found[tag]


def _patterns(nodes: Sequence[str]) -> list[str]:
    """Node names as patterns: one per stem before the last number."""
    return sorted({re.sub(r"\d+$", "*", name) for name in nodes})
