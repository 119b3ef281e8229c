"""What stands in subscriptions is found; what Azure refuses or half tells is a stated gap.

Against a double of our own (tests/azure_double.py) over real HTTP, signed in by the real
azure-identity as a managed identity would be.
"""

import datetime as dt
import json
import time

import pytest

from tests.azure_double import HEADER, TOKEN, Azure, azure_double
from tests.doors import Answer, door_to
from tests.observe.rows import seen_by
from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.resources import SourceSpec
from watermaster.observe import azure_arm
from watermaster.observe.azure_sizes import model_of
from watermaster.units.periods import Period

ONE, TWO = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Period(TODAY - dt.timedelta(days=3), TODAY + dt.timedelta(days=1))
ML = "Microsoft.MachineLearningServices/workspaces"


def resource(kind, name, properties, subscription=ONE, **more):
    names = name.split("/")
    types = kind.split("/")
    path = "/".join(f"{t}/{n}" for t, n in zip(types[1:], names, strict=True))
    id_ = f"/subscriptions/{subscription}/resourceGroups/RG-ML/providers/{types[0]}/{path}"
    return {"id": id_, "name": names[-1], "type": kind.lower(), "location": "westeurope",
            "tags": {"team": "rag"}, "properties": properties} | more  # fmt: skip


def held():
    power = {"instanceView": {"powerState": {"code": "PowerState/running"}}}
    machine = {"timeCreated": "2026-10-01T10:00:00.1234567+00:00", "extended": power,
               "hardwareProfile": {"vmSize": "Standard_ND96isr_H100_v5"}}  # fmt: skip
    plain = machine | {"hardwareProfile": {"vmSize": "Standard_D4s_v5"}}
    deployed = {"instanceType": "Standard_NC24ads_A100_v4",
                "model": f"/subscriptions/{ONE}/models/reader/versions/3"}  # fmt: skip
    compute, disks = "Microsoft.Compute", "Microsoft.Compute/disks"
    owner = resource(f"{compute}/virtualMachines", "trainer", machine)
    loose = {"diskState": "Unattached", "diskSizeBytes": 100 << 30,
             "timeCreated": "2026-01-01T00:00:00Z",
             "LastOwnershipUpdateTime": "2026-06-01T00:00:00Z"}  # fmt: skip
    return [
        owner,
        resource(f"{compute}/virtualMachines", "web", plain, TWO),
        resource(f"{compute}/virtualMachineScaleSets", "nodes", {},
                 sku={"name": "Standard_NC4as_T4_v3", "capacity": 3}),
        resource(disks, "loose", loose),
        resource(disks, "os", {"diskState": "Attached", "diskSizeGB": 30}, managedBy=owner["id"]),
        resource(f"{compute}/snapshots", "before", {"diskSizeBytes": 1 << 30}),
        resource("Microsoft.Storage/storageAccounts", "lake", {"accessTier": "Hot"}),
        resource(ML, "ws", {"provisioningState": "Succeeded"}),
        resource(f"{ML}/onlineEndpoints", "ws/reader", {"provisioningState": "Succeeded"}),
        resource(f"{ML}/onlineEndpoints/deployments", "ws/reader/blue", deployed,
                 sku={"capacity": 2}),
        resource(f"{ML}/batchEndpoints", "ws/nightly", {"provisioningState": "Succeeded"}),
    ]  # fmt: skip


WORKSPACE = resource(ML, "ws", {})["id"]
GPUS = {"Standard_ND96isr_H100_v5": 8, "Standard_NC24ads_A100_v4": 1, "Standard_NC4as_T4_v3": 1}


def compute(name, kind, size, **inner):
    told = {"computeType": kind, "createdOn": "2026-09-01T00:00:00Z",
            "properties": {"vmSize": size} | inner}  # fmt: skip
    return {"id": f"{WORKSPACE}/computes/{name}", "name": name, "properties": told}


COMPUTES = [
    compute("anna", "ComputeInstance", "STANDARD_NC4AS_T4_V3", state="Running",
            createdBy={"userName": "anna"}, lastOperation={"operationName": "Start"}),
    compute("big", "AmlCompute", "Standard_ND96isr_H100_v5", currentNodeCount=2),
    compute("idle", "AmlCompute", "Standard_ND96isr_H100_v5", currentNodeCount=0),
]  # fmt: skip


@pytest.fixture(scope="module")
def served():
    """Two subscriptions behind a door."""
    azure = Azure(subscriptions=[ONE, TWO], resources=held(), gpus=GPUS,
                  computes={WORKSPACE: COMPUTES})  # fmt: skip
    with azure_double(azure), door_to(azure.address) as door:
        door.azure = azure
        azure.address = door.address  # next links lead through the door
        yield door


@pytest.fixture
def door(served, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{served.address}/token")
    monkeypatch.setenv("IDENTITY_HEADER", HEADER)
    monkeypatch.setattr(azure_arm, "WAIT_S", 0.01)
    served.asked.clear()
    yield served
    served.rule, served.azure.page, served.azure.subscriptions = None, 1_000, [ONE, TWO]


def seen(door, location=f"azure:{ONE},{TWO}", **options):
    options = {"endpoint": door.address} | options
    return seen_by(SourceSpec(type="azure", location=location, options=options), WINDOW)


def by_name(rows):
    return {(row["subject_kind"], row["name"]): row for row in rows["subjects"]}


def gaps(rows):
    return {row["column"]: row["reason"] for row in rows.get("rejected", [])}


def test_what_stands_in_subscriptions_is_found_with_the_id_of_its_bill(door):
    found = seen(door)
    rows = by_name(found)
    assert "rejected" not in found
    machine = rows["instance", "trainer"]
    assert (machine["gpus"], machine["accelerator"], machine["state"]) == (8, "H100", "running")
    assert machine["resource_id"].endswith("/Microsoft.Compute/virtualMachines/trainer")
    assert machine["subject_uid"] == f"{ONE}/rg-ml/trainer"
    assert (machine["platform"], machine["labels"]) == ("azure-westeurope", '{"team":"rag"}')
    assert machine["created_at"] == dt.datetime(2026, 10, 1, 10, 0, 0, 123456, dt.UTC)
    assert (rows["instance", "web"]["gpus"], rows["instance", "web"]["account"]) == (None, TWO)
    nodes = rows["instance", "nodes"]
    assert (nodes["gpus"], nodes["accelerator"]) == (3, "T4")
    assert {key for key in rows if key[0] in {"namespace", "bucket", "snapshot"}} == {
        ("namespace", "ws"), ("bucket", "lake"), ("snapshot", "before"),
    }  # fmt: skip


def test_a_disk_tells_when_it_was_attached_last(door):
    rows = by_name(seen(door))
    loose, used = rows["volume", "loose"], rows["volume", "os"]
    assert (loose["state"], loose["bytes"]) == ("unattached", 100 << 30)
    assert loose["last_used"] == dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    assert (used["state"], used["bytes"]) == ("attached", 30 << 30)
    assert used["parent_uid"] == f"{ONE}/rg-ml/trainer"


def test_endpoints_tell_models_and_gpus_of_their_deployments(door):
    rows = by_name(seen(door))
    online = rows["endpoint", "reader"]
    assert (online["gpus"], online["accelerator"], online["model"]) == (2, "A100", "reader")
    assert online["artefact"].endswith("/models/reader/versions/3")
    assert online["namespace"] == "ws"
    assert online["parent_uid"] == rows["namespace", "ws"]["subject_uid"]
    assert rows["endpoint", "nightly"]["gpus"] is None


def test_computes_are_notebooks_and_clusters_over_all_pages(door):
    rows = by_name(seen(door))
    book = rows["notebook", "anna"]
    assert (book["gpus"], book["creator"], book["state"]) == (1, "anna", "running")
    assert book["last_used"] is None  # Azure tells its last start, not its last use
    assert rows["instance", "big"]["gpus"] == 16
    assert rows["instance", "idle"]["gpus"] is None


def test_all_pages_of_the_graph_are_read(door):
    door.azure.page = 2
    found = seen(door)
    assert "rejected" not in found
    assert len(found["subjects"]) == len(held()) - 1 + 3  # a deployment tells of its endpoint
    assert door.count("skipToken") >= 4


def test_all_subscriptions_are_asked_where_none_is_named(door):
    assert {row["account"] for row in seen(door, "azure:")["subjects"]} == {ONE, TWO}


def test_a_subscription_that_may_not_be_seen_is_a_gap_not_an_empty_one(door):
    door.azure.subscriptions = [TWO]
    found = seen(door)
    assert {row["account"] for row in found["subjects"]} == {TWO}
    assert gaps(found)["subscription"] == (
        f"{ONE} is not there or may not be seen: grant our identity the role Reader on it"
    )
    with pytest.raises(BadInputError, match="no subscription may be seen"):
        seen(door, f"azure:{ONE}")


def test_a_throttle_is_waited_for_as_long_as_it_asks(door):
    def once(asked):
        first = door.count("ResourceGraph") == 1
        return Answer(429, b"{}", {"Retry-After": "1"}) if first and "Graph" in asked.path else None

    door.rule, start = once, time.monotonic()
    assert "rejected" not in seen(door)
    assert time.monotonic() - start >= 1


def test_a_throttle_that_does_not_end_keeps_what_was_seen(door):
    door.azure.page = 2
    door.rule = lambda asked: (
        Answer(429, b"{}", {"Retry-After": "0"}) if b'skipToken": "2"' in asked.body else None
    )
    found = seen(door, tries="2")
    assert gaps(found)["resource"].startswith("Microsoft.ResourceGraph/resources failed (429")
    assert len(found["subjects"]) == 2


@pytest.mark.parametrize(("path", "column"), [("/computes", "compute"), ("/skus", "machine size")])
def test_what_may_not_be_read_names_the_role_and_costs_only_itself(door, path, column):
    body = json.dumps({"error": {"code": "AuthorizationFailed"}}).encode()
    door.rule = lambda asked: Answer(403, body) if path in asked.path else None
    found = seen(door)
    assert list(gaps(found)) == [column]
    assert "may not be read (AuthorizationFailed): grant the role Reader" in gaps(found)[column]
    assert ("volume", "loose") in by_name(found)


def test_less_than_was_promised_is_a_gap(door):
    def less(asked):
        if "Graph" not in asked.path:
            return None
        told = {"totalRecords": 9, "count": 1, "data": [held()[0]], "resultTruncated": "true"}
        return Answer(200, json.dumps(told).encode())

    door.rule = less
    assert gaps(seen(door))["resource"].endswith("told 1 of 9 resources: try again")
    door.rule = lambda asked: Answer(200, b'{"data": [{"id"') if "Graph" in asked.path else None
    assert "does not answer" in gaps(seen(door, tries="1"))["resource"]


def test_a_thing_half_told_is_a_gap_and_the_others_are_kept(door):
    odd = [{"type": "microsoft.compute/disks", "properties": {}}, "x", *held()]
    told = json.dumps({"totalRecords": len(odd), "data": odd}).encode()
    door.rule = lambda asked: (
        Answer(200, told) if "Graph" in asked.path and b"virtualmachines" in asked.body else None
    )
    found = seen(door)
    assert set(gaps(found)) == {"microsoft.compute/disks", "resource"}
    assert ("volume", "loose") in by_name(found)


def test_a_next_link_to_another_server_never_gets_our_token(door):
    told = json.dumps({"value": [], "nextLink": "http://127.0.0.1:9/steal"}).encode()
    door.rule = lambda asked: Answer(200, told) if "/computes" in asked.path else None
    assert "127.0.0.1:9 is another server" in gaps(seen(door))["compute"]


def test_a_token_may_come_from_a_file(door, tmp_path, monkeypatch):
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert "subjects" in seen(door, tokenFile=str(tmp_path / "token"))
    (tmp_path / "token").write_text("old")
    with pytest.raises(BadInputError, match="InvalidAuthenticationToken"):
        seen(door, tokenFile=str(tmp_path / "token"))


def test_an_endpoint_without_tls_or_a_location_without_meaning_is_an_error(door):
    with pytest.raises(BadResourceError, match="would show our token"):
        seen(door, endpoint="http://management.azure.com")
    with pytest.raises(BadInputError, match="names no Azure subscription"):
        seen(door, ONE)


@pytest.mark.parametrize(
    ("size", "model"),
    [
        ("Standard_ND96isr_H100_v5", "H100"), ("Standard_NC24ads_A100_v4", "A100"),
        ("Standard_ND96asr_v4", "A100"), ("Standard_NC6s_v3", "V100"),
        ("Standard_NV36ads_A10_v5", "A10"), ("Standard_D4s_v5", None), ("Standard_NC6", "K80"),
    ],
)  # fmt: skip
def test_the_accelerator_of_a_size_is_known_by_its_name(size, model):
    assert model_of(size) == model
