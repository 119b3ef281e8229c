"""What is done to Azure is done once, taken back whole, and refused where the world has changed.

Disks, machines, endpoints and tags against a double of our own (tests/azure_double.py), signed in
by the real azure-identity; blobs against Azurite, Microsoft's own double of blob storage.
"""

import copy
import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.azure_changes import find
from tests.azure_double import HEADER, Azure, azure_double
from tests.components import azure_login
from watermaster.act import azure as azure_target
from watermaster.act import azure_arm, azure_disk, verbs
from watermaster.act.verbs import PlatformError
from watermaster.model.acts import Held, Remedy, TargetSpec, shows
from watermaster.model.errors import (
    BadResourceError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from watermaster.testing.act_conformance import Case, conforms, refuses_a_changed_world

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/RG-ML/providers"
DISK = f"{GROUP}/Microsoft.Compute/disks/loose"
MACHINE = f"{GROUP}/Microsoft.Compute/virtualMachines/trainer"
SPOT = f"{GROUP}/Microsoft.Compute/virtualMachines/cheap"
ENDPOINT = f"{GROUP}/Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints/reader"
ROLES = Path(verbs.__file__).with_name("roles")


def held_by_it():
    told = {"diskState": "Unattached", "diskSizeGB": 512, "osType": "Linux", "tier": "P20",
            "uniqueId": "unique-first", "provisioningState": "Succeeded", "holds": "the weights",
            "networkAccessPolicy": "DenyAll", "timeCreated": "2026-01-01T00:00:00Z"}  # fmt: skip
    deployed = {"provisioningState": "Succeeded", "instanceType": "Standard_NC24ads_A100_v4"}
    return [
        {"id": DISK, "name": "loose", "location": "westeurope", "zones": ["2"], "properties": told,
         "tags": {"Team": "rag"}, "sku": {"name": "Premium_LRS", "tier": "Premium"}},
        {"id": DISK.replace("loose", "other"), "name": "other", "location": "westeurope",
         "properties": dict(told), "sku": {"name": "Premium_LRS"}},
        {"id": MACHINE, "name": "trainer", "properties": {}, "tags": {"team": "rag"}},
        {"id": SPOT, "name": "cheap", "properties": {"priority": "Spot"}},
        {"id": ENDPOINT, "name": "reader", "properties": {}},
        {"id": f"{ENDPOINT}/deployments/blue", "name": "blue", "properties": deployed,
         "sku": {"name": "Default", "capacity": 4}},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def served():
    with azure_double(Azure()) as azure:
        yield azure


@pytest.fixture
def azure(served, monkeypatch):
    served.resources = held_by_it()
    served.denied, served.busy, served.slow = "", 0, 0
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{served.address}/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    monkeypatch.setattr(azure_arm, "WAIT_S", 0.01)
    monkeypatch.setattr(azure_disk, "AGAIN_S", 0.01)
    return served


def target(azure, **options):
    spec = TargetSpec(type="azure", platform="azure-westeurope", location="azure:",
                      options={"endpoint": azure.address, "clientId": "w"} | options)  # fmt: skip
    return azure_target.target(spec)


def remedy(verb, kind, id_, **asked):
    return Remedy(verb=verb, platform="azure", kind=kind, uid=id_.rpartition("/")[2],
                  asked={"resource_id": id_} | asked, why="nobody uses it")  # fmt: skip


def case(azure, one):
    keep = target(azure)
    return Case(opened=lambda: keep, remedy=one, world=lambda: copy.deepcopy(azure.resources),
                fix=uuid4().hex[:12], patience_s=5)  # fmt: skip


def held(one, number=0, before=None):
    return Held(token=one.token(number), before=before or {}, left={})


# ---- disks ----


@pytest.mark.parametrize("slow", [0, 3])
def test_a_disk_is_kept_as_a_snapshot_deleted_and_made_again_under_its_name(azure, slow):
    azure.slow = slow
    was = copy.deepcopy(find(azure, DISK))
    conforms(case(azure, remedy("snapshot-delete", "volume", DISK)))
    new = find(azure, DISK)
    for key in ("location", "zones", "tags"):
        assert new[key] == was[key]
    assert new["sku"]["name"] == was["sku"]["name"]
    for key in ("diskSizeGB", "tier", "osType", "networkAccessPolicy", "holds"):
        assert new["properties"][key] == was["properties"][key]
    assert len(azure.resources) == len(held_by_it())


def test_a_disk_that_was_attached_or_replaced_meanwhile_is_left_alone(azure):
    one = case(azure, remedy("snapshot-delete", "volume", DISK))
    disk = find(azure, DISK)["properties"]
    refuses_a_changed_world(one, lambda: disk.update(diskState="Attached"))
    with pytest.raises(RefusedError, match="is Attached, not Unattached"):
        one.opened().steps(one.remedy)
    disk["diskState"] = "Unattached"
    keep, gone = one.opened().steps(one.remedy)
    one.opened().do(keep, held(one))
    disk["uniqueId"] = "unique-other"
    with pytest.raises(RefusedError, match="another disk of that name"):
        one.opened().do(gone, held(one, 1))
    assert find(azure, DISK)


def test_the_snapshot_that_alone_holds_the_content_is_never_deleted(azure):
    one = case(azure, remedy("snapshot-delete", "volume", DISK))
    keep, gone = one.opened().steps(one.remedy)
    one.opened().do(keep, held(one))
    world = one.opened().look(gone, held(one, 1))
    one.opened().do(gone, held(one, 1, world))
    with pytest.raises(RefusedError, match="holds its content now"):
        one.opened().undo(keep, held(one))
    one.opened().undo(gone, held(one, 1, world))
    one.opened().undo(keep, held(one))
    assert find(azure, DISK)["properties"]["holds"] == "the weights"


# ---- machines and endpoints ----


def test_a_machine_is_deallocated_and_started_again(azure):
    (step,) = conforms(case(azure, remedy("stop", "instance", MACHINE)))
    assert "temporary disk" in step.undo
    assert find(azure, MACHINE)["tags"] == {"team": "rag"}
    one = case(azure, remedy("stop", "instance", MACHINE))
    refuses_a_changed_world(one, lambda: find(azure, MACHINE).update(power="deallocated"))
    for id_, what in ((MACHINE, "is deallocated"), (SPOT, "spot"), (DISK, "no virtual machine")):
        with pytest.raises(RefusedError, match=what):
            one.opened().steps(remedy("stop", "instance", id_))


def test_a_deployment_gets_fewer_machines_and_as_many_again(azure):
    (step,) = conforms(case(azure, remedy("scale", "endpoint", ENDPOINT, replicas=1)))
    assert step.undo == "blue has 4 machines again"
    one = case(azure, remedy("scale", "endpoint", ENDPOINT, replicas=2))
    blue = find(azure, f"{ENDPOINT}/deployments/blue")
    refuses_a_changed_world(one, lambda: blue.update(sku={"name": "Default", "capacity": 7}))
    with pytest.raises(RefusedError, match="keeps at least one machine"):
        one.opened().steps(remedy("scale", "endpoint", ENDPOINT, replicas=0))


# ---- tags ----


def test_a_missing_tag_is_written_and_removed_and_another_value_put_back(azure):
    for id_ in (DISK, MACHINE, ENDPOINT):
        was = dict(find(azure, id_).get("tags", {}))
        told = remedy("tag", "volume", id_, tags={"team": "new", "cost-centre": "42"})
        conforms(case(azure, told))
        assert find(azure, id_).get("tags", {}) == was
    one = case(azure, remedy("tag", "volume", MACHINE, tags={"team": "new"}))
    refuses_a_changed_world(one, lambda: find(azure, MACHINE)["tags"].update(team="by-hand"))


def test_a_tag_that_was_changed_since_is_kept_by_the_undo(azure):
    one = case(azure, remedy("tag", "instance", MACHINE, tags={"team": "new", "x": "y"}))
    (step,) = one.opened().steps(one.remedy)
    one.opened().do(step, held(one))
    find(azure, MACHINE)["tags"]["team"] = "since"
    one.opened().undo(step, held(one))
    assert find(azure, MACHINE)["tags"] == {"team": "since"}


# ---- who may, and what fails ----


def test_a_permission_that_is_missing_is_named_and_stands_in_the_role_of_the_verb(azure):
    for verb, id_, denied, action in (
        ("snapshot-delete", DISK, "PUT /snapshots/", "Microsoft.Compute/snapshots/write"),
        ("snapshot-delete", DISK, "GET /disks/", "Microsoft.Compute/disks/read"),
        (
            "stop",
            MACHINE,
            "POST /deallocate",
            "Microsoft.Compute/virtualMachines/deallocate/action",
        ),
        ("tag", MACHINE, "PATCH /tags/", "Microsoft.Resources/tags/write"),
    ):
        one = case(azure, remedy(verb, "x", id_, tags={"a": "b"}))
        azure.denied = denied
        with pytest.raises(NotAllowedError, match=f"may not {action} "):
            one.opened().do(one.opened().steps(one.remedy)[0], held(one))
        azure.denied = ""
        role = json.loads((ROLES / f"azure-{verb}.json").read_text())
        assert action in role["Actions"]


def test_a_throttled_request_is_made_again(azure):
    one = case(azure, remedy("tag", "instance", MACHINE, tags={"a": "b"}))
    azure.busy = 3
    (step,) = one.opened().steps(one.remedy)
    azure.busy = 9
    with pytest.raises(PlatformError, match="429 TooManyRequests"):
        one.opened().do(step, held(one))


def test_nothing_is_changed_unless_somebody_is_named_who_may(azure):
    spec = TargetSpec(type="azure", platform="azure", options={"endpoint": azure.address})
    with pytest.raises(BadResourceError, match="no identity that may write"):
        azure_target.target(spec)
    with pytest.raises(BadResourceError, match="would show our token"):
        target(azure, endpoint="http://example.com").steps(remedy("stop", "instance", MACHINE))
    with pytest.raises(NotFoundError):
        target(azure).steps(remedy("snapshot-delete", "volume", f"{DISK}-none"))
    with pytest.raises(RefusedError, match="has no resource id"):
        target(azure).steps(replace(remedy("stop", "instance", MACHINE), asked={}))


# ---- blobs, on Azurite ----

FILES = {"runs/one/model.bin": b"w" * 5000, "runs/one/state/0.pt": b"s" * 70,
         "runs/one/empty": b"", "runs/one-more/model.bin": b"o" * 10}  # fmt: skip


@pytest.fixture
def blobs(azurite, monkeypatch):
    """A container with two checkpoints, and one that is the archive."""
    from azure.storage.blob import BlobServiceClient

    service = BlobServiceClient.from_connection_string(
        azure_login(azurite), api_version="2024-08-04"
    )
    monkeypatch.setenv("WRITES", azure_login(azurite))
    service.name = uuid4().hex[:8]
    for container in (f"runs-{service.name}", f"archive-{service.name}"):
        service.create_container(container)
    runs = service.get_container_client(f"runs-{service.name}")
    for name, body in FILES.items():
        runs.upload_blob(name, body, metadata={"run": "7"})
    service.get_container_client(f"archive-{service.name}").upload_blob("theirs", b"x")
    with service:
        yield service


def store_case(blobs, verb, **options):
    told = {"connection": "WRITES", "archive": f"abfs://archive-{blobs.name}/wm"} | options
    spec = TargetSpec(type="azure", platform="devstoreaccount1", options=told)
    keep = azure_target.target(spec)
    one = Remedy(verb=verb, platform="devstoreaccount1", kind="checkpoint",
                 uid=f"abfs://runs-{blobs.name}/runs/one", why="nobody uses it")  # fmt: skip
    return Case(opened=lambda: keep, remedy=one, world=lambda: lying(blobs), patience_s=20,
                fix=uuid4().hex[:12])  # fmt: skip


def lying(blobs):
    """Container and name to size, digest, tier and metadata."""
    found = {}
    for container in (f"runs-{blobs.name}", f"archive-{blobs.name}"):
        for one in blobs.get_container_client(container).list_blobs(include=["metadata"]):
            md5 = bytes(one.content_settings.content_md5 or b"").hex()
            key = container.partition("-")[0], one.name
            found[key] = one.size, md5, str(one.blob_tier), one.metadata
    return found


@pytest.mark.parametrize("verb", ["replicate", "expire"])
def test_a_prefix_goes_to_the_archive_and_comes_back_whole(blobs, verb):
    before = lying(blobs)
    steps = conforms(store_case(blobs, verb))
    assert [step.verb for step in steps] == ["replicate", "expire"][: len(steps)]
    assert lying(blobs) == before


def test_what_expires_lies_in_the_archive_in_a_cooler_tier(blobs):
    one = store_case(blobs, "expire")
    before = lying(blobs)
    for number, step in enumerate(one.opened().steps(one.remedy)):
        one.opened().do(step, held(one, number))
        assert shows(one.opened().look(step, held(one, number)), step.want)
    now = lying(blobs)
    assert now["runs", "runs/one-more/model.bin"] == before["runs", "runs/one-more/model.bin"]
    assert ("runs", "runs/one/model.bin") not in now
    size, _, tier, metadata = now["archive", f"wm/runs-{blobs.name}/runs/one/model.bin"]
    assert (size, tier, metadata) == (5000, "Cool", {"run": "7"})


def test_a_deletion_that_broke_off_goes_on_or_comes_back(blobs):
    one = store_case(blobs, "expire")
    before = lying(blobs)
    copied, dropped = one.opened().steps(one.remedy)
    one.opened().do(copied, held(one))
    runs = blobs.get_container_client(f"runs-{blobs.name}")
    runs.delete_blob("runs/one/empty")  # as far as a killed process came
    with pytest.raises(RefusedError, match="copies are all there is of empty"):
        one.opened().undo(copied, held(one))
    one.opened().do(dropped, held(one, 1))
    assert shows(one.opened().look(dropped, held(one, 1)), dropped.want)
    one.opened().undo(dropped, held(one, 1))
    one.opened().undo(copied, held(one))
    assert lying(blobs) == before


def test_a_blob_written_after_it_was_copied_is_not_deleted(blobs):
    one = store_case(blobs, "expire")
    copied, dropped = one.opened().steps(one.remedy)
    runs = blobs.get_container_client(f"runs-{blobs.name}")
    refuses_a_changed_world(one, lambda: runs.upload_blob("runs/one/early", b"new"))
    runs.delete_blob("runs/one/early")
    one.opened().do(copied, held(one))
    runs.upload_blob("runs/one/late", b"new")
    with pytest.raises(RefusedError, match="changed since it was copied"):
        one.opened().do(dropped, held(one, 1))
    assert ("runs", "runs/one/model.bin") in lying(blobs)


def test_a_container_or_a_place_in_use_or_none_is_refused(blobs):
    one = store_case(blobs, "replicate")
    whole = replace(one.remedy, uid=f"abfs://runs-{blobs.name}")
    inside = replace(one.remedy, asked={"to": f"{one.remedy.uid}/in"})
    for told, what in (
        (whole, "is a whole container"),
        (replace(one.remedy, uid="s3://a/b"), "is no place in Azure"),
        (replace(one.remedy, uid=f"{whole.uid}/none"), "holds 0 blobs"),
        (inside, "lies in it"),
    ):
        with pytest.raises(RefusedError, match=what):
            one.opened().steps(told)
    there = f"wm/runs-{blobs.name}/runs/one/x"
    blobs.get_container_client(f"archive-{blobs.name}").upload_blob(there, b"theirs")
    with pytest.raises(RefusedError, match="lies at the target already"):
        one.opened().steps(one.remedy)
    with pytest.raises(RefusedError, match="nobody says where to"):
        store_case(blobs, "replicate", archive="").opened().steps(one.remedy)
    with pytest.raises(BadResourceError, match="NOWHERE is not set"):
        store_case(blobs, "replicate", connection="NOWHERE").opened().steps(one.remedy)
