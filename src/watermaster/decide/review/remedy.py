"""What would mend a finding: which verb on which native things, from rule and evidence alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from watermaster.model.acts import Remedy, World
from watermaster.model.findings import Finding
from watermaster.model.things import DELETED, Thing

STOPS: Final = {  # kind of thing to the verb that stops it and can be taken back
    "deployment": "scale", "statefulset": "scale", "inference-service": "scale",
    "leader-worker-set": "scale", "cronjob": "scale", "job": "scale", "endpoint": "scale",
    "instance": "stop", "slurm-job": "cancel",
}  # fmt: skip
STOPPING: Final = frozenset({
    "inactive-gpu", "orphaned-endpoint", "orphaned-notebook", "zombie-experiment",
    "runaway-experiment", "sunset-experiment", "consuming-without-delivering",
})  # fmt: skip
MERGED: Final = frozenset({"deployment", "statefulset"})  # Services can lead to another of them
KEEPS: Final = "replicate"
LABELLED: Final = frozenset({"deployment", "statefulset", "inference-service", "cronjob", "job"})
OWNER: Final = "team"  # the tag or label that says whose a thing is


def remedies(finding: Finding, things: Iterable[Thing]) -> list[Remedy]:
    """What to do about it, one remedy for each native thing; empty where a person must think.

    things: those the finding is about: its evidence, or what its workload runs.
    """
    held = list(things)
    kept = [keeping(finding)] if finding.asks.get("keep") else []
    made = _merged if finding.rule == "duplicate-endpoint" else _each
    told = list({(r.verb, r.platform, r.kind, r.uid): r for r in made(finding, held)}.values())
    return [*kept, *told] if told else []


def keeping(finding: Finding) -> Remedy:
    """A copy of an experiment's artefact, which comes before its GPUs are released."""
    place = str(finding.asks["keep"])
    why = f"the artefact of {finding.subject} is kept before its GPUs are released"
    return Remedy(verb=KEEPS, platform="", kind="prefix", uid=place, why=why)


def _each(finding: Finding, things: Iterable[Thing]) -> Iterator[Remedy]:
    return (one for thing in things for one in _remedies(finding, thing))


def _merged(finding: Finding, things: Sequence[Thing]) -> Iterator[Remedy]:
    """The cheaper of two goes, and its callers are led to the other where that can be."""
    drop, keep = finding.asks.get("merge"), finding.asks.get("into")
    live = [one for one in things if one.state != DELETED]
    kept = {(one.platform, *_stands_for(one)) for one in live if one.workload == keep}
    for one in live:
        kind, uid = _stands_for(one)
        if one.workload != drop or kind not in STOPS:
            continue
        into = [other for platform, other_kind, other in sorted(kept)
                if platform == one.platform and other_kind == kind]  # fmt: skip
        is_led = kind in MERGED and len(into) == 1
        named = f"{kind}/{into[0].removeprefix(f'{kind}/')}" if is_led else ""
        yield Remedy(
            verb="merge" if is_led else STOPS[kind], platform=one.platform, kind=kind, uid=uid,
            asked=_addressed({"into": named} if is_led else {"replicas": 0}, one),
            why=finding.why,
        )  # fmt: skip


def _remedies(finding: Finding, thing: Thing) -> Iterator[Remedy]:
    if thing.state == DELETED:
        return
    kind, uid = _stands_for(thing)
    asked: World = {}
    if finding.rule in STOPPING and kind in STOPS:
        verb = "hold" if thing.waits else STOPS[kind]
        asked = {"replicas": 0} if verb == "scale" else {}
    elif finding.rule == "idle-reservation" and kind == "reservation":
        verb = "release-reservation"
    elif finding.rule == "experiment-over-budget" and thing.waits:
        verb = "hold"
    elif finding.rule == "orphaned-volume" and kind == "volume":
        verb = "snapshot-delete"
    elif finding.rule == "orphaned-checkpoint" and kind in {"checkpoint", "prefix"}:
        verb = "expire"
    elif finding.rule == "oversized-request" and kind in LABELLED and finding.asks:
        verb, asked = "lower-request", dict(finding.asks)
    elif finding.rule in {"undeclared-workload", "unowned-resource"} and finding.guess:
        verb = "label" if kind in LABELLED else "tag"
        asked = {"tags": {OWNER: finding.guess}}
    else:
        return
    yield Remedy(
        verb=verb, platform=thing.platform, kind=kind, uid=uid, asked=_addressed(asked, thing),
        why=finding.why,
    )  # fmt: skip


def _stands_for(thing: Thing) -> tuple[str, str]:
    """What must be changed: a pod comes again as long as what made it stands."""
    if thing.kind == "pod" and thing.parent_uid:
        return thing.parent_uid.partition("/")[0], thing.parent_uid
    return thing.kind, thing.uid


def _addressed(asked: World, thing: Thing) -> World:
    """With the address that a provider knows the thing by, where it has one."""
    found: Mapping[str, Any] = {"resource_id": thing.resource_id, "account": thing.account}
    return dict(asked) | {name: value for name, value in found.items() if value}
