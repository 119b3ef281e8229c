"""From a declared Source over one sync to the estate: AWS, Azure and stores beside their bill."""

import os

import pytest

from tests.azure_double import TOKEN, Azure, azure_double
from tests.flows.small import Clock, charge, declare, project_at, resource, store
from watermaster.flows.allocate import allocate_months
from watermaster.flows.findings import find
from watermaster.flows.inventory import inventory
from watermaster.flows.sync import sync

pytestmark = pytest.mark.xdist_group("moto")
MONTH = "2026-09"
GROUP = "/subscriptions/AAAA/resourceGroups/RG/providers"
OLD = 1_750_000_000  # June 2025


@pytest.fixture(scope="module")
def volume():
    """A disk in moto that nothing is attached to."""
    from botocore.session import Session
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    ec2 = Session().create_client("ec2", region_name="us-east-1")
    yield ec2.create_volume(AvailabilityZone="us-east-1a", Size=10)["VolumeId"]
    patch.undo()
    server.stop()


@pytest.fixture
def azure():
    told = {"diskState": "Unattached", "timeCreated": "2026-01-01T00:00:00Z"}
    disk = {"id": f"{GROUP}/Microsoft.Compute/disks/loose", "name": "loose", "properties": told,
            "type": "microsoft.compute/disks", "location": "westeurope"}  # fmt: skip
    with azure_double(Azure(subscriptions=["aaaa"], resources=[disk])) as double:
        yield double


@pytest.fixture
def share(tmp_path):
    for name in ("corpus/part-0", "copy/part-0", "runs/checkpoint-9/model.safetensors"):
        path = tmp_path / "share" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 1_000)
        os.utime(path, (OLD, OLD))
    return tmp_path / "share"


@pytest.fixture
def project(tmp_path, volume, azure, share):
    """Bills that spell ids as providers do, and three sources; one region is not there."""
    project = project_at(tmp_path / "home", Clock("2026-09-25T08:00:00"))
    ids = (volume, f"{GROUP}/microsoft.compute/disks/LOOSE".lower(), "i-other")
    store(project, "charges", [
        charge("bill", MONTH, number, "10", resource_id=idn) for number, idn in enumerate(ids)
    ])  # fmt: skip
    (tmp_path / "token").write_text(TOKEN)
    signed = {"endpoint": azure.address, "tokenFile": str(tmp_path / "token")}
    sources = {
        "aws": ("aws", "aws:us-east-1", {"tries": "1"}),
        "azure": ("azure", "azure:aaaa", signed),
        "share": ("store", str(share), {}),
    }
    declare(project, *(
        resource("Source", name, {"type": type_, "location": place, "options": options})
        for name, (type_, place, options) in sources.items()
    ))  # fmt: skip
    return project


def test_what_stands_in_clouds_is_in_the_estate_with_what_it_cost(project, volume, share):
    pulled = sync(project, every=True).pulled
    assert [(one.source, one.fault, one.rows > 0) for one in pulled] == [
        ("aws", None, True), ("azure", None, True), ("share", None, True),
    ]  # fmt: skip
    allocate_months(project, [MONTH])
    told = {(one.rule, one.subject): one for one in find(project).found}
    disk = told["orphaned-volume", "volume/azure-westeurope/aaaa/rg/loose"]
    assert disk.cost > 0
    assert ("orphaned-checkpoint", f"checkpoint/folder/{share}/runs/checkpoint-9") in told
    (twice,) = [one for rule, one in told.items() if rule[0] == "duplicate-dataset"]
    assert "/corpus" in twice.why
    assert "/copy" in twice.why
    assert inventory(project).things >= 6
    assert ("unowned-resource", f"resource/{volume}") in told


def test_a_cloud_that_is_away_is_a_gap_and_nothing_is_concluded(project, azure, monkeypatch):
    azure.subscriptions = []
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    faults = {one.source: one.fault for one in sync(project, every=True).pulled}
    assert "aws sts get-caller-identity" in faults["aws"]
    assert "no subscription may be seen" in faults["azure"]
    allocate_months(project, [MONTH])
    assert {gap.source for gap in inventory(project).gaps} == {"aws", "azure"}
    assert not [one for one in find(project).found if one.rule == "orphaned-volume"]


def test_a_log_shows_who_reads_data_that_nobody_declared(tmp_path):
    project = project_at(tmp_path / "home", Clock("2026-09-25T08:00:00"))
    store(project, "charges", [charge("bill", MONTH, number, "10") for number in (1, 2)])
    (tmp_path / "logs").mkdir()
    lines = [
        f"o lake [1{number}/Sep/2026:10:00:00 +0000] 1.1.1.1 arn:aws:sts::42:assumed-role/{role}/p"
        f' R REST.GET.OBJECT {place}/a.csv "GET /a HTTP/1.1" 200 - 70 70 1 1 "-" "x" -'
        for number, (role, place) in enumerate([("rag", "corpus"), ("rag", "health")])
    ]
    (tmp_path / "logs" / "log").write_text("\n".join(lines))
    declare(
        project,
        resource("Source", "log", {"type": "access-log", "location": str(tmp_path / "logs")}),
        resource("Team", "care", {"unit": "Care"}),
        resource("Dataset", "patients", {"locations": ["s3://lake/health"],
                                         "classification": "health"}, "care"),
        resource("Dataset", "corpus", {"locations": ["s3://lake/corpus"]}, "care"),
        resource("Workload", "rag", {"purpose": "online-inference", "datasets": ["corpus"],
                                     "selectors": [{"name": "rag"}]}, "care"),
    )  # fmt: skip
    (pulled,) = sync(project, every=True).pulled
    assert (pulled.fault, pulled.rows) == (None, 4)
    allocate_months(project, [MONTH])
    told = {one.subject for one in find(project).found if one.rule == "undeclared-data-use"}
    assert told == {"workload/rag+dataset/patients"}
