"""A managed disk that nobody uses: a snapshot, then it is deleted; back under the same name.

Snapshot and disk have names that follow from fix and disk, so each is made once.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from watermaster.act.azure_arm import Arm, Call
from watermaster.act.azure_tags import id_of
from watermaster.act.verbs import MARK, PlatformError, ask_once, fix_of, must_show, only
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

VERSION: Final = "2024-03-02"
FREE: Final = "Unattached"
KEPT: Final = ("exists", "state", "size_gib", "sku")
READY: Final = "Succeeded"
AGAIN_S: Final = 3.0  # between looks at a disk that is being made
LOOKS: Final = 100
AS_IT_WAS: Final = (  # what a disk is made again with
    "diskSizeGB", "osType", "hyperVGeneration", "tier", "diskIOPSReadWrite", "diskMBpsReadWrite",
    "encryption", "networkAccessPolicy", "publicNetworkAccess", "diskAccessId", "maxShares",
    "burstingEnabled", "securityProfile", "supportsHibernation", "dataAccessAuthMode",
    "supportedCapabilities", "purchasePlan",
)  # fmt: skip


class Disks:
    """The verb snapshot-delete."""

    def __init__(self, arm: Callable[[], Arm]) -> None:
        self.arm = arm

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """Snapshot, then delete; RefusedError where it is attached."""
        subject, id_ = f"volume/{remedy.uid}", id_of(remedy)
        one = self.arm().find(subject, id_, VERSION)
        if one is None:
            raise NotFoundError(subject, "is not there any more", "look again: wm sync")
        world = _shown(one)
        if world["state"] != FREE:
            raise RefusedError(subject, f"is {world['state']}, not {FREE}",
                               "it is used: decline the finding")  # fmt: skip
        seen, asked = only(world, KEPT), {"id": id_, "unique": world["unique"]}
        return (
            Step(verb="snapshot", subject=subject, seen=seen, want={"snapshot": READY},
                 asked=asked, undo="the snapshot is deleted"),
            Step(verb="delete", subject=subject, seen=seen | {"snapshot": READY},
                 want={"exists": False}, asked=asked,
                 undo="made again from its snapshot under its name: same size, sku and tags"),
        )  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """The disk and the snapshot's state."""
        one = self.arm().find(step.subject, step.asked["id"], VERSION)
        snapshot = self._snapshot(step, held)
        return (_shown(one) if one else {"exists": False}) | {
            "snapshot": snapshot and _state(snapshot)
        }

    def do(self, step: Step, held: Held) -> World:
        """Make the snapshot; delete the disk."""
        return self._keep(step, held) if step.verb == "snapshot" else self._delete(step, held)

    def undo(self, step: Step, held: Held) -> World:
        """Make the disk again; delete the snapshot, once a disk with its content stands."""
        return self._forget(step, held) if step.verb == "snapshot" else self._restore(step, held)

    def _keep(self, step: Step, held: Held) -> World:
        id_ = _snapshot_id(step, held)
        if self._snapshot(step, held) is None:
            must_show(self._planned(step, held), step)
            one = self.arm().ask(step.subject, Call("GET", step.asked["id"], VERSION))
            body = {
                "location": one["location"], "tags": {MARK: fix_of(held)},
                "properties": {"incremental": True, "creationData": {
                    "createOption": "Copy", "sourceResourceId": step.asked["id"]}},
            }  # fmt: skip
            self.arm().ask(step.subject, Call("PUT", id_, VERSION, body))
        return {"snapshot": id_}

    def _delete(self, step: Step, held: Held) -> World:
        world = self._planned(step, held)
        if world["exists"]:
            must_show(world, step)
            self._remove(step, step.asked["id"])
        return {}

    def _planned(self, step: Step, held: Held) -> World:
        """What is shown; a disk made since under the same name is another one."""
        world = self.look(step, held)
        if world["exists"] and world["unique"] != step.asked["unique"]:
            raise RefusedError(step.subject, "is another disk of that name now", "plan anew")
        return world

    def _restore(self, step: Step, held: Held) -> World:
        id_ = step.asked["id"]
        one = self.arm().find(step.subject, id_, VERSION)
        if one is None:
            if self._snapshot(step, held) is None:
                raise NotFoundError(step.subject, "is gone, and so is the snapshot of this fix",
                                    "restore it from a backup of your own")  # fmt: skip
            body = _again(_snapshot_id(step, held), held.before["disk"])
            one = self.arm().ask(step.subject, Call("PUT", id_, VERSION, body))
        for _ in range(LOOKS):
            if one is not None and _state(one) == READY:
                return {}
            time.sleep(AGAIN_S)
            one = self.arm().find(step.subject, id_, VERSION)
        raise PlatformError(step.subject, "is not made again yet", "undo again")

    def _forget(self, step: Step, held: Held) -> World:
        found = self._snapshot(step, held)
        if found is None:
            return {}
        one = self.arm().find(step.subject, step.asked["id"], VERSION)
        if one is None or _state(one) != READY:
            raise RefusedError(step.subject, f"only {found['id']} holds its content now",
                               "undo again once the disk stands")  # fmt: skip
        self._remove(step, _snapshot_id(step, held))
        return {}

    def _remove(self, step: Step, id_: str) -> None:
        ask_once(lambda: self.arm().ask(step.subject, Call("DELETE", id_, VERSION)),
                 lambda: self.arm().find(step.subject, id_, VERSION) is None)  # fmt: skip

    def _snapshot(self, step: Step, held: Held) -> dict[str, Any] | None:
        return self.arm().find(step.subject, _snapshot_id(step, held), VERSION)


def _snapshot_id(step: Step, held: Held) -> str:
    """Beside the disk, named after it and the fix."""
    kind, _, name = str(step.asked["id"]).rpartition("/")
    group = kind.rpartition("/")[0]
    return f"{group}/snapshots/{name[:50]}-watermaster-{fix_of(held)}"


def _state(one: Mapping[str, Any]) -> str:
    """Succeeded once all is copied."""
    told = one.get("properties", {})
    state = str(told.get("provisioningState"))
    rest = told.get("completionPercent", 100)
    return state if state != READY or rest >= 100 else f"{rest}% copied"


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    told = one.get("properties", {})
    return {
        "exists": True, "state": told.get("diskState"), "size_gib": told.get("diskSizeGB"),
        "sku": one.get("sku", {}).get("name"), "unique": told.get("uniqueId"),
        "disk": {key: one[key] for key in ("location", "zones", "sku", "tags") if one.get(key)}
        | {"properties": {key: told[key] for key in AS_IT_WAS if told.get(key) is not None}},
    }  # fmt: skip


def _again(snapshot: str, disk: Mapping[str, Any]) -> dict[str, Any]:
    origin = {"createOption": "Copy", "sourceResourceId": snapshot}
    sku = {"name": disk["sku"]["name"]}
    return dict(disk) | {"sku": sku, "properties": disk["properties"] | {"creationData": origin}}
