"""Virtual machines deallocated and started again; machines of an Azure ML deployment.

A machine is tagged `watermaster-fix` first: one that somebody else stopped is not started.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from watermaster.act.azure_arm import Arm, Call
from watermaster.act.azure_tags import id_of, remove_tags, tags_of, write_tags
from watermaster.act.verbs import MARK, PlatformError, fix_of, must_show
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

COMPUTE: Final = "2024-07-01"
ML: Final = "2024-04-01"
STOPPED: Final = frozenset({"deallocating", "deallocated"})
MACHINE: Final = "/virtualmachines/"
ENDPOINT: Final = "/onlineendpoints/"


class Machines:
    """The verb stop."""

    def __init__(self, arm: Callable[[], Arm]) -> None:
        self.arm = arm

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step; RefusedError where it is no machine of its own or runs not."""
        subject, id_ = f"instance/{remedy.uid}", id_of(remedy)
        if MACHINE not in id_.lower():
            raise RefusedError(subject, "is no virtual machine of its own",
                               "lower the size of what it belongs to")  # fmt: skip
        one = self.arm().ask(subject, Call("GET", id_, COMPUTE))
        told = one.get("properties", {})
        if told.get("priority") == "Spot" or told.get("virtualMachineScaleSet"):
            raise RefusedError(subject, "is a spot machine or of a scale set, which may not come "
                               "back or be replaced", "open a ticket")  # fmt: skip
        state = self._state(id_, subject)
        if state != "running":
            raise RefusedError(subject, f"is {state}", "nothing is left to stop")
        undo = "started again; its temporary disk and a dynamic public address are gone"
        return (Step(verb="stop", subject=subject, seen={"state": "running", "fix": None},
                     want={"state": "deallocated"}, asked={"id": id_}, undo=undo),)  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """Its power state, and the fix that stopped it."""
        del held
        id_ = step.asked["id"]
        try:
            tags = tags_of(self.arm(), id_, step.subject)
            return {"state": self._state(id_, step.subject), "fix": tags.get(MARK)}
        except NotFoundError:
            return {"state": "gone", "fix": None}

    def do(self, step: Step, held: Held) -> World:
        """Mark it, then deallocate it: a machine that is only stopped costs as much."""
        world, id_ = self.look(step, held), step.asked["id"]
        is_ours = world["fix"] == fix_of(held)
        if is_ours and world["state"] in STOPPED:
            return {}
        if not is_ours:
            must_show(world, step)
            write_tags(self.arm(), id_, step.subject, {MARK: fix_of(held)})
        self.arm().ask(step.subject, Call("POST", f"{id_}/deallocate", COMPUTE, {}))
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """Start it, where this fix stopped it; then take the mark away."""
        world, id_ = self.look(step, held), step.asked["id"]
        if world["fix"] != fix_of(held):
            return {}
        if world["state"] == "deallocating":
            raise PlatformError(step.subject, "is stopping still", "undo again in a minute")
        if world["state"] in {"deallocated", "stopped"}:
            self.arm().ask(step.subject, Call("POST", f"{id_}/start", COMPUTE, {}))
        remove_tags(self.arm(), id_, step.subject, {MARK: fix_of(held)})
        return {}

    def _state(self, id_: str, where: str) -> str:
        view = self.arm().ask(where, Call("GET", f"{id_}/instanceView", COMPUTE))
        codes = [str(one.get("code")) for one in view.get("statuses", [])]
        power = [code.partition("/")[2] for code in codes if code.startswith("PowerState/")]
        return power[0] if power else "unknown"


class Deployments:
    """The verb scale: machines of the one deployment of an Azure ML online endpoint."""

    def __init__(self, arm: Callable[[], Arm]) -> None:
        self.arm = arm

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step; Azure ML keeps at least one machine, so 0 is refused."""
        subject, id_ = f"endpoint/{remedy.uid}", id_of(remedy)
        if ENDPOINT not in id_.lower():
            raise RefusedError(subject, "is no online endpoint of Azure ML", "open a ticket")
        count = int(remedy.asked.get("replicas", 0))
        if count < 1:
            raise RefusedError(subject, "Azure ML keeps at least one machine of a deployment",
                               "scale it to 1, or delete the deployment by hand")  # fmt: skip
        told = self.arm().ask(subject, Call("GET", f"{id_}/deployments", ML))
        found = told.get("value", [])
        if len(found) != 1:
            names = ", ".join(sorted(str(one["name"]) for one in found))
            raise RefusedError(subject, f"has the deployments {names or 'none'}",
                               "say which by hand")  # fmt: skip
        world = _deployed(found[0])
        if world["state"] != "Succeeded":
            raise RefusedError(subject, f"is {world['state']}", "wait until it is Succeeded")
        if world["machines"] == count:
            raise RefusedError(subject, f"has {count} already", "nothing is left to do")
        undo = f"{found[0]['name']} has {world['machines']} machines again"
        return (Step(verb="scale", subject=subject, seen=world,
                     want={"state": "Succeeded", "machines": count},
                     asked={"id": str(found[0]["id"])}, undo=undo),)  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """The state and the machines of the deployment."""
        del held
        found = self.arm().find(step.subject, step.asked["id"], ML)
        return _deployed(found) if found else {"state": "gone", "machines": None}

    def do(self, step: Step, held: Held) -> World:
        """Ask for another number of machines."""
        world = self.look(step, held)
        if world["machines"] != step.want["machines"]:
            must_show(world, step)
            self._set(step, step.want["machines"])
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """Ask for as many as there were."""
        if self.look(step, held)["machines"] == step.want["machines"]:
            self._set(step, step.seen["machines"])
        return {}

    def _set(self, step: Step, count: int) -> None:
        body = {"sku": {"name": "Default", "capacity": count}}
        self.arm().ask(step.subject, Call("PATCH", step.asked["id"], ML, body))


def _deployed(one: Mapping[str, Any]) -> dict[str, Any]:
    state = one.get("properties", {}).get("provisioningState")
    return {"state": state, "machines": one.get("sku", {}).get("capacity")}
