"""An EBS volume that nobody uses: a snapshot, then it is deleted; back from the snapshot.

Snapshot and new volume carry the tag `watermaster-fix` with the fix, so that each is made once.
"""

from collections.abc import Mapping
from typing import Any, Final

from watermaster.act.aws_account import TRIES, Account, as_tags, is_own, region_of, tags_of, told
from watermaster.act.verbs import MARK, PlatformError, ask_once, fix_of, must_show, only
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

FREE: Final = "available"
KEPT: Final = ("exists", "state", "size_gib", "type", "iops", "throughput", "zone")
AGAIN_S: Final = 3  # between looks at a volume that is being made
LOOKS: Final = 100


class Volumes:
    """The verb snapshot-delete."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """Snapshot, then delete; RefusedError where it is attached."""
        region, subject = region_of(remedy, self.account), f"volume/{remedy.uid}"
        self.account.must_be(remedy.asked.get("account"), subject)
        one = self._volume(remedy.uid, region)
        if one is None:
            raise NotFoundError(subject, "is not there any more", "look again: wm sync")
        _must_be_free(subject, one)
        asked = {"volume": remedy.uid, "region": region, "account": self.account.number}
        seen = only(_shown(one), KEPT)
        return (
            Step(verb="snapshot", subject=subject, seen=seen, want={"snapshot": "completed"},
                 asked=asked, undo="the snapshot is deleted"),
            Step(verb="delete", subject=subject, seen=seen | {"snapshot": "completed"},
                 want={"exists": False}, asked=asked,
                 undo="made again from its snapshot: same size, type, zone and tags, a new id"),
        )  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """The volume, or the one that this fix made in its place; and the snapshot's state."""
        region = step.asked["region"]
        one = self._volume(step.asked["volume"], region) or self._made(step, held)
        snapshot = self._snapshot(step, held)
        return (_shown(one) if one else {"exists": False}) | {
            "snapshot": snapshot and snapshot["State"]
        }

    def do(self, step: Step, held: Held) -> World:
        """Make the snapshot; delete the volume."""
        self.account.must_be(step.asked["account"], step.subject)
        return self._keep(step, held) if step.verb == "snapshot" else self._delete(step, held)

    def undo(self, step: Step, held: Held) -> World:
        """Make the volume again; delete the snapshot, once a volume with its content stands."""
        self.account.must_be(step.asked["account"], step.subject)
        return self._forget(step, held) if step.verb == "snapshot" else self._restore(step, held)

    def _keep(self, step: Step, held: Held) -> World:
        found = self._snapshot(step, held)
        if found is None:
            must_show(self.look(step, held), step)
            tags = {MARK: fix_of(held), "Name": f"{step.asked['volume']} before {fix_of(held)}"}
            asked = {
                "VolumeId": step.asked["volume"],
                "Description": f"Watermaster fix {fix_of(held)}: {step.asked['volume']}",
                "TagSpecifications": [{"ResourceType": "snapshot", "Tags": as_tags(tags)}],
            }
            found = self._kept_once(step, held, asked)
        if found["State"] == "error":
            raise PlatformError(step.subject, f"snapshot {found['SnapshotId']} failed",
                                "look at it in EC2, then plan anew")  # fmt: skip
        return {"snapshot": found["SnapshotId"]}

    def _kept_once(self, step: Step, held: Held, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """EC2 takes no token for a snapshot: asked again blindly, it would make a second one."""
        once = self.account.client("ec2", step.asked["region"], tries=1)
        for number in range(TRIES):
            try:
                with told(step.subject, "ec2.create_snapshot"):
                    made: Mapping[str, Any] = once.create_snapshot(**asked)
            except PlatformError:
                if (found := self._snapshot(step, held)) is not None:
                    return found
                if number == TRIES - 1:
                    raise
            else:
                return made
        raise AssertionError(TRIES)

    def _delete(self, step: Step, held: Held) -> World:
        one = self._volume(step.asked["volume"], step.asked["region"])
        if one is None or one["State"] == "deleting":
            return {}
        must_show(self.look(step, held), step)
        id_, region = step.asked["volume"], step.asked["region"]
        ask_once(lambda: self._ask(step, "delete_volume", VolumeId=id_),
                 lambda: self._volume(id_, region) is None)  # fmt: skip
        return {}

    def _restore(self, step: Step, held: Held) -> World:
        if self._volume(step.asked["volume"], step.asked["region"]):
            return {}
        made, snapshot = self._made(step, held), self._snapshot(step, held)
        if made is None:
            if snapshot is None:
                raise NotFoundError(step.subject, "is gone, and so is the snapshot of this fix",
                                    "restore it from a backup of your own")  # fmt: skip
            made = self._ask(step, "create_volume", **_again(step, held, snapshot))
        with told(step.subject, "ec2.describe_volumes"):
            waiter = self.account.client("ec2", step.asked["region"]).get_waiter("volume_available")
            patient = {"Delay": AGAIN_S, "MaxAttempts": LOOKS}
            if made["State"] == "creating":
                waiter.wait(VolumeIds=[made["VolumeId"]], WaiterConfig=patient)
        return {"volume": made["VolumeId"]}

    def _forget(self, step: Step, held: Held) -> World:
        found = self._snapshot(step, held)
        if found is None:
            return {}
        world = self.look(step, held)
        if world.get("state") not in {FREE, "in-use"}:
            raise RefusedError(
                step.subject, f"only {found['SnapshotId']} holds its content now",
                "undo again once the volume stands",
            )  # fmt: skip
        ask_once(lambda: self._ask(step, "delete_snapshot", SnapshotId=found["SnapshotId"]),
                 lambda: self._snapshot(step, held) is None)  # fmt: skip
        return {}

    def _volume(self, id_: str, region: str) -> Mapping[str, Any] | None:
        """None where it is gone or going."""
        try:
            told = self.account.call(f"volume/{id_}", "ec2.describe_volumes", region,
                                     VolumeIds=[id_])  # fmt: skip
        except NotFoundError:
            return None
        return next((one for one in told["Volumes"] if one["State"] not in _GONE), None)

    def _made(self, step: Step, held: Held) -> Mapping[str, Any] | None:
        """The volume this fix made in its place."""
        told = self._ask(step, "describe_volumes", Filters=_marked(held))
        return next((one for one in told["Volumes"] if one["State"] not in _GONE), None)

    def _snapshot(self, step: Step, held: Held) -> Mapping[str, Any] | None:
        filters = [*_marked(held), {"Name": "volume-id", "Values": [step.asked["volume"]]}]
        told = self._ask(step, "describe_snapshots", OwnerIds=["self"], Filters=filters)
        return next(iter(told["Snapshots"]), None)

    def _ask(self, step: Step, method: str, **asked: Any) -> dict[str, Any]:
        return self.account.call(step.subject, f"ec2.{method}", step.asked["region"], **asked)


_GONE: Final = frozenset({"deleting", "deleted"})


def _must_be_free(subject: str, one: Mapping[str, Any]) -> None:
    if one["State"] != FREE:
        raise RefusedError(subject, f"is {one['State']}, not {FREE}",
                           "it is used: decline the finding")  # fmt: skip
    if one.get("OutpostArn"):
        raise RefusedError(subject, "lies on an Outpost, where it cannot be made again",
                           "snapshot and delete it by hand")  # fmt: skip


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    tags = {key: value for key, value in tags_of(one.get("Tags")).items() if key != MARK}
    return {
        "exists": True, "volume": one["VolumeId"], "state": one["State"], "size_gib": one["Size"],
        "type": one.get("VolumeType"), "iops": one.get("Iops"),
        "throughput": one.get("Throughput"), "zone": one["AvailabilityZone"],
        "encrypted": bool(one.get("Encrypted")), "key": one.get("KmsKeyId"),
        "multi_attach": bool(one.get("MultiAttachEnabled")), "tags": tags,
    }  # fmt: skip


def _again(step: Step, held: Held, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the volume again as it was when its deletion began."""
    was = dict(step.seen) | dict(held.before)
    tags = {key: value for key, value in was.get("tags", {}).items() if not is_own(key)}
    asked = {
        "SnapshotId": snapshot["SnapshotId"], "Size": was["size_gib"], "VolumeType": was["type"],
        "AvailabilityZone": was["zone"], "ClientToken": f"{MARK}-{held.token}",
        "TagSpecifications": [
            {"ResourceType": "volume", "Tags": as_tags(tags | {MARK: fix_of(held)})}
        ],
    }  # fmt: skip
    if was["type"] in {"io1", "io2", "gp3"} and was["iops"]:
        asked["Iops"] = was["iops"]
    if was["type"] == "gp3" and was["throughput"]:
        asked["Throughput"] = was["throughput"]
    if was.get("encrypted"):
        asked |= {"Encrypted": True} | ({"KmsKeyId": was["key"]} if was.get("key") else {})
    if was.get("multi_attach"):
        asked["MultiAttachEnabled"] = True
    return asked


def _marked(held: Held) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{MARK}", "Values": [fix_of(held)]}]
