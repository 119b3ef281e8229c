"""The check passes what holds to the protocol, and finds each way not to."""

import json
from dataclasses import replace

import pytest

from watermaster.model.acts import Remedy, TargetSpec
from watermaster.testing.act_conformance import Case, conforms, refuses_a_changed_world
from watermaster.testing.simulated_target import SimulatedTarget

THINGS = {"deployment/chat~held": {"replicas": 2}, "volume/vol-1": {"bytes": 1 << 40},
          "deployment/chat~reader": {"replicas": 1}, "volume/vol-2": {"bytes": 5}}  # fmt: skip
SCALE = Remedy(verb="scale", platform="fra", kind="deployment", uid="chat/held",
               asked={"replicas": 0}, why="idle")  # fmt: skip
DELETE = Remedy(verb="snapshot-delete", platform="fra", kind="volume", uid="vol-1", why="orphan")


@pytest.fixture
def folder(tmp_path):
    for name, told in THINGS.items():
        (tmp_path / f"{name}.json").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").write_text(json.dumps(told))
    return tmp_path


def case(folder, remedy, kind=SimulatedTarget):
    spec = TargetSpec(type="simulated", platform="fra", location=str(folder))

    def world():
        return {str(path): path.read_text() for path in folder.rglob("*.json")}

    return Case(lambda: kind(spec), remedy, world, patience_s=0.4)


@pytest.mark.parametrize("remedy", [SCALE, DELETE], ids=lambda one: one.verb)
def test_the_simulated_platform_conforms(folder, remedy):
    asked = case(folder, remedy)
    before = asked.world()
    assert len(conforms(asked)) == (2 if remedy is DELETE else 1)
    assert asked.world() == before
    thing = folder / ("volume/vol-1.json" if remedy is DELETE else "deployment/chat~held.json")
    refuses_a_changed_world(asked, lambda: thing.write_text('{"replicas": 5}'))
    assert json.loads(thing.read_text()) == {"replicas": 5}


class Blind(SimulatedTarget):
    """Does it in any world."""

    def do(self, step, held):
        self._write(self._path(step.subject), dict(self._read(step.subject)) | dict(step.want))
        return {}


class Twice(SimulatedTarget):
    """Does it again each time."""

    def do(self, step, held):
        super().do(step, held)
        made = self.root / "made" / f"{len(list(self.root.rglob('*.json')))}.json"
        self._write(made, {})
        return {"made": made.name}


class Lost(SimulatedTarget):
    """Puts back something else."""

    def undo(self, step, held):
        return super().undo(replace(step, seen={"replicas": 3}), held)


class Eager(SimulatedTarget):
    """Undoes what it never did."""

    def undo(self, step, held):
        self._write(self._path(step.subject), {"replicas": 9})
        return {}


class Idle(SimulatedTarget):
    """Says it did."""

    def do(self, step, held):
        return {}


@pytest.mark.parametrize(("kind", "what"), [
    (Twice, "done again"), (Lost, "never {'replicas': 2}"), (Eager, "never done"),
    (Idle, "never {'replicas': 0}"),
])  # fmt: skip
def test_each_way_not_to_conform_is_found(folder, kind, what):
    with pytest.raises(AssertionError, match=what):
        conforms(case(folder, SCALE, kind))


def test_a_target_that_minds_no_change_is_found(folder):
    thing = folder / "deployment/chat~held.json"
    with pytest.raises(AssertionError, match="not as planned"):
        refuses_a_changed_world(
            case(folder, SCALE, Blind), lambda: thing.write_text('{"replicas": 5}')
        )
