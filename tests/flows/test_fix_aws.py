"""A volume in AWS is deleted and made again by a fix, killed or not; against moto's server."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.flows.fix_work import NOW, finding_of, mend_volume, prepare
from tests.flows.small import Clock
from watermaster.flows.fix import approve_fix, plan_fix, resume_fixes, run_fix, undo_fix
from watermaster.flows.open import open_project
from watermaster.ledger.fixes import fixes
from watermaster.model.acts import FixState
from watermaster.model.events import Tell, tell_nobody
from watermaster.testing.kill import Boundary, killed_at

pytestmark = pytest.mark.xdist_group("moto")
REGION = "eu-west-3"
SPEC = {"type": "aws", "platform": "fra", "location": REGION, "verbs": ["snapshot-delete"],
        "options": {"profile": "writer"}}  # fmt: skip
STEPS = ("fix.planned", "fix.approved", "fix.doing", "fix.step-0-begun", "fix.step-0-made",
         "fix.step-0-done", "fix.step-1-begun", "fix.step-1-made", "fix.step-1-done")  # fmt: skip


def mend_in_aws(home: Path, tell: Tell = tell_nobody) -> None:
    """As mend_volume, in a process that does not know where moto is."""
    os.environ.update(json.loads((home.parent / "aws.json").read_text()))
    mend_volume(home, tell)


@pytest.fixture(scope="module")
def ec2(tmp_path_factory):
    """Of the account that is changed; a profile of it may write."""
    from botocore.session import Session
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    folder = tmp_path_factory.mktemp("aws")
    config = folder / "config"
    config.write_text("[profile writer]\naws_access_key_id = test\naws_secret_access_key = test\n")
    address = "http://{}:{}".format(*server.get_host_and_port())
    told = {"AWS_ENDPOINT_URL": address, "AWS_CONFIG_FILE": str(config)}
    (folder / "aws.json").write_text(json.dumps(told))
    patch = pytest.MonkeyPatch()
    for name, value in told.items():
        patch.setenv(name, value)
    client = Session(profile="writer").create_client("ec2", region_name=REGION)
    client.folder = folder
    yield client
    patch.undo()
    server.stop()


@pytest.fixture(scope="module")
def prepared(ec2):
    """A home where a volume was found that nobody uses."""
    id_ = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=40)["VolumeId"]
    kept = ec2.folder / "kept"
    prepare(kept, volume=id_, spec=SPEC).ledger.records.dispose()
    return kept


@pytest.fixture
def home(ec2, prepared):
    """The home as it was prepared, and the account too."""
    from moto.ec2.models import ec2_backends

    backend = ec2_backends["123456789012"][REGION]
    volumes, snapshots = dict(backend.volumes), dict(backend.snapshots)
    where = ec2.folder / "home"

    def put_back():
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(prepared, where)
        for held, was in ((backend.volumes, volumes), (backend.snapshots, snapshots)):
            held.clear()
            held.update(was)
        return where

    yield put_back
    put_back()


def stands(ec2):
    """Sizes of volumes that nothing holds, and how many snapshots fixes made."""
    free = [{"Name": "status", "Values": ["available"]}]
    ours = [{"Name": "tag-key", "Values": ["watermaster-fix"]}]
    sizes = [one["Size"] for one in ec2.describe_volumes(Filters=free)["Volumes"]]
    return sizes, len(ec2.describe_snapshots(Filters=ours)["Snapshots"])


def test_a_volume_is_deleted_once_approved_and_made_again(ec2, home):
    project = open_project(home(), clock=Clock(NOW), actor="ada")
    (fix,) = plan_fix(project, finding_of(project, "orphaned-volume"))
    assert stands(ec2) == ([40], 0)
    done = run_fix(project, approve_fix(project, fix.id).id)
    assert (done.state, stands(ec2)) == (FixState.DONE, ([], 1))
    assert (undo_fix(project, fix.id).state, stands(ec2)) == (FixState.UNDONE, ([40], 0))
    project.ledger.records.dispose()


@pytest.mark.deep
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_ends_whole_and_once(ec2, home, step):
    where = home()
    assert killed_at(where, mend_in_aws, Boundary(step, 1))
    project = open_project(where, clock=Clock(NOW))
    resume_fixes(project)
    (fix,) = fixes(project.ledger.records)
    is_begun = step not in {"fix.planned", "fix.approved"}
    assert (fix.state is FixState.DONE) == is_begun, fix.fault
    assert stands(ec2) == (([], 1) if is_begun else ([40], 0))
    project.ledger.records.dispose()
