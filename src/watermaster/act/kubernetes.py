"""Changes in a Kubernetes cluster: scale, merge, lower a request, label. A step is one patch.

Every patch carries the resourceVersion of what was looked at, so that it fits that or is refused,
and the token of its step as an annotation, in one write: what stands done is known after any crash.
What is needed to write is in roles/kubernetes-writer.yaml.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from watermaster.act.kubernetes_fields import Json, change_of, marked, tokens_of, value_at
from watermaster.act.kubernetes_merge import BOTH, both, merge
from watermaster.act.kubernetes_plan import Thing, keepers, label, lower_request, scale
from watermaster.clients.kubernetes import PREFIX, Cluster, Form, UnreadError, connect
from watermaster.model.acts import Held, Remedy, Step, Target, TargetSpec, World, shows
from watermaster.model.errors import NotFoundError, RefusedError

PLANS: Final[Mapping[str, Callable[[Thing, World], Iterator[Step]]]] = {
    "scale": scale, "label": label, "lower-request": lower_request, "merge": merge,
}  # fmt: skip
VERBS: Final = frozenset(PLANS)
TRIES: Final = 5  # when the object is changed between our look and our write
PLANNING: Final = "planning"  # the token of a rehearsal


def target(spec: TargetSpec) -> Target:
    """The cluster of `kubernetes:CONTEXT`; options.kubeconfig: credentials that may write."""
    return KubernetesTarget(spec)


class KubernetesTarget:
    """One cluster; see model/acts.py for what each method must do."""

    verbs = VERBS

    def __init__(self, spec: TargetSpec) -> None:
        location = PREFIX + spec.location.removeprefix(PREFIX)
        self.cluster: Cluster = connect(location, spec.options.get("kubeconfig"))

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """One step; two where KEDA must first leave the thing alone. The server tried them all."""
        if remedy.verb not in PLANS:
            raise RefusedError(f"{remedy.kind} {remedy.uid}", f"{remedy.verb} is no verb of "
                               "Kubernetes", f"one of {', '.join(sorted(VERBS))}")  # fmt: skip
        thing = Thing.of(remedy, self._read, self._all)
        steps = tuple(PLANS[remedy.verb](thing, remedy.asked))
        for step in steps:
            self._change(step, partial(_doing, step, token=PLANNING), is_rehearsal=True)
        return steps

    def look(self, step: Step, held: Held) -> World:
        """Its values now; {} where it is gone."""
        del held
        try:
            return self._world(step, self._read(step.asked["path"], step.subject))
        except NotFoundError:
            return {}

    def do(self, step: Step, held: Held) -> World:
        """One patch, unless it stands done; which object it was done to."""

        def change(told: Json) -> Json | None:
            if held.token in tokens_of(told):
                return None
            world = self._world(step, told)
            if not shows(world, step.seen):
                was = {key: world.get(key) for key in step.seen}
                what = f"is not as planned: it was {dict(step.seen)}, now {was}"
                raise RefusedError(step.subject, what, "plan anew")
            return _doing(step, told, token=held.token)

        told = self._change(step, change)
        return {f"done to {step.subject}": value_at(told, ("metadata", "uid"))}

    def undo(self, step: Step, held: Held) -> World:
        """One patch that puts back what this token changed and nobody changed since."""
        left: dict[str, Any] = {}

        def change(told: Json) -> Json | None:
            tokens = tokens_of(told)
            if held.token not in tokens:
                return None
            world = self._world(step, told)
            back = {name: step.seen[name] for name in step.asked["written"]
                    if world.get(name) == step.want[name]}  # fmt: skip
            other = [name for name in step.asked["written"] if name not in back]
            left.update({"left_alone": other} if other else {})
            tokens.remove(held.token)
            return marked(change_of(back, step.asked["fields"]), told, tokens)

        try:
            told = self._change(step, change)
        except NotFoundError:
            told = {}
        done_to = held.left.get(f"done to {step.subject}")
        if done_to not in {None, value_at(told, ("metadata", "uid"))}:
            what = "was deleted since the fix, so that there is nothing to put back"
            raise RefusedError(step.subject, what, "make it again from its manifest")
        return left

    def _change(
        self, step: Step, change: Callable[[Json], Json | None], *, is_rehearsal: bool = False
    ) -> Json:
        """Read, decide, write if nobody wrote meanwhile, else again; the object as it then is."""
        for _ in range(TRIES):
            told = self._read(step.asked["path"], step.subject)
            wanted = change(told)
            if wanted is None:
                return told
            form = Form[step.asked["form"]]
            try:
                return self.cluster.patch(
                    step.asked["path"], wanted, form, is_rehearsal=is_rehearsal
                )
            except UnreadError as error:
                if error.status != 409:
                    raise self._fault(step.subject, error) from None
        raise RefusedError(step.subject, "is changed all the time by somebody else", "try later")

    def _world(self, step: Step, told: Json) -> World:
        places = step.asked["fields"].items()
        world: dict[str, Any] = {name: value_at(told, place) for name, place in places}
        if "running" in world:
            world["running"] = world["running"] or 0  # a count of none is left out
        if "kept_by" in step.seen:
            kind, namespace, name = step.asked["thing"]
            world["kept_by"] = keepers(self._all, kind, namespace, name)
        if BOTH in step.seen:
            world[BOTH] = both([self._read(path, named) for path, named in step.asked[BOTH]])
        return world

    def _read(self, path: str, subject: str) -> Json:
        try:
            return self.cluster.get(path)[0]
        except UnreadError as error:
            raise self._fault(subject, error) from None

    def _all(self, path: str) -> list[Json]:
        """A whole list; [] where the cluster has no such kind."""
        try:
            pages = [page for _, page in self.cluster.pages(path)]
        except UnreadError as error:
            if error.status == 404:
                return []
            raise self._fault(path, error) from None
        return [one for page in pages for one in page.get("items") or []]

    def _fault(self, subject: str, error: UnreadError) -> NotFoundError | RefusedError:
        where, (what, _, fix) = f"{self.cluster.name} {subject}", error.reason.rpartition("; ")
        if error.status == 404:
            return NotFoundError(where, "is not there any more", "look again: wm sync")
        return RefusedError(where, what or error.reason, fix or "try again")


def _doing(step: Step, told: Json, *, token: str) -> Json:
    values: Mapping[str, Any] = {name: step.want[name] for name in step.asked["written"]}
    return marked(change_of(values, step.asked["fields"]), told, [*tokens_of(told), token])
