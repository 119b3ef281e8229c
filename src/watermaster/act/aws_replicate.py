"""A prefix in S3 copied to another bucket, counted and compared; the undo deletes only copies.

The list of what is copied is written there first, under the name of the fix: it tells a process
that goes on after a crash what is ours, and the undo what may be deleted.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from watermaster.act.aws_account import Account, told
from watermaster.act.aws_objects import (
    SCHEME,
    Place,
    copy,
    delete,
    listing_of,
    objects,
    place_of,
)
from watermaster.act.listing import Object, listing
from watermaster.act.verbs import fix_of, must_show
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

MOST: Final = 100_000  # objects; more is work for S3 Batch Replication
AT_ONCE: Final = 8
LIST: Final = ".watermaster-fix-"  # and the fix: the list of what it copied


class Replicas:
    """The verb replicate, to `asked.to`, else to options.archive of the Target."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step; RefusedError where something lies there already."""
        subject, (bucket, prefix) = f"{remedy.kind}/{remedy.uid}", place_of(remedy.uid)
        to, options = remedy.asked.get("to"), self.account.spec.options
        if not to and not options.get("archive"):
            raise RefusedError(subject, "nobody says where to", "set options.archive of the Target")
        base = place_of(str(to or f"{options['archive'].rstrip('/')}/{bucket}/{prefix}"))
        region = options.get("archiveRegion", self.account.region)
        if base[0] == bucket and (base[1].startswith(prefix) or prefix.startswith(base[1])):
            raise RefusedError(subject, f"holds {SCHEME}{'/'.join(base)} or lies in it",
                               "choose another place")  # fmt: skip
        found = listing_of(self.account, subject, (bucket, prefix))
        if not 0 < found.objects <= MOST:
            raise RefusedError(subject, f"holds {found.objects:,} objects, not 1 to {MOST:,}",
                               "use S3 Batch Replication")  # fmt: skip
        there = listing_of(self.account, subject, base, region)
        if there.objects:
            raise RefusedError(subject, f"{there.objects:,} objects lie at the target already",
                               "choose another place")  # fmt: skip
        asked = {"bucket": bucket, "prefix": prefix, "to_bucket": base[0], "to_prefix": base[1],
                 "to_region": region}  # fmt: skip
        seen = {"digest": found.digest, "objects": found.objects, "bytes": found.bytes,
                "copied": None}  # fmt: skip
        undo = "what was copied is deleted there, nothing else"
        return (Step(verb="replicate", subject=subject, seen=seen, want={"copied": found.digest},
                     asked=asked, undo=undo),)  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """Both prefixes by digest over names, sizes and ETags."""
        source, _ = _places(step)
        found = listing_of(self.account, step.subject, source)
        return {"digest": found.digest, "objects": found.objects, "bytes": found.bytes,
                "copied": listing(iter(self._there(step, held)[0])).digest}  # fmt: skip

    def do(self, step: Step, held: Held) -> World:
        """Write the list, then copy what is not there yet."""
        source, there = _places(step)
        wanted = self._list(step, held)
        if wanted is None:
            must_show(self.look(step, held), step)
            wanted = list(objects(self.account, step.subject, source, self.account.region))
            self._keep(step, held, wanted)
        held_there = set(self._there(step, held)[0])
        region = step.asked["to_region"]
        copied = partial(_copied, self.account, (source, there), region)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(copied, [one for one in wanted if one not in held_there]))
        return {"copies": len(wanted), "list": _list_name(held)}

    def undo(self, step: Step, held: Held) -> World:
        """Delete what the list names and still is as it was copied, then the list."""
        wanted, (source, there) = self._list(step, held), _places(step)
        if wanted is None:
            return {}
        found, listed = self._there(step, held)
        ours = set(wanted)
        names = [one.name for one in found if one in ours]
        still = set(objects(self.account, step.subject, source, self.account.region))
        alone = [one for one in found if one in ours and one not in still]
        if alone:
            raise RefusedError(
                step.subject, f"{len(alone)} copies are all there is of {alone[0].name} and others",
                "copy them back, or keep the copy and decline the undo",
            )  # fmt: skip
        region = step.asked["to_region"]
        delete(self.account, there, names, region)
        if listed:
            delete(self.account, there, [_list_name(held)], region)
        return {}

    def _there(self, step: Step, held: Held) -> tuple[list[Object], bool]:
        """What lies at the target but for the list, and whether that is there."""
        _, there = _places(step)
        region, name = step.asked["to_region"], _list_name(held)
        found = list(objects(self.account, step.subject, there, region))
        return [one for one in found if one.name != name], any(one.name == name for one in found)

    def _keep(self, step: Step, held: Held, wanted: list[Object]) -> None:
        _, (bucket, prefix) = _places(step)
        body = json.dumps({"from": step.subject, "objects": wanted}).encode()
        self.account.call(step.subject, "s3.put_object", step.asked["to_region"], Bucket=bucket,
                          Key=f"{prefix}{_list_name(held)}", Body=body)  # fmt: skip

    def _list(self, step: Step, held: Held) -> list[Object] | None:
        """What this fix copies; None where it never began."""
        _, (bucket, prefix) = _places(step)
        asked = {"Bucket": bucket, "Key": f"{prefix}{_list_name(held)}"}
        region = step.asked["to_region"]
        try:
            answer = self.account.call(step.subject, "s3.get_object", region, **asked)
        except NotFoundError:
            return None
        with told(step.subject, "s3.get_object"):
            found: dict[str, Any] = json.loads(answer["Body"].read())
        return [Object(*one) for one in found["objects"]]


def _places(step: Step) -> tuple[Place, Place]:
    asked = step.asked
    return (asked["bucket"], asked["prefix"]), (asked["to_bucket"], asked["to_prefix"])


def _list_name(held: Held) -> str:
    return f"{LIST}{fix_of(held)}.json"


def _copied(account: Account, places: tuple[Place, Place], region: str, one: Object) -> None:
    copy(account, one, places[0], places[1], region)
