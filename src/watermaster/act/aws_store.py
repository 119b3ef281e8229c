"""Prefixes in S3: let them expire by a lifecycle rule, or replicate them to another bucket.

A rule is named after the fix, so that it is added once, and only it is taken away again.
"""

import datetime as dt
from typing import Any, Final

from watermaster.act.aws_account import Account
from watermaster.act.aws_objects import listing_of, place_of
from watermaster.act.listing import Listing
from watermaster.act.verbs import fix_of, must_show
from watermaster.model.acts import UNDO_DAYS, Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

CONFIG: Final = "bucket_lifecycle_configuration"
SMALLEST: Final = "TransitionDefaultMinimumObjectSize"  # is told beside the rules; kept as it is


class Expiry:
    """The verb expire: a lifecycle rule that begins when the fix can no longer be undone."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step; RefusedError for a whole bucket, or one that would keep every byte."""
        bucket, prefix = place_of(remedy.uid)
        if not prefix:
            raise RefusedError(remedy.uid, "is a whole bucket", "name a prefix of it")
        region, subject = self.account.region, f"{remedy.kind}/{remedy.uid}"
        told = self.account.call(subject, "s3.get_bucket_versioning", region, Bucket=bucket)
        if told.get("Status"):
            raise RefusedError(
                subject, f"versioning of {bucket} is {told['Status'].lower()}: what expires is "
                "kept as older versions and costs as much", "write a rule for versions by hand",
            )  # fmt: skip
        found = listing_of(self.account, subject, (bucket, prefix))
        if not found.objects:
            raise NotFoundError(subject, "holds nothing any more", "look again: wm sync")
        asked = {"bucket": bucket, "prefix": prefix, "days": UNDO_DAYS + 1}
        return (
            Step(verb="expire", subject=subject, seen=_shown(found), want={"rule": True},
                 asked=asked, undo="the rule is removed, and nothing has expired by then; other "
                 "rules stay as they are"),
        )  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """Whether the rule of this fix is there; where it is not, what lies under the prefix."""
        config = self._config(step)
        if self._ours(config, held):
            return {"rule": True}
        where = step.asked["bucket"], step.asked["prefix"]
        return _shown(listing_of(self.account, step.subject, where))

    def do(self, step: Step, held: Held) -> World:
        """Add the rule to those there are."""
        config = self._config(step)
        if not self._ours(config, held):
            must_show(self.look(step, held), step)
            config["Rules"].append(_rule(step, held, config["Rules"]))
            self._put(step, config)
        ours = self._ours(self._config(step), held)
        return {"rule": _name(held), "expires": ours and _day(ours["Expiration"]["Date"])}

    def undo(self, step: Step, held: Held) -> World:
        """Take away the rule of this fix, and the configuration if it holds no other."""
        config = self._config(step)
        if not self._ours(config, held):
            return {}
        config["Rules"] = [one for one in config["Rules"] if one.get("ID") != _name(held)]
        if config["Rules"]:
            self._put(step, config)
        else:
            self._ask(step, "delete_bucket_lifecycle")
        return {}

    def _config(self, step: Step) -> dict[str, Any]:
        try:
            told = self._ask(step, f"get_{CONFIG}")
        except NotFoundError as error:
            if "NoSuchLifecycle" not in error.what:
                raise
            return {"Rules": []}
        return {key: value for key, value in told.items() if key in {"Rules", SMALLEST}}

    def _ours(self, config: dict[str, Any], held: Held) -> dict[str, Any] | None:
        return next((one for one in config["Rules"] if one.get("ID") == _name(held)), None)

    def _put(self, step: Step, config: dict[str, Any]) -> None:
        smallest = {SMALLEST: config[SMALLEST]} if SMALLEST in config else {}
        rules = {"Rules": config["Rules"]}
        self._ask(step, f"put_{CONFIG}", LifecycleConfiguration=rules, **smallest)

    def _ask(self, step: Step, method: str, **asked: Any) -> dict[str, Any]:
        bucket = step.asked["bucket"]
        return self.account.call(step.subject, f"s3.{method}", self.account.region,
                                 Bucket=bucket, **asked)  # fmt: skip


def _rule(step: Step, held: Held, others: list[dict[str, Any]]) -> dict[str, Any]:
    """From midnight after the last day it can be undone; S3 takes one form of rules only."""
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=int(step.asked["days"]))
    prefix = {"Prefix": step.asked["prefix"]}
    place = prefix if any("Prefix" in one for one in others) else {"Filter": prefix}
    date = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    return {"ID": _name(held), "Status": "Enabled", "Expiration": {"Date": date}} | place


def _name(held: Held) -> str:
    return f"watermaster-fix-{fix_of(held)}"


def _shown(found: Listing) -> dict[str, Any]:
    return {"rule": False, "objects": found.objects, "bytes": found.bytes, "digest": found.digest}


def _day(when: dt.datetime) -> str:
    return f"{when:%Y-%m-%d}"
