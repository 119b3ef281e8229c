"""An EC2 instance that computes nothing: it is stopped, and started again.

Before it is stopped it is tagged `watermaster-fix` with the fix: one that somebody else stopped
is not started by an undo.
"""

from collections.abc import Mapping
from typing import Any, Final

from watermaster.act.aws_account import Account, as_tags, region_of, tags_of
from watermaster.act.verbs import MARK, PlatformError, fix_of, must_show
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

GROUP: Final = "aws:autoscaling:groupName"
STOPPED: Final = frozenset({"stopping", "stopped"})


class Instances:
    """The verb stop."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step; RefusedError where stopping would lose it or not last."""
        region, subject = region_of(remedy, self.account), f"instance/{remedy.uid}"
        self.account.must_be(remedy.asked.get("account"), subject)
        one = self._instance(remedy.uid, region)
        _must_stand_a_stop(subject, one)
        asked = {"instance": remedy.uid, "region": region, "account": self.account.number}
        undo = (
            "started again; content of its local disks and a public address that is not elastic "
            "are gone"
        )
        return (
            Step(verb="stop", subject=subject, seen={"state": "running", "fix": None},
                 want={"state": "stopped"}, asked=asked, undo=undo),
        )  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """Its state, and the fix that stopped it."""
        del held
        try:
            one = self._instance(step.asked["instance"], step.asked["region"])
        except NotFoundError:
            return {"state": "terminated", "fix": None}
        return {"state": one["State"]["Name"], "fix": tags_of(one.get("Tags")).get(MARK)}

    def do(self, step: Step, held: Held) -> World:
        """Mark it, then stop it."""
        self.account.must_be(step.asked["account"], step.subject)
        world = self.look(step, held)
        is_ours = world["fix"] == fix_of(held)
        if is_ours and world["state"] in STOPPED:
            return {}
        if not is_ours:
            must_show(world, step)
            tags = as_tags({MARK: fix_of(held)})
            self._ask(step, "create_tags", Resources=[step.asked["instance"]], Tags=tags)
        self._ask(step, "stop_instances", InstanceIds=[step.asked["instance"]])
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """Start it, where this fix stopped it; then take the mark away."""
        self.account.must_be(step.asked["account"], step.subject)
        world = self.look(step, held)
        if world["fix"] != fix_of(held):
            return {}
        if world["state"] == "stopping":
            raise PlatformError(step.subject, "is stopping still", "undo again in a minute")
        if world["state"] == "stopped":
            self._ask(step, "start_instances", InstanceIds=[step.asked["instance"]])
        mark = [{"Key": MARK, "Value": fix_of(held)}]
        self._ask(step, "delete_tags", Resources=[step.asked["instance"]], Tags=mark)
        return {}

    def _instance(self, id_: str, region: str) -> Mapping[str, Any]:
        answer = self.account.call(f"instance/{id_}", "ec2.describe_instances", region,
                                   InstanceIds=[id_])  # fmt: skip
        for held in answer["Reservations"]:
            for one in held["Instances"]:
                found: Mapping[str, Any] = one
                return found
        raise NotFoundError(f"instance/{id_}", "is not there any more", "look again: wm sync")

    def _ask(self, step: Step, method: str, **asked: Any) -> dict[str, Any]:
        return self.account.call(step.subject, f"ec2.{method}", step.asked["region"], **asked)


def _must_stand_a_stop(subject: str, one: Mapping[str, Any]) -> None:
    state, tags = one["State"]["Name"], tags_of(one.get("Tags"))
    if state != "running":
        raise RefusedError(subject, f"is {state}", "nothing is left to stop")
    if MARK in tags:
        raise RefusedError(subject, f"carries {MARK} of fix {tags[MARK]}", "undo that fix first")
    if one.get("RootDeviceType") == "instance-store":
        raise RefusedError(subject, "has its root on a local disk, so a stop would lose it",
                           "open a ticket")  # fmt: skip
    if one.get("InstanceLifecycle") == "spot":
        raise RefusedError(subject, "is a spot instance, which may not come back",
                           "open a ticket")  # fmt: skip
    if GROUP in tags:
        raise RefusedError(subject, f"belongs to group {tags[GROUP]}, which would replace it",
                           "lower the group's size")  # fmt: skip
