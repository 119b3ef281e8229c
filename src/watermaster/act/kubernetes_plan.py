"""What is to be changed of a Kubernetes thing, for each verb; RefusedError where it makes no sense.

A verb sees who else decides over a thing: what makes it, autoscalers, KEDA, Kueue. Where one of
them would put it back, it is told to stop first, or the plan is refused with the reason.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from watermaster.act.kubernetes_fields import Json, Place, value_at
from watermaster.act.kubernetes_kinds import (
    KEDA,
    KINDS,
    MODE,
    PAUSED,
    PAUSED_AT,
    SCALERS,
    STOP,
    Kind,
    aims_at,
    annotation,
    condition,
)
from watermaster.model.acts import Remedy, Step, World
from watermaster.model.errors import RefusedError
from watermaster.units.amounts import amount_of, is_accelerator, whole

Read = Callable[[str, str], Json]  # path and subject to the object
ReadAll = Callable[[str], list[Json]]
UID: Final = ("metadata", "uid")
_RAW: Final = frozenset({"RawDeployment", "Standard"})
_SERVERLESS: Final = frozenset({"Serverless", "Knative"})
_KNATIVE: Final = ("RoutesReady", "PredictorRouteReady")  # conditions that only Knative has
_SYNCED: Final = (
    ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
    ("labels", "argocd.argoproj.io/instance", "Argo CD"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
)


@dataclass(frozen=True, slots=True)
class Thing:
    """What a remedy is about, as the cluster shows it, and how to ask for more."""

    kind: Kind
    subject: str
    namespace: str
    name: str
    told: Json
    ask: ReadAll

    @classmethod
    def of(cls, remedy: Remedy, read: Read, ask: ReadAll) -> Self:
        """uid: kind/namespace/name, as Kubernetes sources name things."""
        kind = KINDS.get(remedy.kind)
        parts = remedy.uid.removeprefix(f"{remedy.kind}/").split("/")
        subject = f"{remedy.kind}/{'/'.join(parts)}"
        if kind is None or len(parts) != 2:
            raise RefusedError(subject, "is of no kind that can be changed", _kinds(KINDS))
        told = read(kind.path(*parts), subject)
        return cls(kind, subject, parts[0], parts[1], told, ask)

    @property
    def path(self) -> str:
        """Where it stands in the API."""
        return self.kind.path(self.namespace, self.name)

    def at(self, *place: str) -> Any:
        """A value of it."""
        return value_at(self.told, place)

    def refused(self, what: str, fix: str) -> RefusedError:
        """Why it is not done."""
        return RefusedError(self.subject, what, fix)


def scale(thing: Thing, asked: World) -> Iterator[Step]:
    """Pods to a number; of what runs by schedule or once, suspended. asked: replicas."""
    count = asked.get("replicas", 0)
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise thing.refused(f"replicas {count!r} is no number of pods", "ask for 0 or more")
    _must_be_its_own(thing)
    if thing.kind.suspend:
        yield _suspend(thing, count)
    elif thing.kind.name == "InferenceService":
        yield _serve(thing, count)
    else:
        yield from _replicate(thing, count)


def _replicate(thing: Thing, count: int) -> Iterator[Step]:
    place = thing.kind.replicas or ()
    was = thing.at(*place)
    if was == count:
        raise thing.refused(f"has {count} replicas already", "nothing is left to do")
    kept = keepers(thing.ask, thing.kind.name, thing.namespace, thing.name)
    for one in kept:
        if count:
            raise thing.refused(f"{one} decides over its replicas", "change its bounds instead")
        if one.endswith("from 0"):
            raise thing.refused(f"{one} would start it again", "change its minReplicas first")
    yield from _paused(thing)
    fields: dict[str, Place] = {"replicas": place}
    want: dict[str, Any] = {"replicas": count}
    if count == 0 and thing.kind.running:
        fields["running"], want["running"] = thing.kind.running, 0
    seen = {"replicas": was, "kept_by": kept}
    yield step_of(thing, "scale", Change(fields, want, seen, f"replicas become {was} again"))


def keepers(ask: ReadAll, kind: str, namespace: str, name: str) -> list[str]:
    """Autoscalers of a thing, but for KEDA's own; one that scales to 0 itself ends in "from 0".

    An autoscaler with at least one replica leaves a thing alone that was scaled to 0 by hand.
    """
    found = []
    for one in ask(SCALERS.format(namespace)):
        owners = value_at(one, ("metadata", "ownerReferences")) or []
        if not aims_at(value_at(one, ("spec", "scaleTargetRef")), kind, name):
            continue
        if any(owner.get("kind") == "ScaledObject" for owner in owners):
            continue
        least = value_at(one, ("spec", "minReplicas"))
        named = value_at(one, ("metadata", "name"))
        found.append(f"HorizontalPodAutoscaler {named} from {1 if least is None else least}")
    return sorted(found)


def _paused(thing: Thing) -> Iterator[Step]:
    """KEDA's scalers of it stop deciding first: one that is active would start it again."""
    for one in thing.ask(KEDA.format(thing.namespace)):
        if not aims_at(value_at(one, ("spec", "scaleTargetRef")), thing.kind.name, thing.name):
            continue
        name = str(value_at(one, ("metadata", "name")))
        was = value_at(one, annotation(PAUSED))
        if value_at(one, annotation(PAUSED_AT)) is not None:
            fix = f"remove the annotation {PAUSED_AT} first"
            raise thing.refused(f"ScaledObject {name} holds it at a number of its own", fix)
        if was == "true":
            continue
        kind = Kind("ScaledObject", "/apis/keda.sh/v1alpha1", "scaledobjects")
        scaler = Thing(kind, f"scaled-object/{thing.namespace}/{name}", thing.namespace, name,
                       one, thing.ask)  # fmt: skip
        fields: dict[str, Place] = {"paused": annotation(PAUSED), "is_paused": condition("Paused")}
        yield step_of(scaler, "pause", Change(
            fields, {"paused": "true", "is_paused": "True"}, {"paused": was},
            "KEDA scales it again"))  # fmt: skip


def _suspend(thing: Thing, count: int) -> Step:
    if count:
        raise thing.refused("can be suspended, not scaled", "ask for 0 replicas")
    for type_ in ("Complete", "Failed"):
        if thing.at(*condition(type_)) == "True":
            raise thing.refused("has ended", "nothing is left to do")
    queue = thing.at("metadata", "labels", "kueue.x-k8s.io/queue-name")
    if queue:
        raise thing.refused(f"Kueue decides when it runs (queue {queue})", "stop it in Kueue")
    was = thing.at(*(thing.kind.suspend or ()))
    if was:
        raise thing.refused("is suspended already", "nothing is left to do")
    fields: dict[str, Place] = {"suspend": thing.kind.suspend or ()}
    want: dict[str, Any] = {"suspend": True}
    undo = "it is scheduled again; runs it missed are not made up for"
    if thing.kind.running:
        fields["running"], want["running"] = thing.kind.running, 0
        undo = "it runs again, from its start: what its pods did not store is lost"
    return step_of(thing, "suspend", Change(fields, want, {"suspend": was}, undo))


def _serve(thing: Thing, count: int) -> Step:
    """KServe: with Knative the least number of pods, without it the switch that stops it."""
    mode = _mode(thing)
    stop = thing.at(*annotation(STOP))
    if stop == "true":
        raise thing.refused("is stopped already", f"its annotation {STOP} says so")
    if count == 0 and mode in _RAW:
        fields: dict[str, Place] = {"stop": annotation(STOP), "stopped": condition("Stopped")}
        want = {"stop": "true", "stopped": "True"}
        return step_of(
            thing, "stop", Change(fields, want, {"stop": stop}, "KServe starts it again")
        )
    if count == 0 and mode not in _SERVERLESS:
        fix = f"say it by the annotation {MODE}"
        raise thing.refused(f"is served in a mode that is not known ({mode})", fix)
    return _bounds(thing, count)


def _bounds(thing: Thing, count: int) -> Step:
    least = ("spec", "predictor", "minReplicas")
    most = ("spec", "predictor", "maxReplicas")
    was, top = thing.at(*least), thing.at(*most)
    if was == count:
        raise thing.refused(f"has minReplicas {count} already", "nothing is left to do")
    fields: dict[str, Place] = {"min_replicas": least}
    want, seen = {"min_replicas": count}, {"min_replicas": was}
    if isinstance(top, int) and 0 < top < count:
        fields["max_replicas"], want["max_replicas"], seen["max_replicas"] = most, count, top
    undo = f"minReplicas become {'unset' if was is None else was} again"
    return step_of(thing, "scale", Change(fields, want, seen, undo))


def _mode(thing: Thing) -> str | None:
    told = thing.at(*annotation(MODE)) or thing.at("status", "deploymentMode")
    if told is None and any(thing.at(*condition(type_)) for type_ in _KNATIVE):
        return "Serverless"
    return told


def label(thing: Thing, asked: World) -> Iterator[Step]:
    """Labels that are missing; one that is there is never overwritten. asked: tags."""
    tags = {str(key): str(value) for key, value in (asked.get("tags") or {}).items()}
    if not tags:
        raise thing.refused("no label is asked for", "ask for tags: {team: search}")
    labels = thing.at("metadata", "labels") or {}
    for key, value in tags.items():
        if labels.get(key, value) != value:
            what = f"has the label {key}={labels[key]}, not {value}"
            raise thing.refused(what, "change it by hand where it is wrong")
    missing = {key: value for key, value in tags.items() if key not in labels}
    if not missing:
        raise thing.refused(f"is labelled {_pairs(tags)} already", "nothing is left to do")
    fields: dict[str, Place] = {f"label {key}": ("metadata", "labels", key) for key in missing}
    want = {f"label {key}": value for key, value in missing.items()}
    undo = f"the labels {', '.join(missing)} are removed"
    yield step_of(thing, "label", Change(fields, want, dict.fromkeys(want), undo))


def lower_request(thing: Thing, asked: World) -> Iterator[Step]:
    """What a container asks for. asked: gpus of a pod, or requests with one container's name."""
    _must_be_its_own(thing)
    place, box = _container(thing, asked)
    wanted = _wanted(thing, box, asked)
    fields: dict[str, Place] = {}
    want, seen = dict[str, Any](), dict[str, Any]()
    for name, amount in wanted.items():
        # accelerators are never overcommitted: Kubernetes wants their limit and request equal
        parts = ["requests", "limits"] if is_accelerator(name) else ["requests"]
        for part in parts:
            was = value_at(box, ("resources", part, name))
            if was is None and part == "limits":
                continue
            if was is None and name not in (value_at(box, ("resources", "limits")) or {}):
                raise thing.refused(f"requests no {name}", "there is nothing to lower")
            key = f"{part} {name}"
            fields[key], want[key], seen[key] = (*place, "resources", part, name), amount, was
    yield step_of(thing, "lower-request", Change(
        fields, want, seen, f"its pods start again, with {_pairs(seen)}"))  # fmt: skip


def _container(thing: Thing, asked: World) -> tuple[Place, Json]:
    """The one container that is meant."""
    if thing.kind.name == "InferenceService":
        place: Place = ("spec", "predictor", "model")
        return place, thing.at(*place) or {}
    if thing.kind.pod is None:
        raise thing.refused("its pods' template cannot be changed", "change it where it is made")
    boxes: list[Json] = thing.at(*thing.kind.pod, "containers") or []
    name = asked.get("container")
    found = [one for one in boxes if (one.get("name") == name if name else _gpus(one))]
    found = found or (boxes if not name and len(boxes) == 1 else [])
    if len(found) != 1:
        named = ", ".join(str(one.get("name")) for one in boxes)
        raise thing.refused(f"which of its containers is meant? ({named})", "ask by container")
    return (*thing.kind.pod, "containers", f"name={found[0]['name']}"), found[0]


def _wanted(thing: Thing, box: Json, asked: World) -> dict[str, str]:
    """Resource to amount, each less than now."""
    wanted = {str(key): str(value) for key, value in (asked.get("requests") or {}).items()}
    if "gpus" in asked:
        held = _gpus(box)
        if len(held) != 1:
            raise thing.refused(f"holds accelerators of {len(held)} sorts", "ask by requests")
        wanted[held[0]] = str(asked["gpus"])
    if not wanted:
        raise thing.refused("no request is asked for", "ask for gpus or requests")
    for name, amount in wanted.items():
        now = value_at(box, ("resources", "requests", name))
        now = value_at(box, ("resources", "limits", name)) if now is None else now
        new, old = amount_of(amount), amount_of(now)
        if new is None or old is None or not 0 < new < old:
            raise thing.refused(f"{name} {amount} is not less than {now}", "ask for less")
    return wanted


def _gpus(box: Json) -> list[str]:
    """The accelerators a container asks for."""
    held: Iterable[tuple[str, object]] = (
        pair for part in ("requests", "limits")
        for pair in (value_at(box, ("resources", part)) or {}).items()
    )  # fmt: skip
    return sorted({name for name, amount in held if is_accelerator(name) and whole(amount)})


def _must_be_its_own(thing: Thing) -> None:
    """Refuse what another thing makes and would make again as it was."""
    for owner in thing.at("metadata", "ownerReferences") or []:
        if owner.get("controller") and owner.get("kind") not in thing.kind.parents:
            what = f"{owner.get('kind')} {owner.get('name')} made it and would put it back"
            raise thing.refused(what, "change that instead")


@dataclass(frozen=True, slots=True)
class Change:
    """Values of one object; those that are wanted and were seen are written."""

    fields: Mapping[str, Place]
    want: Mapping[str, Any]
    seen: Mapping[str, Any]
    undo: str


def step_of(thing: Thing, verb: str, change: Change, beware: str | None = None) -> Step:
    """One patch of one object; beware: what a person should know before it is approved."""
    written = [name for name in change.want if name in change.seen]
    fields = {name: list(place) for name, place in change.fields.items()} | {"uid": list(UID)}
    is_listed = any("=" in key for name in written for key in change.fields[name])
    asked: dict[str, Any] = {
        "path": thing.path, "form": "STRATEGIC" if is_listed else "MERGE", "fields": fields,
        "written": written, "thing": [thing.kind.name, thing.namespace, thing.name],
    }  # fmt: skip
    beware = "; ".join(told for told in (beware, _beware(thing)) if told)
    return Step(
        verb=verb, subject=thing.subject, want=dict(change.want),
        seen={**change.seen, "uid": thing.at(*UID)},
        asked=asked | ({"beware": beware} if beware else {}), undo=change.undo,
    )  # fmt: skip


def _beware(thing: Thing) -> str | None:
    """Who may put it back though nothing in the cluster says so."""
    for part, key, who in _SYNCED:
        if thing.at("metadata", part, key):
            return f"{who} keeps it as its repository says: change it there too"
    return None


def _pairs(held: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in held.items())


def _kinds(kinds: Iterable[str]) -> str:
    return f"kinds that can: {', '.join(sorted(kinds))}"
