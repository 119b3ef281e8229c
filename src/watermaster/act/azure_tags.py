"""Missing tags of resources in Azure, by the tags API, which leaves all other tags alone.

Azure minds no case in names of tags: `Team` is `team`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from watermaster.act.azure_arm import Arm, Call
from watermaster.act.verbs import must_show
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

PATH: Final = "/providers/Microsoft.Resources/tags/default"
VERSION: Final = "2021-04-01"


def tags_of(arm: Arm, id_: str, where: str) -> dict[str, str]:
    """All tags of a resource, as they are written."""
    told = arm.ask(where, Call("GET", f"{id_}{PATH}", VERSION))
    return {str(k): str(v) for k, v in (told.get("properties", {}).get("tags") or {}).items()}


def write_tags(arm: Arm, id_: str, where: str, tags: Mapping[str, str]) -> None:
    """Add or change these."""
    _patch(arm, (id_, where), "Merge", tags)


def remove_tags(arm: Arm, id_: str, where: str, tags: Mapping[str, str]) -> None:
    """Take these away; one with another value stays."""
    _patch(arm, (id_, where), "Delete", tags)


def _patch(arm: Arm, of: tuple[str, str], operation: str, tags: Mapping[str, str]) -> None:
    body = {"operation": operation, "properties": {"tags": dict(tags)}}
    arm.ask(of[1], Call("PATCH", f"{of[0]}{PATH}", VERSION, body))


def id_of(remedy: Remedy) -> str:
    """The resource id of a thing; RefusedError where it has none."""
    found = str(remedy.asked.get("resource_id", ""))
    if not found.startswith("/subscriptions/"):
        what = "has no resource id to change it by"
        raise RefusedError(f"{remedy.kind}/{remedy.uid}", what, "open a ticket")
    return found


class Tags:
    """The verb tag."""

    def __init__(self, arm: Callable[[], Arm]) -> None:
        self.arm = arm

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step that names each key, as it is and as it should be."""
        subject, id_ = f"{remedy.kind}/{remedy.uid}", id_of(remedy)
        wanted = {str(key): str(value) for key, value in remedy.asked["tags"].items()}
        now = _named(tags_of(self.arm(), id_, subject), wanted)
        if now == wanted:
            raise RefusedError(subject, "has these tags already", "nothing is left to do")
        undo = ", ".join(
            f"{key} becomes {value!r} again" if value is not None else f"{key} is removed"
            for key, value in sorted(now.items())
        )
        return (Step(verb="tag", subject=subject, seen={"tags": now}, want={"tags": wanted},
                     asked={"id": id_}, undo=undo),)  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """The keys that are asked for; {} where the thing is gone."""
        del held
        try:
            now = tags_of(self.arm(), step.asked["id"], step.subject)
        except NotFoundError:
            return {}
        return {"tags": _named(now, step.want["tags"])}

    def do(self, step: Step, held: Held) -> World:
        """Write them all."""
        world = self.look(step, held)
        if world.get("tags") != dict(step.want["tags"]):
            must_show(world, step)
            write_tags(self.arm(), step.asked["id"], step.subject, step.want["tags"])
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """Put back each key that still has the value that was written."""
        now, was = self.look(step, held).get("tags", {}), step.seen["tags"]
        ours = {key: value for key, value in step.want["tags"].items() if now.get(key) == value}
        back = {key: was[key] for key, value in ours.items() if was[key] not in {None, value}}
        new = {key: value for key, value in ours.items() if was[key] is None}
        if back:
            write_tags(self.arm(), step.asked["id"], step.subject, back)
        if new:
            remove_tags(self.arm(), step.asked["id"], step.subject, new)
        return {}


def _named(tags: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str | None]:
    folded = {key.lower(): value for key, value in tags.items()}
    return {key: folded.get(key.lower()) for key in keys}
