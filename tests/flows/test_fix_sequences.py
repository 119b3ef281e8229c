"""Whatever is asked in whatever order: what was not approved is not done, what was is whole."""

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.fix_work import (
    NOW,
    SERVICE,
    VOLUME,
    WORLD,
    finding_of,
    prepare,
    read_world,
    write_world,
)
from tests.flows.small import Clock
from watermaster.flows.audit import verify
from watermaster.flows.fix import (
    approve_fix,
    let_fixes,
    plan_remedies,
    resume_fixes,
    run_fix,
    stop_fixes,
    undo_fix,
)
from watermaster.flows.open import open_project
from watermaster.ledger.fixes import fixes
from watermaster.model.acts import FixState, Remedy
from watermaster.model.errors import WatermasterError

SCALE = Remedy(verb="scale", platform="fra", kind="deployment", uid=SERVICE,
               asked={"replicas": 0}, why="unused")  # fmt: skip
DROP = Remedy(verb="snapshot-delete", platform="fra", kind="volume", uid=VOLUME, why="loose")
DONE = {FixState.DONE, FixState.CONFIRMED}
steps = st.lists(
    st.tuples(
        st.sampled_from(["plan", "approve", "run", "undo", "stop", "let", "resume", "change"]),
        st.integers(0, 3), st.sampled_from([SCALE, DROP]),
    ),
    min_size=4, max_size=14,
)  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    home = tmp_path_factory.mktemp("sequences") / "home"
    project = prepare(home)
    found = {SERVICE: finding_of(project, "inactive-gpu"),
             VOLUME: finding_of(project, "orphaned-volume")}  # fmt: skip
    project.ledger.records.dispose()
    shutil.copytree(home.parent, home.parent.parent / f"{home.parent.name}-kept")
    return home, found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_without_an_approval_nothing_happens_and_nothing_is_left_half(kept, asked):
    home, found = kept
    shutil.rmtree(home.parent)
    shutil.copytree(home.parent.parent / f"{home.parent.name}-kept", home.parent)
    project = open_project(home, clock=Clock(NOW))
    outside = json.loads(json.dumps(WORLD))
    for what, number, remedy in asked:
        try:
            outside = _step(project, found, (what, number, remedy), outside)
        except WatermasterError:
            continue  # a refusal is an answer
        finally:
            _holds(project, home, outside)
    assert verify(project).breaks == []
    project.ledger.records.dispose()


def _step(project, found, asked, outside):
    what, number, remedy = asked
    if what == "plan":
        plan_remedies(project, found[remedy.uid], [remedy])
    elif what == "stop":
        stop_fixes(project, "wait")
    elif what == "let":
        let_fixes(project, "go on")
    elif what == "resume":
        resume_fixes(project)
    elif what == "change":  # somebody else scales the service
        world = read_world(project.home)
        if world[SERVICE]["replicas"] != 0:
            outside = outside | {SERVICE: outside[SERVICE] | {"replicas": 2 + number}}
            write_world(project.home, {SERVICE: outside[SERVICE]})
    else:
        held = fixes(project.ledger.records)
        if held:
            act = {"approve": approve_fix, "run": run_fix, "undo": undo_fix}[what]
            act(project, held[number % len(held)].id)
    return outside


def _holds(project, home, outside):
    """The world is what others left, but for what approved fixes that are done changed."""
    done = [one for one in fixes(project.ledger.records) if one.state in DONE]
    assert all(one.approved_by and one.approved_at for one in done)
    touched = {one.plan.remedy.uid for one in done}
    world = read_world(home)
    if SERVICE in touched:
        assert world[SERVICE]["replicas"] == 0
    else:
        assert world[SERVICE] == outside[SERVICE]
    assert (VOLUME not in world) == (VOLUME in touched)
    snapshots = [uid for uid in world if uid.startswith("snapshot/")]
    assert len(snapshots) == (VOLUME in touched)
