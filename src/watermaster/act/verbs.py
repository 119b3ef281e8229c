"""A target made of verbs: each verb is an object that plans, looks, does and undoes its steps."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from watermaster.model.acts import Held, Remedy, Step, World, shows
from watermaster.model.errors import NotFoundError, RefusedError, WatermasterError

MARK: Final = "watermaster-fix"  # tag or name of what a fix made, so that it is made once


class PlatformError(WatermasterError):
    """A platform could not do what it was asked; what it shows still holds."""

    http_status = 502


class Verb(Protocol):
    """One verb of a platform; the methods are those of `Target`."""

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """See Target."""

    def look(self, step: Step, held: Held) -> World:
        """See Target."""

    def do(self, step: Step, held: Held) -> World:
        """See Target."""

    def undo(self, step: Step, held: Held) -> World:
        """See Target."""


class VerbTarget:
    """A Target whose verbs are given; a step's verb may be a part of a remedy's."""

    def __init__(self, by_name: Mapping[str, Verb], parts: Mapping[str, Verb]) -> None:
        self.verbs = frozenset(by_name)
        self._by_name, self._by_step = by_name, dict(by_name) | dict(parts)

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """Those of the remedy's verb."""
        found = self._by_name.get(remedy.verb)
        if found is None:
            fix = f"it can {', '.join(sorted(self.verbs))}"
            raise RefusedError(f"{remedy.kind} {remedy.uid}", f"cannot {remedy.verb} here", fix)
        return found.steps(remedy)

    def look(self, step: Step, held: Held) -> World:
        """What the platform shows now."""
        return self._by_step[step.verb].look(step, held)

    def do(self, step: Step, held: Held) -> World:
        """Do it once."""
        return self._by_step[step.verb].do(step, held)

    def undo(self, step: Step, held: Held) -> World:
        """Take it back once."""
        return self._by_step[step.verb].undo(step, held)


def fix_of(held: Held) -> str:
    """The fix a token belongs to: all its steps mark what they make with this."""
    return held.token.rpartition("-")[0]


def must_show(world: World, step: Step) -> None:
    """RefusedError where the world is not as the step was planned for."""
    if shows(world, step.seen):
        return
    was = {key: value for key, value in step.seen.items() if world.get(key) != value}
    now = {key: world.get(key) for key in was}
    raise RefusedError(
        step.subject, f"changed since the plan: it was {was}, now {now}",
        "plan anew: wm finding fix FINDING",
    )  # fmt: skip


def ask_once(ask: Callable[[], object], is_done: Callable[[], bool]) -> None:
    """Ask; where an error or a lost answer leaves it open, what the platform shows then decides.

    A client that asks again by itself is told "already there" or "gone" of what it did itself.
    """
    try:
        ask()
    except (PlatformError, NotFoundError):
        if not is_done():
            raise


def only(world: World, keys: tuple[str, ...]) -> dict[str, Any]:
    """Some of what is shown; what is unset does not matter."""
    return {key: world[key] for key in keys if world[key] is not None}
