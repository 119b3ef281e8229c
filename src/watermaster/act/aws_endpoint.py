"""A SageMaker endpoint: deleted with its config kept, and created again from it; or fewer machines.

SageMaker keeps no endpoint at zero machines, so to scale one to 0 is to delete it. Config, models
and weights are never touched.
"""

from collections.abc import Mapping
from typing import Any, Final

from watermaster.act.aws_account import Account, as_tags, is_own, region_of, tags_of
from watermaster.act.verbs import PlatformError, ask_once, must_show
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import NotFoundError, RefusedError

READY: Final = "InService"
GONE: Final = {"exists": False}


class Endpoints:
    """The verb scale."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step: release at 0 replicas, else another number of machines of its one variant."""
        name, region = remedy.uid.rpartition("/")[2], region_of(remedy, self.account)
        subject = f"endpoint/{name}"
        if remedy.kind != "endpoint":
            raise RefusedError(subject, f"is a {remedy.kind}", "only endpoints are scaled here")
        self.account.must_be(remedy.asked.get("account"), subject)
        asked = {"endpoint": name, "region": region, "account": self.account.number}
        world = self._shown(asked, subject)
        if not world["exists"]:
            raise NotFoundError(subject, "is not there any more", "look again: wm sync")
        if world["status"] != READY:
            raise RefusedError(subject, f"is {world['status']}", f"wait until it is {READY}")
        count = int(remedy.asked.get("replicas", 0))
        return (self._fewer(subject, asked, world, count) if count
                else self._release(subject, asked, world),)  # fmt: skip

    def _release(self, subject: str, asked: World, world: World) -> Step:
        config = self._config(asked, world["config"], subject)
        if not world["config_exists"]:
            raise RefusedError(subject, f"its config {world['config']} is gone: no way back",
                               "open a ticket")  # fmt: skip
        told = {one["VariantName"]: one for one in config.get("ProductionVariants", [])}
        if any("ModelName" not in one for one in told.values()):
            raise RefusedError(subject, "holds inference components, which would be lost",
                               "delete them by hand")  # fmt: skip
        first = {name: one.get("InitialInstanceCount") for name, one in told.items()}
        undo = f"created again from its config {world['config']}"
        if first != world["instances"]:
            undo += f", with {_counts(first)} as that says, not {_counts(world['instances'])}"
        seen = {key: world[key] for key in ("exists", "status", "config", "config_exists")}
        return Step(verb="scale", subject=subject, seen=seen, want=GONE, asked=asked, undo=undo)

    def _fewer(self, subject: str, asked: World, world: World, count: int) -> Step:
        if len(world["instances"]) != 1:
            raise RefusedError(subject, f"has the variants {_counts(world['instances'])}",
                               "say which by hand: one endpoint, one variant")  # fmt: skip
        ((variant, was),) = world["instances"].items()
        if was == count:
            raise RefusedError(subject, f"has {count} already", "nothing is left to do")
        seen = {key: world[key] for key in ("exists", "status", "instances")}
        want = {"status": READY, "instances": {variant: count}}
        return Step(verb="scale", subject=subject, seen=seen, want=want, asked=asked,
                    undo=f"{variant} has {was} machines again")  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """Whether it is there, its status, config, tags and machines."""
        del held
        return self._shown(step.asked, step.subject)

    def do(self, step: Step, held: Held) -> World:
        """Delete it, or ask for another number of machines."""
        del held
        self.account.must_be(step.asked["account"], step.subject)
        world = self._shown(step.asked, step.subject)
        if step.want == GONE:
            if world["exists"] and world["status"] != "Deleting":
                must_show(world, step)
                self._delete(step)
        elif world["desired"] != step.want["instances"]:
            must_show(world, step)
            self._set(step, step.want["instances"])
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """Create it again, with the tags it had; or ask for the machines it had."""
        self.account.must_be(step.asked["account"], step.subject)
        world = self._shown(step.asked, step.subject)
        if step.want == GONE:
            self._create(step, held, world)
        elif world["exists"] and world["desired"] == step.want["instances"]:
            if world["status"] != READY:
                raise PlatformError(step.subject, f"is {world['status']} still",
                                    f"undo again once it is {READY}")  # fmt: skip
            self._set(step, step.seen["instances"])
        return {}

    def _delete(self, step: Step) -> None:
        ask_once(
            lambda: self._ask(step, "delete_endpoint", EndpointName=step.asked["endpoint"]),
            lambda: self._shown(step.asked, step.subject)["status"] in {None, "Deleting"},
        )

    def _create(self, step: Step, held: Held, world: World) -> None:
        if world["exists"]:
            if world["status"] == "Deleting":
                raise PlatformError(step.subject, "is being deleted still",
                                    "undo again in a minute")  # fmt: skip
            return
        tags = {key: value for key, value in held.before.get("tags", {}).items() if not is_own(key)}
        asked = {"EndpointName": step.asked["endpoint"],
                 "EndpointConfigName": step.seen["config"], "Tags": as_tags(tags)}  # fmt: skip
        ask_once(lambda: self._ask(step, "create_endpoint", **asked),
                 lambda: bool(self._shown(step.asked, step.subject)["exists"]))  # fmt: skip

    def _set(self, step: Step, instances: Mapping[str, int]) -> None:
        wanted = [{"VariantName": name, "DesiredInstanceCount": count}
                  for name, count in instances.items()]  # fmt: skip
        asked = {"EndpointName": step.asked["endpoint"], "DesiredWeightsAndCapacities": wanted}
        ask_once(lambda: self._ask(step, "update_endpoint_weights_and_capacities", **asked),
                 lambda: self._shown(step.asked, step.subject)["desired"] == instances)  # fmt: skip

    def _shown(self, asked: World, where: str) -> dict[str, Any]:
        try:
            one = self.account.call(where, "sagemaker.describe_endpoint", asked["region"],
                                    EndpointName=asked["endpoint"])  # fmt: skip
        except NotFoundError:
            return {"exists": False, "status": None, "desired": None}
        variants = one.get("ProductionVariants", [])
        told = self.account.call(where, "sagemaker.list_tags", asked["region"],
                                 ResourceArn=one["EndpointArn"])  # fmt: skip
        return {
            "exists": True, "status": one["EndpointStatus"], "config": one["EndpointConfigName"],
            "config_exists": bool(self._config(asked, one["EndpointConfigName"], where)),
            "instances": {each["VariantName"]: each.get("CurrentInstanceCount")
                          for each in variants},
            "desired": {each["VariantName"]: each.get("DesiredInstanceCount")
                        for each in variants},
            "tags": tags_of(told["Tags"]),
        }  # fmt: skip

    def _config(self, asked: World, name: str, where: str) -> dict[str, Any]:
        """{} where it is gone."""
        try:
            return self.account.call(where, "sagemaker.describe_endpoint_config", asked["region"],
                                     EndpointConfigName=name)  # fmt: skip
        except NotFoundError:
            return {}

    def _ask(self, step: Step, method: str, **asked: Any) -> dict[str, Any]:
        region = step.asked["region"]
        return self.account.call(step.subject, f"sagemaker.{method}", region, **asked)


def _counts(instances: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(instances.items()))
