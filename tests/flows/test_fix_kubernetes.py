"""A fix of a real finding on a cluster, through plan and approval, killed at every boundary."""

import copy
import shutil

import pytest

from tests.flows.fix_work import NOW, finding_of, prepare
from tests.flows.small import Clock, declare, resource
from tests.kubernetes_double import Double
from watermaster.cli.main import run
from watermaster.flows.fix import approve_fix, plan_fix, resume_fixes, run_fix, undo_fix
from watermaster.flows.open import open_project
from watermaster.ledger.fixes import fixes
from watermaster.model.acts import FixState
from watermaster.model.errors import RefusedError
from watermaster.model.events import tell_nobody
from watermaster.testing.kill import Boundary, boundaries, killed_at

POD = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def mend_service(home, tell=tell_nobody):
    """Go on with what was begun; else plan, approve and do it."""
    project = open_project(home, tell=tell, clock=Clock(NOW))
    if not resume_fixes(project):
        (fix,) = plan_fix(project, finding_of(project, "inactive-gpu"))
        run_fix(project, approve_fix(project, fix.id).id)
    project.ledger.records.dispose()


def undo_service(home, tell=tell_nobody):
    """Take it back."""
    project = open_project(home, tell=tell, clock=Clock(NOW))
    (fix,) = (one for one in fixes(project.ledger.records) if one.state is not FixState.PLANNED)
    undo_fix(project, fix.id)
    project.ledger.records.dispose()


@pytest.fixture(scope="module")
def cluster():
    """Two services, one of them scaled by KEDA: its fix has two steps."""
    double = Double(settles=True)
    double.make("Namespace", "rag")
    for name in ("held", "reader"):
        spec = {"replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "template": POD}
        double.make("Deployment", name, "rag", spec=spec, status={"replicas": 2})
        double.make("ScaledObject", f"by-{name}", "rag", spec={"scaleTargetRef": {"name": name}})
    yield double
    double.stop()


@pytest.fixture(scope="module")
def kept(cluster, tmp_path_factory):
    home = tmp_path_factory.mktemp("fix-kubernetes") / "home"
    project = prepare(home)
    config = str(cluster.kubeconfig(home.parent / "kubeconfig"))
    declare(project, resource("Target", "fra-writes", {
        "type": "kubernetes", "platform": "fra", "location": "kubernetes:double",
        "verbs": ["scale"], "options": {"kubeconfig": config}}))  # fmt: skip
    project.ledger.records.dispose()
    shutil.copytree(home, home.parent / "kept")
    return home, copy.deepcopy(cluster.objects.held)


@pytest.fixture
def again(kept, cluster):
    """Puts home and cluster back as they were, or as they were kept last."""
    home, held = kept

    def put_back(name="kept"):
        shutil.rmtree(home)
        shutil.copytree(home.parent / name, home)
        cluster.objects.held = copy.deepcopy(held if name == "kept" else done["held"])
        return home

    def keep():
        done["held"] = copy.deepcopy(cluster.objects.held)
        shutil.rmtree(home.parent / "done", ignore_errors=True)
        shutil.copytree(home, home.parent / "done")

    done = {}
    put_back.keep = keep
    put_back()
    return put_back


def world(cluster):
    """Of each service: its replicas, whether KEDA is paused, and the marks on both."""
    found = {}
    for kind, things in cluster.objects.held.items():
        for (_, name), told in things.items():
            if kind.kind in {"Deployment", "ScaledObject"}:
                noted = told["metadata"].get("annotations") or {}
                paused = noted.get("autoscaling.keda.sh/paused")
                marks = "watermaster.dev/fix" in noted
                found[name] = (told["spec"].get("replicas"), paused, marks)
    return found


STANDS = {"held": (2, None, False), "reader": (2, None, False),
          "by-held": (None, None, False), "by-reader": (None, None, False)}  # fmt: skip
MENDED = STANDS | {"held": (0, None, True), "by-held": (None, "true", True)}


WRITTEN = ("fix.step-0-made", "fix.step-1-made")  # to the cluster, and nowhere else yet
BACK = ("fix.step-1-undoing", "fix.step-1-taken-back", "fix.step-0-undoing",
        "fix.step-0-taken-back", "fix.step-0-undone")  # fmt: skip


def killed_while_mending(again, cluster, boundary):
    home = again()
    assert killed_at(home, mend_service, boundary), boundary
    project = open_project(home, clock=Clock(NOW))
    resume_fixes(project)
    is_done = any(one.state is FixState.DONE for one in fixes(project.ledger.records))
    assert world(cluster) == (MENDED if is_done else STANDS), boundary
    project.ledger.records.dispose()
    return is_done


def killed_while_undoing(again, cluster, name):
    home = again("done")
    assert killed_at(home, undo_service, Boundary(name, 1)), name
    project = open_project(home, clock=Clock(NOW))
    assert [one.state for one in resume_fixes(project)] == [FixState.UNDONE], name
    assert world(cluster) == STANDS, name
    project.ledger.records.dispose()


def test_killed_right_after_a_write_it_goes_on_and_writes_nothing_twice(again, cluster):
    assert killed_while_mending(again, cluster, Boundary("fix.step-1-made", 1))


@pytest.mark.deep
def test_killed_at_any_boundary_it_ends_done_or_never_begun(again, cluster):
    every = boundaries(again(), mend_service)
    assert world(cluster) == MENDED
    assert set(WRITTEN) < {one.step for one in every}
    for boundary in every:
        killed_while_mending(again, cluster, boundary)


@pytest.mark.deep
def test_killed_while_it_is_undone_it_ends_undone(again, cluster):
    mend_service(again())
    again.keep()
    for name in BACK:
        killed_while_undoing(again, cluster, name)


def test_a_plan_says_how_it_is_taken_back_and_what_to_beware_of(again, cluster, capsys):
    home = again()
    about = {"labels": {"argocd.argoproj.io/instance": "rag"}}
    cluster.change("Deployment", "held", "rag", metadata=about)
    project = open_project(home, clock=Clock(NOW))
    found = finding_of(project, "inactive-gpu")
    project.ledger.records.dispose()
    assert run(["--home", str(home), "finding", "fix", found]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "undo of pause: KEDA scales it again undo of scale: replicas become 2 again" in told
    assert "beware: Argo CD keeps it as its repository says: change it there too" in told
    assert "paused=unset" in told
    assert "uid=" not in told


def test_a_service_scaled_after_the_approval_is_left_as_it_is_and_keda_goes_on(again, cluster):
    home = again()

    def somebody(event):
        if getattr(event, "name", "") == "fix.step-0-done":
            cluster.change("Deployment", "held", "rag", spec={"replicas": 5})

    project = open_project(home, tell=somebody, clock=Clock(NOW))
    (fix,) = plan_fix(project, finding_of(project, "inactive-gpu"))
    fix = run_fix(project, approve_fix(project, fix.id).id)
    assert fix.state is FixState.REFUSED
    assert "changed since the plan" in fix.fault
    assert world(cluster) == STANDS | {"held": (5, None, False)}
    cluster.faults.forbidden.add("deployments")
    with pytest.raises(RefusedError, match="403"):
        plan_fix(project, finding_of(project, "inactive-gpu"))
    cluster.faults.forbidden.clear()
