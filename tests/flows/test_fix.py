"""A fix is done only as approved, whole or not at all, and can be taken back."""

import datetime as dt
import shutil
from dataclasses import replace

import pytest

from tests.flows.fix_work import (
    NOW,
    OTHER,
    SERVICE,
    VOLUME,
    WORLD,
    finding_of,
    mend_volume,
    prepare,
    read_world,
    target,
    undo_volume,
    world_of,
    write_world,
)
from tests.flows.small import Clock, declare
from watermaster.cli.main import run
from watermaster.flows.audit import verify
from watermaster.flows.decide_finding import standing_of
from watermaster.flows.findings import show_finding
from watermaster.flows.fix import (
    approve_fix,
    confirm_fixes,
    fix_of,
    let_fixes,
    plan_fix,
    plan_remedies,
    resume_fixes,
    run_fix,
    stop_fixes,
    undo_fix,
)
from watermaster.flows.open import open_project
from watermaster.ledger.fixes import fixes
from watermaster.model.acts import FixState, Remedy
from watermaster.model.decided import Status
from watermaster.model.errors import NotFoundError, RefusedError
from watermaster.testing.kill import Boundary, boundaries, killed_at


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A prepared home and its platform; each test puts them back."""
    home = tmp_path_factory.mktemp("fix") / "home"
    prepare(home).ledger.records.dispose()
    shutil.copytree(home.parent, home.parent.parent / f"{home.parent.name}-kept")
    return home


@pytest.fixture
def home(kept):
    shutil.rmtree(kept.parent)
    shutil.copytree(kept.parent.parent / f"{kept.parent.name}-kept", kept.parent)
    return kept


@pytest.fixture
def clock():
    return Clock(NOW)


@pytest.fixture
def project(home, clock):
    return open_project(home, clock=clock, actor="ada")


def _planned(project, rule="inactive-gpu"):
    (fix,) = plan_fix(project, finding_of(project, rule))
    return fix


def _status(project, rule):
    finding = show_finding(project, finding_of(project, rule))
    return standing_of(project, [finding])[finding.id].status


def test_a_plan_names_what_makes_the_pod_and_changes_nothing(project, home):
    fix = _planned(project)
    (step,) = fix.plan.steps
    assert (fix.plan.target, step.verb, step.want) == ("fra-writes", "scale", {"replicas": 0})
    assert fix.plan.remedy.uid == SERVICE
    assert read_world(home) == WORLD


def test_without_an_approval_nothing_happens(project, home):
    fix = _planned(project)
    with pytest.raises(RefusedError, match="is planned, not approved"):
        run_fix(project, fix.id)
    assert resume_fixes(project) == []
    assert read_world(home) == WORLD


def test_an_approved_fix_is_done_and_undone(project, home):
    fix = run_fix(project, approve_fix(project, _planned(project).id).id)
    assert (fix.state, fix.approved_by) == (FixState.DONE, "ada")
    assert read_world(home) == WORLD | {SERVICE: WORLD[SERVICE] | {"replicas": 0}}
    assert _status(project, "inactive-gpu") is Status.FIXED

    assert undo_fix(project, fix.id).state is FixState.UNDONE
    assert read_world(home) == WORLD
    assert _status(project, "inactive-gpu") is Status.NEW
    assert verify(project).breaks == []


def test_a_volume_is_kept_as_a_snapshot_before_it_goes_and_comes_back(project, home):
    fix = run_fix(project, approve_fix(project, _planned(project, "orphaned-volume").id).id)
    world = read_world(home)
    assert VOLUME not in world
    assert world[f"snapshot/volume/{VOLUME}-{fix.id}"] == WORLD[VOLUME]
    undo_fix(project, fix.id)
    assert read_world(home) == WORLD


def test_a_world_that_changed_since_the_plan_refuses_and_is_left_alone(project, home):
    fix = approve_fix(project, _planned(project).id)
    write_world(home, {SERVICE: {"replicas": 5}})
    fix = run_fix(project, fix.id)
    assert fix.state is FixState.REFUSED
    assert "changed since the plan: it was {'replicas': 2}, now {'replicas': 5}" in fix.fault
    assert read_world(home)[SERVICE] == {"replicas": 5}
    with pytest.raises(RefusedError, match="is refused, not approved"):
        run_fix(project, fix.id)


def test_a_second_step_that_refuses_takes_the_first_one_back(project, home):
    fix = approve_fix(project, _planned(project, "orphaned-volume").id)
    seen = []

    def change(event):  # somebody mounts the volume between the two steps
        seen.append(getattr(event, "name", ""))
        if seen[-1] == "fix.step-0-done":
            write_world(home, {VOLUME: {"bytes": 1 << 40, "attached": "i-9"} | {"bytes": 5}})

    fix = run_fix(open_project(home, tell=change, clock=Clock(NOW)), fix.id)
    assert fix.state is FixState.REFUSED
    assert sorted(read_world(home)) == sorted(WORLD)  # no snapshot is left
    assert read_world(home)[VOLUME]["attached"] == "i-9"


@pytest.mark.parametrize(
    ("verbs", "told"),
    [([], "add scale to the verbs of Target fra-writes"), (["tag"], "add scale to the verbs")],
)
def test_what_is_not_enabled_by_name_is_refused(project, home, verbs, told):
    declare(project, target(home, verbs))
    with pytest.raises(RefusedError, match=told):
        plan_fix(project, finding_of(project, "inactive-gpu"))


def test_a_verb_taken_away_after_the_approval_is_not_done(project, home):
    fix = approve_fix(project, _planned(project).id)
    declare(project, target(home, ["tag"]))
    with pytest.raises(RefusedError, match="may not scale any more"):
        run_fix(project, fix.id)
    assert read_world(home) == WORLD


def test_no_more_fixes_an_hour_than_the_target_allows(project, home, clock):
    declare(project, target(home, ["scale", "snapshot-delete"], perHour=1))
    approve_fix(project, _planned(project).id)
    second = _planned(project, "orphaned-volume")
    with pytest.raises(RefusedError, match="1 fixes were approved within an hour"):
        approve_fix(project, second.id)
    clock.set("2026-10-05T09:01:00")
    assert approve_fix(project, second.id).state is FixState.APPROVED


def test_the_switch_stops_what_was_begun_until_it_is_let_on(project, home):
    fix = approve_fix(project, _planned(project, "orphaned-volume").id)

    def stop(event):
        if getattr(event, "name", "") == "fix.step-0-done":
            stop_fixes(project, "the cluster burns")

    with pytest.raises(RefusedError, match=r"ada stopped all fixes at .*: the cluster burns"):
        run_fix(open_project(home, tell=stop, clock=Clock(NOW)), fix.id)
    assert VOLUME in read_world(home)
    assert fix_of(project, fix.id).state is FixState.DOING
    let_fixes(project, "it is out")
    assert [one.state for one in resume_fixes(project)] == [FixState.DONE]
    assert VOLUME not in read_world(home)


def test_after_30_days_it_is_not_taken_back(project, clock):
    fix = run_fix(project, approve_fix(project, _planned(project).id).id)
    clock.now += dt.timedelta(days=31)
    with pytest.raises(RefusedError, match="was done 31 days ago; undo within 30 days"):
        undo_fix(project, fix.id)


def test_a_later_look_confirms_it_or_opens_the_finding_again(project, home):
    one = run_fix(project, approve_fix(project, _planned(project).id).id)
    assert [fix.state for fix in confirm_fixes(project)] == [FixState.CONFIRMED]
    assert confirm_fixes(project) == []
    write_world(home, {SERVICE: {"replicas": 2}})  # somebody scales it up
    assert [fix.state for fix in confirm_fixes(project)] == [FixState.REVERTED]
    assert fix_of(project, one.id).state is FixState.REVERTED
    assert _status(project, "inactive-gpu") is Status.NEW


def test_what_is_gone_meanwhile_is_said_so(project, home):
    (world_of(home) / "deployment" / f"{SERVICE.replace('/', '~')}.json").unlink()
    with pytest.raises(NotFoundError, match="is not there any more; look again: wm sync"):
        _planned(project)
    assert fixes(project.ledger.records) == []


FEW = {"fix.approved", "fix.step-0-made", "fix.step-1-begun", "fix.step-1-made"}


@pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.deep)])
def test_killed_at_any_step_it_ends_whole_and_once(home, kept, few):
    every = boundaries(home, mend_volume)
    clean = read_world(home)
    names = [one.step for one in every]
    assert {*FEW, "fix.doing", "fix.step-0-begun", "fix.step-0-done", "fix.done"} <= set(names)
    for number, boundary in enumerate(one for one in every if not few or one.step in FEW):
        shutil.rmtree(kept.parent)
        shutil.copytree(kept.parent.parent / f"{kept.parent.name}-kept", kept.parent)
        assert killed_at(home, mend_volume, boundary), boundary
        project = open_project(home, clock=Clock(NOW))
        resume_fixes(project)
        found = fixes(project.ledger.records)
        is_done = any(one.state is FixState.DONE for one in found)
        world = read_world(home)
        assert (VOLUME not in world) == is_done, boundary
        assert len(world) == len(clean), (boundary, number)  # one snapshot, or the volume
        assert world[OTHER] == WORLD[OTHER]
        assert verify(project).breaks == []
        project.ledger.records.dispose()


def test_killed_while_it_is_undone_it_ends_undone(home, kept):
    mend_volume(home)
    done = kept.parent.parent / f"{kept.parent.name}-done"
    shutil.copytree(kept.parent, done)
    for name in ("fix.step-1-taken-back", "fix.step-0-undone"):
        shutil.rmtree(kept.parent)
        shutil.copytree(done, kept.parent)
        assert killed_at(home, undo_volume, Boundary(name, 1)), name
        project = open_project(home, clock=Clock(NOW))
        assert [one.state for one in resume_fixes(project)] == [FixState.UNDONE], name
        assert read_world(home) == WORLD, name
        project.ledger.records.dispose()


ARTEFACT = "s3://models/held/7"
KEEP = Remedy(verb="replicate", platform="", kind="prefix", uid=ARTEFACT, why="it is kept")
RELEASE = Remedy(verb="scale", platform="fra", kind="deployment", uid=SERVICE,
                 asked={"replicas": 0}, why="it ends")  # fmt: skip


def _sunset(home, project, *verbs):
    path = world_of(home) / "prefix" / f"{ARTEFACT.replace('/', '~')}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"bytes": 7}')
    declare(project, target(home, list(verbs)))
    return plan_remedies(project, finding_of(project, "inactive-gpu"), [KEEP, RELEASE])


def test_gpus_are_released_only_after_the_artefact_was_kept(home):
    project = open_project(home, clock=Clock(NOW))
    keep, release = _sunset(home, project, "scale", "replicate")
    with pytest.raises(RefusedError, match=f"comes after fix {keep.id} .it is kept., which is"):
        approve_fix(project, release.id)
    assert run_fix(project, approve_fix(project, keep.id).id).state is FixState.DONE
    assert run_fix(project, approve_fix(project, release.id).id).state is FixState.DONE
    assert read_world(home)[SERVICE]["replicas"] == 0


def test_where_nothing_may_keep_it_the_plan_says_so(home):
    project = open_project(home, clock=Clock(NOW))
    (release,) = _sunset(home, project, "scale")
    assert f"{ARTEFACT} is not kept: no Target may replicate" in release.plan.beware[0]
    assert run_fix(project, approve_fix(project, release.id).id).state is FixState.DONE


MISSING = "deployment/deployment~chat~gone"  # as the target names it
GONE = Remedy(verb="scale", platform="fra", kind="deployment", uid="deployment/chat/gone",
              asked={"replicas": 0}, why="it ends")  # fmt: skip


def test_what_is_gone_since_is_left_out_and_the_rest_is_planned(project, home):
    finding = finding_of(project, "inactive-gpu")
    (fix,) = plan_remedies(project, finding, [GONE, RELEASE])
    assert fix.plan.remedy == RELEASE
    assert fix.plan.beware == (f"left out: {MISSING} is not there any more",)
    many = [replace(GONE, uid=f"{GONE.uid}-{number}") for number in range(7)]
    (fix,) = plan_remedies(project, finding, [*many, RELEASE])
    assert fix.plan.beware[-1] == "left out: 2 more"


def test_what_keeps_is_never_planned_alone_where_nothing_can_be_released(home):
    project = open_project(home, clock=Clock(NOW))
    _sunset(home, project, "scale", "replicate")
    planned = len(fixes(project.ledger.records))
    with pytest.raises(NotFoundError, match="is not there any more"):
        plan_remedies(project, finding_of(project, "inactive-gpu"), [KEEP, GONE])
    assert len(fixes(project.ledger.records)) == planned


def test_a_fix_of_another_finding_is_not_approved_by_mistake(project, home, capsys):
    fix, other = _planned(project), finding_of(project, "orphaned-volume")
    told = ["--home", str(project.home), "--yes", "finding", "fix", other, "--approve", fix.id]
    assert run(told) == 5
    assert f"is no fix of finding {other}" in capsys.readouterr().err
    assert read_world(home) == WORLD


def test_stopped_an_undo_is_refused_and_the_fix_stays_done(home):
    project = open_project(home, clock=Clock(NOW))
    (fix,) = plan_remedies(project, finding_of(project, "inactive-gpu"), [RELEASE])
    run_fix(project, approve_fix(project, fix.id).id)
    stop_fixes(project, "wait")
    with pytest.raises(RefusedError, match="stopped all fixes"):
        undo_fix(project, fix.id)
    assert fix_of(project, fix.id).state is FixState.DONE
    let_fixes(project, "go on")
    assert undo_fix(project, fix.id).state is FixState.UNDONE
