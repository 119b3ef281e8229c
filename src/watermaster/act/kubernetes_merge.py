"""Serve two alike things from one: Services lead to the other, then this one goes to 0."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from watermaster.act.kubernetes_fields import Json, Place, value_at
from watermaster.act.kubernetes_kinds import KINDS, REPLICAS, Kind
from watermaster.act.kubernetes_plan import UID, Change, Thing, scale, step_of
from watermaster.model.acts import Step, World

SERVICE: Final = Kind("Service", "/api/v1", "services")
SELECTOR: Final[Place] = ("spec", "selector")
MATCH: Final[Place] = ("spec", "selector", "matchLabels")
LABELS: Final[Place] = ("spec", "template", "metadata", "labels")
PORTS: Final[Place] = ("spec", "ports")
BOTH: Final = "both"  # uids of what goes and of what stays, while that has replicas


def merge(thing: Thing, asked: World) -> Iterator[Step]:
    """Into another of its kind and namespace. asked: into, its uid kind/namespace/name."""
    other = _other(thing, str(asked.get("into", "")))
    mine, theirs = thing.at(*LABELS) or {}, other.at(*LABELS) or {}
    if not other.at(*MATCH) or other.at("spec", "selector", "matchExpressions"):
        raise thing.refused(f"{other.subject} is not selected by labels alone", "merge by hand")
    led = [one for one in thing.ask(f"/api/v1/namespaces/{thing.namespace}/services")
           if _leads_to(one, mine) and not _leads_to(one, theirs)]  # fmt: skip
    if not led:
        raise thing.refused("no Service leads to it alone", "stop it instead: who calls it?")
    for one in led:
        yield _routed(thing, one, other)
    yield from scale(thing, {"replicas": 0})


def _other(thing: Thing, into: str) -> Thing:
    kind, _, named = into.partition("/")
    namespace, _, name = named.partition("/")
    if namespace != thing.namespace:
        what = f"{into or 'the other'} is in another namespace, where no Service can lead"
        raise thing.refused(what, "let its callers ask the other, then stop it")
    held = KINDS.get(kind)
    if held is None or held.pod is None or thing.kind.pod is None or name == thing.name:
        raise thing.refused(f"cannot be merged into {into}", "merge by hand")
    path = held.path(namespace, "").rstrip("/")
    for one in thing.ask(path):
        if value_at(one, ("metadata", "name")) == name:
            if not value_at(one, REPLICAS):
                raise thing.refused(f"{into} has no replicas", "start it first")
            return Thing(held, into, namespace, name, one, thing.ask)
    raise thing.refused(f"{into} is not there any more", "look again: wm sync")


def _leads_to(service: Json, labels: dict[str, Any]) -> bool:
    selector = value_at(service, SELECTOR)
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _routed(thing: Thing, service: Json, other: Thing) -> Step:
    name = str(value_at(service, ("metadata", "name")))
    _ports_are_there(name, service, other)
    was, wanted = value_at(service, SELECTOR), other.at(*MATCH)
    keys = sorted({*was, *wanted})
    fields: dict[str, Place] = {f"selector {key}": (*SELECTOR, key) for key in keys}
    subject = f"service/{thing.namespace}/{name}"
    led = Thing(SERVICE, subject, thing.namespace, name, service, thing.ask)
    want = {f"selector {key}": wanted.get(key) for key in keys}
    seen = {f"selector {key}": was.get(key) for key in keys}
    change = Change(fields, want, seen, f"{name} leads to {thing.name} again")
    beware = "both must answer the same requests: the same model name, paths and sign-in"
    step = step_of(led, "route", change, beware)
    asked = {**step.asked, "both": [[one.path, one.subject] for one in (thing, other)]}
    return replace(step, seen={**step.seen, BOTH: both([thing.told, other.told])}, asked=asked)


def both(told: Sequence[Json]) -> list[str | None]:
    """What goes and what stays: their uids, None for what stays without replicas."""
    goes, stays = told
    return [value_at(goes, UID), value_at(stays, UID) if value_at(stays, REPLICAS) else None]


def _ports_are_there(name: str, service: Json, other: Thing) -> None:
    """A port that the Service names must be a port of the other's containers."""
    boxes = other.at("spec", "template", "spec", "containers") or []
    held = [port for box in boxes for port in box.get("ports") or []]
    known = {port.get("name") for port in held} | {port.get("containerPort") for port in held}
    for port in value_at(service, PORTS) or []:
        aim = port.get("targetPort", port.get("port"))
        if (isinstance(aim, str) or held) and aim not in known:
            what = f"Service {name} asks port {aim}, which it has not"
            raise other.refused(what, "merge by hand")
