"""A platform made of files, that can be changed: for the simulated company, and to test fixes on.

One JSON file for each thing, `KIND/UID.json` with the slashes of the uid as `~`. Every change is
one rename, so that a killed process leaves a thing as it was or as it should be.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from watermaster.model.acts import Held, Remedy, Step, Target, TargetSpec, World
from watermaster.model.errors import NotFoundError, RefusedError

VERBS: Final = frozenset({"scale", "stop", "cancel", "tag", "label", "lower-request", "expire",
                          "replicate", "snapshot-delete"})  # fmt: skip
PART: Final = {"scale": "replicas", "stop": "state", "cancel": "state", "tag": "tags",
               "label": "tags", "lower-request": "gpus", "expire": "expires",
               "replicate": "copied"}  # fmt: skip
NEW: Final[Mapping[str, Any]] = {
    "stop": "stopped",
    "cancel": "cancelled",
    "expire": True,
    "replicate": True,
}


def build(root: Path, worlds: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the platform under a folder: what each thing shows, by `KIND/UID`."""
    for place, world in worlds.items():
        kind, _, uid = place.partition("/")
        path = root / kind / f"{uid.replace('/', '~')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(world))


def target(spec: TargetSpec) -> Target:
    """The platform under `location`."""
    return SimulatedTarget(spec)


class SimulatedTarget:
    """Things are files under `location`; see model/acts.py for what each method must do."""

    verbs = VERBS

    def __init__(self, spec: TargetSpec) -> None:
        self.root = Path(spec.location)

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step; snapshot-delete has two."""
        subject = f"{remedy.kind}/{remedy.uid.replace('/', '~')}"
        world = self._read(subject)
        if not world:
            raise NotFoundError(subject, "is not there any more", "look again: wm sync")
        if remedy.verb == "snapshot-delete":
            return (
                Step(verb="snapshot", subject=subject, seen=world, want={"snapshot": True},
                     undo="the snapshot is deleted"),
                Step(verb="delete", subject=subject, seen=world, want={"exists": False},
                     undo="made again from its snapshot"),
            )  # fmt: skip
        part = PART[remedy.verb]
        new = remedy.asked.get(part, NEW.get(remedy.verb))
        if part == "tags":
            new = world.get("tags", {}) | remedy.asked["tags"]
        was = world.get(part)
        if was == new:
            raise RefusedError(subject, f"has {part} {new} already", "nothing is left to do")
        return (Step(verb=remedy.verb, subject=subject, seen={part: was}, want={part: new},
                     undo=f"{part} becomes {was} again"),)  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """Its file, and whether there is a snapshot of this fix."""
        world = self._read(step.subject)
        part = {key: world.get(key) for key in step.seen}
        kept = self._snapshot(step, held).exists()
        return part | dict(world) | {"exists": bool(world), "snapshot": kept}

    def do(self, step: Step, held: Held) -> World:
        """Change its file, unless that is so already."""
        world = self._read(step.subject)
        if step.verb == "snapshot":
            if not self._snapshot(step, held).exists():
                self._must_be_as_seen(step, world)
                self._write(self._snapshot(step, held), world)
            return {"fix": held.token.rpartition("-")[0]}
        if step.verb == "delete":
            if world:
                self._must_be_as_seen(step, world)
            self._path(step.subject).unlink(missing_ok=True)
            return {}
        if {key: world.get(key) for key in step.want} == dict(step.want):
            return {}
        self._must_be_as_seen(step, world)
        self._write(self._path(step.subject), dict(world) | dict(step.want))
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """Put its file back as it was."""
        if step.verb == "snapshot":
            self._snapshot(step, held).unlink(missing_ok=True)
        elif step.verb == "delete":
            self._write(self._path(step.subject), dict(step.seen))
        else:
            world = self._read(step.subject)
            if {key: world.get(key) for key in step.want} == dict(step.want):
                self._write(self._path(step.subject), dict(world) | dict(step.seen))
        return {}

    @staticmethod
    def _must_be_as_seen(step: Step, world: Mapping[str, Any]) -> None:
        if {key: world.get(key) for key in step.seen} != dict(step.seen):
            raise RefusedError(step.subject, "changed meanwhile", "plan anew")

    def _path(self, subject: str) -> Path:
        return self.root / f"{subject}.json"

    def _snapshot(self, step: Step, held: Held) -> Path:
        fix = held.token.rpartition("-")[0]
        return self.root / "snapshot" / f"{step.subject.replace('/', '~')}-{fix}.json"

    def _read(self, subject: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._path(subject).read_text())
        except FileNotFoundError:
            return {}
        return found

    def _write(self, path: Path, world: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(f".{os.getpid()}")
        made.write_text(json.dumps(world))
        made.replace(path)
