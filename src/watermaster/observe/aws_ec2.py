"""EC2: instances with accelerators, volumes, snapshots."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from watermaster.observe.aws_account import Region
from watermaster.observe.aws_rows import Found, Place, Read, Types, rows, tags_of

GIB: Final = 1 << 30
AT_ONCE: Final = 500  # instances whose types are asked for together


def instances(region: Region, place: Place, types: Types) -> Iterator[Found]:
    """Machines, but for those that are gone and only still listed."""

    def make(one: Mapping[str, Any]) -> Iterator[Found]:
        count, model = types.of(one["InstanceType"])
        yield place.row(
            "instance", one["InstanceId"], name=tags_of(one).get("Name", one["InstanceId"]),
            resource_id=place.arn("ec2", f"instance/{one['InstanceId']}"),
            state=one["State"]["Name"], created_at=one.get("LaunchTime"), gpus=count or None,
            accelerator=model, labels=tags_of(one),
            attributes={"type": one["InstanceType"], "market": one.get("InstanceLifecycle")},
        )  # fmt: skip

    for some in _some(_machines(region)):
        types.learn({str(one["InstanceType"]) for one in some if "InstanceType" in one})
        yield from rows(region, "instance", some, make)


def _machines(region: Region) -> Iterator[dict[str, Any]]:
    for held in region.pages("instance", "ec2.describe_instances", "Reservations"):
        for one in held.get("Instances") or []:
            if one.get("State", {}).get("Name") != "terminated":
                yield one


def _some(things: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    held = []
    for one in things:
        held.append(one)
        if len(held) >= AT_ONCE:
            yield held
            held = []
    yield held


def volumes(region: Region, place: Place, types: Types) -> Iterator[Found]:
    """Disks; those attached to nothing are `available`."""
    del types

    def make(one: Mapping[str, Any]) -> Iterator[Found]:
        attached = [held["InstanceId"] for held in one.get("Attachments") or []]
        yield place.row(
            "volume", one["VolumeId"], name=tags_of(one).get("Name"),
            resource_id=place.arn("ec2", f"volume/{one['VolumeId']}"), state=one["State"],
            created_at=one["CreateTime"], bytes=one["Size"] * GIB, labels=tags_of(one),
            parent_uid=attached[0] if attached else None,
            attributes={"type": one.get("VolumeType"), "snapshot": one.get("SnapshotId")},
        )  # fmt: skip

    found = region.pages("volume", "ec2.describe_volumes", "Volumes")
    yield from rows(region, "volume", found, make)


def snapshots(region: Region, place: Place, types: Types) -> Iterator[Found]:
    """The account's own; the size is that of the volume, its blocks are not told."""
    del types

    def make(one: Mapping[str, Any]) -> Iterator[Found]:
        yield place.row(
            "snapshot", one["SnapshotId"], name=tags_of(one).get("Name"),
            resource_id=place.arn("ec2", f"snapshot/{one['SnapshotId']}"), state=one["State"],
            created_at=one["StartTime"], bytes=one["VolumeSize"] * GIB, labels=tags_of(one),
            parent_uid=one.get("VolumeId"), attributes={"tier": one.get("StorageTier")},
        )  # fmt: skip

    found = region.pages("snapshot", "ec2.describe_snapshots", "Snapshots", OwnerIds=["self"])
    yield from rows(region, "snapshot", found, make)


EC2: Final[tuple[Read, ...]] = (instances, volumes, snapshots)
