"""Missing tags of things in AWS: each key is written, and put back as it was.

EC2, SageMaker and S3 buckets by calls of their own, all else by the resource groups tagging API.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from watermaster.act.aws_account import Account, as_tags, is_own, region_of, tags_of
from watermaster.act.verbs import PlatformError, must_show
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

EC2: Final = frozenset({"instance", "volume", "snapshot"})
ANYWHERE: Final = "us-east-1"  # where what has no region is asked


class Tags:
    """The verb tag."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step that names each key, as it is and as it should be."""
        subject = f"{remedy.kind}/{remedy.uid}"
        wanted = {str(key): str(value) for key, value in remedy.asked["tags"].items()}
        for key in wanted:
            if is_own(key):
                raise RefusedError(subject, f"{key} is AWS's own tag", "ask for another key")
        self.account.must_be(remedy.asked.get("account"), subject)
        asked = self._asked(remedy, subject)
        now = self._way(asked).read(asked, subject)
        was = {key: now.get(key) for key in wanted}
        if was == wanted:
            raise RefusedError(subject, "has these tags already", "nothing is left to do")
        undo = ", ".join(
            f"{key} becomes {value!r} again" if value is not None else f"{key} is removed"
            for key, value in sorted(was.items())
        )
        return (Step(verb="tag", subject=subject, seen={"tags": was}, want={"tags": wanted},
                     asked=asked, undo=undo),)  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """The keys that are asked for; {} where the thing is gone."""
        del held
        try:
            now = self._way(step.asked).read(step.asked, step.subject)
        except NotFoundError:
            return {}
        return {"tags": {key: now.get(key) for key in step.want["tags"]}}

    def do(self, step: Step, held: Held) -> World:
        """Write them all."""
        self.account.must_be(step.asked["account"], step.subject)
        world = self.look(step, held)
        if world.get("tags") != dict(step.want["tags"]):
            must_show(world, step)
            self._way(step.asked).write(step.asked, step.subject, dict(step.want["tags"]))
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """Put back each key that still has the value that was written."""
        self.account.must_be(step.asked["account"], step.subject)
        now = self.look(step, held).get("tags", {})
        ours = [key for key, value in step.want["tags"].items() if now.get(key) == value]
        was = {key: step.seen["tags"][key] for key in ours}
        back = {key: value for key, value in was.items() if value is not None}
        new = sorted(key for key, value in was.items() if value is None)
        if back and back != {key: now[key] for key in back}:
            self._way(step.asked).write(step.asked, step.subject, back)
        if new:
            self._way(step.asked).remove(step.asked, step.subject, new)
        return {}

    def _asked(self, remedy: Remedy, subject: str) -> dict[str, Any]:
        """The thing as its service takes it."""
        arn = str(remedy.asked.get("resource_id", ""))
        kind = "ec2" if remedy.kind in EC2 else "s3" if remedy.kind == "bucket" else (
            "sagemaker" if ":sagemaker:" in arn else "any"
        )  # fmt: skip
        name = remedy.uid.removeprefix("s3://") if kind == "s3" else remedy.uid
        if kind in {"any", "sagemaker"}:
            if not arn.startswith("arn:"):
                raise RefusedError(subject, "has no ARN to tag it by", "tag it by hand")
            name = arn
        region = ANYWHERE if kind == "s3" else region_of(remedy, self.account)
        return {"way": kind, "name": name, "region": region, "account": self.account.number}

    def _way(self, asked: World) -> "_Way":
        return _WAYS[asked["way"]](self.account)


class _Way(Protocol):
    """How the tags of one service are read and written."""

    def read(self, asked: World, where: str) -> dict[str, str]: ...

    def write(self, asked: World, where: str, tags: dict[str, str]) -> None: ...

    def remove(self, asked: World, where: str, keys: list[str]) -> None: ...


class _Ec2:
    def __init__(self, account: Account) -> None:
        self.account = account

    def read(self, asked: World, where: str) -> dict[str, str]:
        plural = {"i-": "instances", "vol-": "volumes", "snap-": "snapshots"}
        name = next(word for start, word in plural.items() if asked["name"].startswith(start))
        ids = {f"{name[:-1].capitalize()}Ids": [asked["name"]]}
        answer = self.account.call(where, f"ec2.describe_{name}", asked["region"], **ids)
        if name == "instances":
            found = [one for held in answer["Reservations"] for one in held["Instances"]]
        else:
            found = answer[name.capitalize()]
        if not found:
            raise NotFoundError(where, "is not there any more", "look again: wm sync")
        return tags_of(found[0].get("Tags"))

    def write(self, asked: World, where: str, tags: dict[str, str]) -> None:
        self.account.call(where, "ec2.create_tags", asked["region"], Resources=[asked["name"]],
                          Tags=as_tags(tags))  # fmt: skip

    def remove(self, asked: World, where: str, keys: list[str]) -> None:
        self.account.call(where, "ec2.delete_tags", asked["region"], Resources=[asked["name"]],
                          Tags=[{"Key": key} for key in keys])  # fmt: skip


class _SageMaker:
    def __init__(self, account: Account) -> None:
        self.account = account

    def read(self, asked: World, where: str) -> dict[str, str]:
        pages = self.account.pages(where, "sagemaker.list_tags", asked["region"],
                                   ResourceArn=asked["name"])  # fmt: skip
        return tags_of([one for page in pages for one in page["Tags"]])

    def write(self, asked: World, where: str, tags: dict[str, str]) -> None:
        self.account.call(where, "sagemaker.add_tags", asked["region"],
                          ResourceArn=asked["name"], Tags=as_tags(tags))  # fmt: skip

    def remove(self, asked: World, where: str, keys: list[str]) -> None:
        self.account.call(where, "sagemaker.delete_tags", asked["region"],
                          ResourceArn=asked["name"], TagKeys=keys)  # fmt: skip


class _Bucket:
    """S3 takes all tags of a bucket at once: the others are written again as they are."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def read(self, asked: World, where: str) -> dict[str, str]:
        self.account.call(where, "s3.head_bucket", asked["region"], Bucket=asked["name"])
        try:
            answer = self.account.call(where, "s3.get_bucket_tagging", asked["region"],
                                       Bucket=asked["name"])  # fmt: skip
        except NotFoundError:  # NoSuchTagSet: it has none
            return {}
        return tags_of(answer["TagSet"])

    def write(self, asked: World, where: str, tags: dict[str, str]) -> None:
        self._put(asked, where, self.read(asked, where) | tags)

    def remove(self, asked: World, where: str, keys: list[str]) -> None:
        now = self.read(asked, where)
        self._put(asked, where, {key: value for key, value in now.items() if key not in keys})

    def _put(self, asked: World, where: str, tags: Mapping[str, str]) -> None:
        bucket, held = {"Bucket": asked["name"]}, {"TagSet": as_tags(dict(tags))}
        if tags:
            self.account.call(where, "s3.put_bucket_tagging", asked["region"], **bucket,
                              Tagging=held)  # fmt: skip
        else:
            self.account.call(where, "s3.delete_bucket_tagging", asked["region"], **bucket)


class _Any:
    def __init__(self, account: Account) -> None:
        self.account = account

    def read(self, asked: World, where: str) -> dict[str, str]:
        answer = self.account.call(where, "resourcegroupstaggingapi.get_resources",
                                   asked["region"], ResourceARNList=[asked["name"]])  # fmt: skip
        for one in answer["ResourceTagMappingList"]:
            return tags_of(one.get("Tags"))
        return {}  # it lists only what had tags once

    def write(self, asked: World, where: str, tags: dict[str, str]) -> None:
        self._ask(asked, where, "tag_resources", Tags=tags)

    def remove(self, asked: World, where: str, keys: list[str]) -> None:
        self._ask(asked, where, "untag_resources", TagKeys=keys)

    def _ask(self, asked: World, where: str, method: str, **told: Any) -> None:
        answer = self.account.call(where, f"resourcegroupstaggingapi.{method}", asked["region"],
                                   ResourceARNList=[asked["name"]], **told)  # fmt: skip
        _all_done(where, answer)


def _all_done(where: str, answer: Mapping[str, Any]) -> None:
    """The tagging API answers 200 and lists what failed."""
    for failed in answer.get("FailedResourcesMap", {}).values():
        what = f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}"
        raise PlatformError(where, f"could not be tagged ({what})", "grant what it names")


_WAYS: Final[dict[str, Callable[[Account], _Way]]] = {
    "ec2": _Ec2,
    "sagemaker": _SageMaker,
    "s3": _Bucket,
    "any": _Any,
}
