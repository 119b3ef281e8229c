"""What every target must hold to, ours and anybody's; call it from a test of the target.

    conforms(Case(lambda: target(spec), remedy))
    refuses_a_changed_world(Case(lambda: target(spec), remedy), lambda: scale_by_hand(5))

Each leaves the world as it found it, as far as the target's undo does. Nothing is kept of a target
between two calls: the process that goes on after a crash is another one.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, Final

from watermaster.model.acts import Held, Remedy, Step, Target, World, shows
from watermaster.model.errors import WatermasterError
from watermaster.model.plain import plain

PATIENCE_S: Final = 60.0
AGAIN_S: Final = 0.2
FIX: Final = "0123456789ab"  # the id of the fix that is done


def _nothing() -> object:
    return None


@dataclass(frozen=True, slots=True)
class Case:
    """A remedy in a world that is ready for it.

    `world` tells all that a fix could leave behind (snapshots, jobs, annotations): two equal
    answers mean that nothing was done between them.
    """

    opened: Callable[[], Target]
    remedy: Remedy
    world: Callable[[], object] = _nothing
    fix: str = FIX  # another one for each fix that is done on one platform
    patience_s: float = PATIENCE_S  # so long a step may take to show

    def token(self, number: int) -> str:
        """As flows give it to the steps of a fix."""
        return f"{self.fix}-{number}"


@dataclass(frozen=True, slots=True)
class _Made:
    """A step that was done."""

    step: Step
    held: Held


def conforms(case: Case) -> tuple[Step, ...]:
    """Plan, do, do again, undo, undo again, each as a process of its own; the steps that were done.

    AssertionError: says which of it does not hold.
    """
    steps = planned(case)
    made: list[_Made] = []
    for number, step in enumerate(steps):
        made.append(_done(case, number, step, made))
    for one in reversed(made):
        _undone(case, one)
    first = made[0]
    world = case.opened().look(first.step, first.held)
    assert shows(world, first.step.seen), f"after all was undone, {_differs(world, first.step)}"
    return steps


def refuses_a_changed_world(case: Case, change: Callable[[], object]) -> None:
    """After the plan somebody changes the thing: it is seen, doing it refuses, and nothing is done.

    change: makes the world other than the first step's `seen`.
    """
    step = planned(case)[0]
    held = Held(token=case.token(0), before=case.opened().look(step, _held(case, 0, [])))
    change()
    changed = case.world()
    world = case.opened().look(step, held)
    assert not shows(world, step.seen), f"{step.subject}: a change is not seen in {dict(world)}"
    try:
        case.opened().do(step, held)
    except WatermasterError:
        pass
    else:
        raise AssertionError(f"{step.subject}: was done in a world that is not as planned")
    assert case.world() == changed, f"{step.subject}: refused, and changed something"
    case.opened().undo(step, held)
    assert case.world() == changed, f"{step.subject}: undid what was never done"


def planned(case: Case) -> tuple[Step, ...]:
    """The steps, which are the same each time they are asked for, and change nothing."""
    target, before = case.opened(), case.world()
    verb = case.remedy.verb
    assert verb in target.verbs, f"{verb} is not among its verbs: {sorted(target.verbs)}"
    steps = target.steps(case.remedy)
    assert steps, f"{verb}: no steps; raise RefusedError where there is nothing to do"
    assert case.opened().steps(case.remedy) == steps, f"{verb}: the same world, another plan"
    assert case.world() == before, f"{verb}: planning changed something"
    for step in steps:
        assert step.want, f"{step.subject}: wants nothing, so nobody can see that it was done"
        told = {"want": step.want, "seen": step.seen, "asked": step.asked}
        assert json.loads(json.dumps(plain(told))) == told, f"{step.subject}: is no plain JSON"
    return steps


def _done(case: Case, number: int, step: Step, made: list[_Made]) -> _Made:
    """Do it; and again as one who died before it was written down."""
    held = _held(case, number, made)
    world = case.opened().look(step, held)
    assert shows(world, step.seen), f"before it is done, {_differs(world, step)}"
    assert not shows(world, step.want), f"{step.subject}: {dict(step.want)} is so already"
    held, before = replace(held, before=plain(world)), case.world()
    case.opened().undo(step, held)
    assert case.world() == before, f"{step.subject}: undid what was begun and never done"
    left = case.opened().do(step, held)
    assert json.loads(json.dumps(plain(left))) == left, f"{step.subject}: leaves no plain JSON"
    after = replace(held, left={**held.left, **left})
    _until(case, _Made(step, after), step.want)
    was = case.world()
    again = case.opened().do(step, held)
    assert again == left, f"{step.subject}: done again it leaves {dict(again)}, not {dict(left)}"
    assert case.world() == was, f"{step.subject}: done again, it changed something"
    return _Made(step, after)


def _undone(case: Case, made: _Made) -> None:
    """Undo it; and again as one who died before it was written down."""
    step, held = made.step, made.held
    assert step.undo, f"{step.subject}: cannot be taken back"
    case.opened().undo(step, held)
    _until(case, made, step.seen)
    was = case.world()
    case.opened().undo(step, held)
    assert case.world() == was, f"{step.subject}: undone again, it changed something"


def _held(case: Case, number: int, made: list[_Made]) -> Held:
    left: dict[str, Any] = {}
    for one in made:
        left |= one.held.left
    return Held(token=case.token(number), before={}, left=left)


def _until(case: Case, made: _Made, part: World) -> None:
    """Ask again and again until it shows a part."""
    rest_s = case.patience_s
    while not shows(world := case.opened().look(made.step, made.held), part):
        assert rest_s > 0, f"{made.step.subject}: shows {dict(world)}, and never {dict(part)}"
        Event().wait(AGAIN_S)
        rest_s -= AGAIN_S


def _differs(world: World, step: Step) -> str:
    shown = {key: world.get(key) for key in step.seen}
    return f"{step.subject} shows {shown}, not {dict(step.seen)}"
