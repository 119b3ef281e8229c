"""What the double holds: objects by kind, their versions, and what happened to them."""

import copy
import datetime as dt
import re
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.kubernetes_double.controllers import settle
from tests.kubernetes_double.kinds import RESOURCES, Resource

Json = dict[str, Any]
Key = tuple[str, str]  # namespace ("" of what has none), name
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


class RefusedError(Exception):
    """What the API answers with a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


@dataclass(frozen=True)
class Event:
    version: int
    type: str  # ADDED, MODIFIED, DELETED
    key: Key
    told: Json
    was: Json | None = None  # before it was modified


@dataclass
class Objects:
    """Objects of every kind; each change is one more resource version."""

    version: int = 100
    held: dict[Resource, dict[Key, Json]] = field(
        default_factory=lambda: {one: {} for one in RESOURCES}
    )
    events: dict[Resource, list[Event]] = field(
        default_factory=lambda: {one: [] for one in RESOURCES}
    )
    forgotten: int = 0  # events up to this version are not known any more
    changed: threading.Condition = field(default_factory=threading.Condition)
    settles: bool = False  # whether controllers do at once what is asked of them

    def create(
        self, kind: Resource, told: Json, namespace: str, *, is_rehearsal: bool = False
    ) -> Json:
        about = told.setdefault("metadata", {})
        if not about.get("name") and about.get("generateName"):
            about["name"] = f"{about['generateName']}{uuid.uuid4().hex[:5]}"
        with self.changed:
            self._check(kind, told, namespace)
            key = (namespace, about["name"])
            if key in self.held[kind]:
                what = f'{kind.plural} "{about["name"]}" already exists'
                raise RefusedError(409, "AlreadyExists", what)
            now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            about.setdefault("creationTimestamp", now)
            about |= {"uid": str(uuid.uuid4()), "generation": 1}
            if kind.is_namespaced:
                about["namespace"] = namespace
            if kind.kind == "Namespace":
                told.setdefault("status", {"phase": "Active"})
            if is_rehearsal:
                return told
            return self._store(kind, key, told, "ADDED")

    def get(self, kind: Resource, key: Key) -> Json:
        if key not in self.held[kind]:
            raise RefusedError(404, "NotFound", f'{kind.plural} "{key[1]}" not found')
        return copy.deepcopy(self.held[kind][key])

    def replace(self, kind: Resource, key: Key, told: Json, *, is_rehearsal: bool = False) -> Json:
        with self.changed:
            was = self.get(kind, key)
            about = told.setdefault("metadata", {})
            asked = about.get("resourceVersion")
            if asked and asked != was["metadata"]["resourceVersion"]:
                what = f'{kind.plural} "{key[1]}" was modified; try again with the latest version'
                raise RefusedError(409, "Conflict", what)
            self._check(kind, told, key[0])
            kept = ("uid", "creationTimestamp", "generation", "namespace")
            about |= {name: was["metadata"][name] for name in kept if name in was["metadata"]}
            if told.get("spec") != was.get("spec"):
                about["generation"] += 1
            about["resourceVersion"] = was["metadata"]["resourceVersion"]
            if self.settles:
                settle(kind, told)
            if told == was or is_rehearsal:
                return told
            return self._store(kind, key, told, "MODIFIED", was)

    def delete(self, kind: Resource, key: Key, asked: Json | None = None) -> Json:
        """asked: DeleteOptions."""
        with self.changed:
            was = self.get(kind, key)
            for name, value in ((asked or {}).get("preconditions") or {}).items():
                if was["metadata"][name] != value:
                    what = f'{kind.plural} "{key[1]}": the {name} in the precondition is another'
                    raise RefusedError(409, "Conflict", what)
            if (asked or {}).get("dryRun"):
                return was
            del self.held[kind][key]
            gone = copy.deepcopy(was)
            self._happened(kind, key, gone, "DELETED", was)
        owner = was["metadata"]["uid"]
        dependents = [
            (other, found)
            for other, things in self.held.items()
            for found, one in list(things.items())
            if any(ref.get("uid") == owner for ref in one["metadata"].get("ownerReferences", []))
        ]
        if kind.kind == "Namespace":
            dependents += [(other, found) for other, things in self.held.items()
                           for found in list(things) if found[0] == key[1]]  # fmt: skip
        for other, found in dependents:
            if found in self.held[other]:
                self.delete(other, found)
        return was

    def forget(self) -> None:
        """Let every event so far be too old to resume from."""
        with self.changed:
            self.forgotten = self.version
            for events in self.events.values():
                events.clear()
            self.changed.notify_all()

    def _store(
        self, kind: Resource, key: Key, told: Json, type_: str, was: Json | None = None
    ) -> Json:
        self.held[kind][key] = told
        self._happened(kind, key, told, type_, was)
        return copy.deepcopy(told)

    def _happened(self, kind: Resource, key: Key, told: Json, type_: str, was: Json | None) -> None:
        self.version += 1
        told["metadata"]["resourceVersion"] = str(self.version)
        event = Event(self.version, type_, key, copy.deepcopy(told), was)
        self.events[kind].append(event)
        self.changed.notify_all()

    def _check(self, kind: Resource, told: Json, namespace: str) -> None:
        about = told["metadata"]
        name = about.get("name") or ""
        if not _NAME.fullmatch(name):
            self._invalid(kind, name, "metadata.name: must be a lowercase RFC 1123 subdomain")
        for label, value in (about.get("labels") or {}).items():
            if not isinstance(value, str) or not _LABEL.fullmatch(value):
                self._invalid(kind, name, f"metadata.labels: {label} has the value {value!r}")
        spaces = {key[1] for key in self.held[RESOURCES[0]]}
        if kind.is_namespaced and namespace not in spaces:
            raise RefusedError(404, "NotFound", f'namespaces "{namespace}" not found')
        spec = told.get("spec") or {}
        if kind.kind == "Pod" and not spec.get("containers"):
            self._invalid(kind, name, "spec.containers: Required value")
        for box in _boxes(spec):
            _check_amounts(kind, name, box)
        if kind.group == "apps":
            wanted = (spec.get("selector") or {}).get("matchLabels") or {}
            labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
            if not wanted or any(labels.get(key) != value for key, value in wanted.items()):
                self._invalid(kind, name, "spec.selector: does not match spec.template")

    @staticmethod
    def _invalid(kind: Resource, name: str, what: str) -> None:
        raise RefusedError(422, "Invalid", f'{kind.kind} "{name}" is invalid: {what}')


def _boxes(spec: Json) -> list[Json]:
    """Containers of the pods of a built-in kind."""
    spec = (spec.get("jobTemplate") or {}).get("spec") or spec
    pod = (spec.get("template") or {}).get("spec") or {}
    return pod.get("containers") or []


def _check_amounts(kind: Resource, name: str, box: Json) -> None:
    """Extended resources are never overcommitted."""
    held = box.get("resources") or {}
    limits, requests = held.get("limits") or {}, held.get("requests") or {}
    for resource in {key for key in (*limits, *requests) if "/" in key}:
        if resource not in limits:
            Objects._invalid(kind, name, f"resources.limits[{resource}]: Required value")
        if str(requests.get(resource, limits[resource])) != str(limits[resource]):
            what = f"resources.requests: must be equal to {resource} limit of {limits[resource]}"
            Objects._invalid(kind, name, what)
