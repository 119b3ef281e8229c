"""Things made in an account are found there; what is refused or breaks off is told by name."""

import datetime as dt
import json
from pathlib import Path

import pytest

from tests.doors import Answer, door_to
from tests.observe.rows import seen_by
from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.observe import aws_account
from watermaster.observe.aws_rows import listed
from watermaster.units.periods import Period

pytestmark = pytest.mark.xdist_group("moto")  # one server for the module
ACCOUNT = "123456789012"
REGIONS = ("eu-central-1", "us-east-1")
TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Period(TODAY - dt.timedelta(days=3), TODAY + dt.timedelta(days=1))
SERVICE_ROLE = "arn:aws:iam::123456789012:role/sagemaker"
ROLE = Path(aws_account.__file__).with_name("roles") / "aws-reader.json"


@pytest.fixture(scope="module")
def account():
    """An account in two regions behind a door; each with machines, disks and SageMaker."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    with door_to(f"http://{host}:{port}") as door:
        patch.setenv("AWS_ENDPOINT_URL", door.address)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        door.made = {region: _made(region) for region in REGIONS}
        yield door
    patch.undo()
    server.stop()


@pytest.fixture(scope="module")
def whole(account):
    """All of both regions, seen once; nothing stood in the way."""
    account.asked.clear()
    found = seen()
    assert account.count("GetCallerIdentity") == 1
    return found


@pytest.fixture
def door(account):
    """The same, with nothing asked yet; it is open again afterwards."""
    account.asked.clear()
    yield account
    account.rule = None


def client(service, region="us-east-1"):
    from botocore.session import Session

    return Session().create_client(service, region_name=region)


def _made(region):
    ec2, sagemaker = client("ec2", region), client("sagemaker", region)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = {}
    for kind, team in (("p4d.24xlarge", "rag"), ("m5.large", "web")):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": team}]}]
        run = ec2.run_instances(ImageId=image, InstanceType=kind, MinCount=1, MaxCount=1,
                                TagSpecifications=tags)  # fmt: skip
        made[kind] = run["Instances"][0]["InstanceId"]
    loose = ec2.create_volume(AvailabilityZone=f"{region}a", Size=100)["VolumeId"]
    made["volume"] = loose
    made["snapshot"] = ec2.create_snapshot(VolumeId=loose)["SnapshotId"]
    for name, type_ in (("reader", "ml.g4dn.12xlarge"), ("scorer", "ml.m5.large")):
        tags = [{"Key": "team", "Value": name}]
        mode = {"Mode": "MultiModel"} if name == "scorer" else {}
        weights = "s3://models/many/" if mode else f"s3://models/{name}.tar.gz"
        sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=SERVICE_ROLE, Tags=tags,
            PrimaryContainer={"Image": f"{name}:1", "ModelDataUrl": weights} | mode,
        )  # fmt: skip
        variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 2,
                   "InstanceType": type_, "InitialVariantWeight": 1.0}  # fmt: skip
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags)
        sagemaker.create_notebook_instance(
            NotebookInstanceName=f"nb-{name}", InstanceType="ml.p3.2xlarge", RoleArn=SERVICE_ROLE
        )
        sagemaker.create_training_job(
            TrainingJobName=f"train-{name}", RoleArn=SERVICE_ROLE, Tags=tags,
            AlgorithmSpecification={"TrainingInputMode": "File", "TrainingImage": "x"},
            InputDataConfig=[{"ChannelName": "all", "DataSource": {"S3DataSource": {
                "S3DataType": "S3Prefix", "S3Uri": f"s3://data/{name}"}}}],
            OutputDataConfig={"S3OutputPath": "s3://models/out"},
            ResourceConfig={"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2,
                            "VolumeSizeInGB": 10},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )  # fmt: skip
    return made


def seen(location="aws:eu-central-1,us-east-1", told=None, **options):
    spec = SourceSpec(type=SourceType.AWS, location=location, options={"tries": "1"} | options)
    return seen_by(spec, WINDOW, told)


def of_kind(rows, kind, platform="aws-us-east-1"):
    held = [row for row in rows["subjects"] if row["subject_kind"] == kind]
    return [row for row in held if row["platform"] == platform]


def gaps(rows):
    return {(row["file"], row["column"]): row["reason"] for row in rows.get("rejected", [])}


def refusal(status, code):
    """As SageMaker says it."""
    body = json.dumps({"__type": code, "message": "no"}).encode()
    return Answer(status, body, {"Content-Type": "application/x-amz-json-1.1"})


def test_what_stands_in_each_region_is_found_with_the_id_of_its_bill(account, whole):
    assert "rejected" not in whole
    rows = {row["resource_id"]: row for row in whole["subjects"]}
    for region, made in account.made.items():
        arn = f"arn:aws:ec2:{region}:{ACCOUNT}"
        machine = rows[f"{arn}:instance/{made['p4d.24xlarge']}"]
        assert (machine["gpus"], machine["accelerator"], machine["state"]) == (8, "A100", "running")
        assert machine["labels"] == '{"team":"rag"}'
        assert machine["platform"] == f"aws-{region}"
        assert rows[f"{arn}:instance/{made['m5.large']}"]["gpus"] is None
        volume = rows[f"{arn}:volume/{made['volume']}"]
        assert (volume["state"], volume["bytes"]) == ("available", 100 << 30)
        assert rows[f"{arn}:snapshot/{made['snapshot']}"]["parent_uid"] == made["volume"]


def test_things_of_two_regions_never_share_a_uid(whole):
    rows = whole["subjects"]
    assert len({(row["subject_kind"], row["subject_uid"]) for row in rows}) == len(rows)


def test_endpoints_tell_their_models_weights_and_accelerators(whole):
    found = {row["name"]: row for row in of_kind(whole, "endpoint")}
    one, many = found["reader"], found["scorer"]
    assert (one["model"], one["artefact"]) == ("reader", "s3://models/reader.tar.gz")
    assert (one["gpus"], one["accelerator"]) == (8, "T4")  # two machines with four
    assert one["uses"] == '["s3://models/reader.tar.gz"]'
    assert one["labels"] == '{"team":"reader"}'
    assert (many["gpus"], many["artefact"]) == (None, "s3://models/many/")
    assert json.loads(many["attributes"])["mode"] == "multi-model"
    models = {row["name"]: row["artefact"] for row in of_kind(whole, "model-version")}
    assert models == {"reader": "s3://models/reader.tar.gz", "scorer": "s3://models/many/"}


def test_a_change_of_a_notebook_is_not_its_use(whole):
    held = of_kind(whole, "notebook")
    assert {row["name"] for row in held} == {"nb-reader", "nb-scorer"}
    assert {(row["last_used"], row["gpus"], row["accelerator"]) for row in held} == {
        (None, 1, "V100")
    }


def test_training_jobs_are_runs_with_their_gpus_and_data(whole):
    runs = {row["name"]: row for row in whole["runs"]}
    assert set(runs) == {"train-reader", "train-scorer"}
    assert {(row["gpus"], row["model"], row["subject_kind"]) for row in runs.values()} == {
        (16, "A100", "job")
    }
    uses = {row["name"]: row["uses"] for row in of_kind(whole, "job")}
    assert uses == {f"train-{name}": f'["s3://data/{name}"]' for name in ("reader", "scorer")}


def test_all_pages_are_read(door, monkeypatch):
    for service in ("ec2", "sagemaker"):
        monkeypatch.setitem(aws_account.PAGE, service, 5 if service == "ec2" else 1)
    found = seen("aws:us-east-1")
    assert "rejected" not in found
    assert {row["name"] for row in of_kind(found, "endpoint")} == {"reader", "scorer"}
    assert door.count("SageMaker.ListEndpoints") >= 2


def test_a_throttle_on_a_later_page_keeps_what_was_seen_and_is_told(door, monkeypatch):
    monkeypatch.setitem(aws_account.PAGE, "sagemaker", 1)

    def throttle(asked):
        later = "ListEndpoints" in asked.text and "NextToken" in asked.text
        return refusal(400, "ThrottlingException") if later else None

    door.rule, told = throttle, []
    found = seen("aws:us-east-1", told)
    assert len(of_kind(found, "endpoint")) == 1
    reason = gaps(found)["aws:us-east-1", "endpoint"]
    assert reason.startswith("sagemaker:ListEndpoints failed (ThrottlingException")
    assert any(isinstance(event, Notice) for event in told)


def test_a_throttle_that_passes_is_waited_for(door):
    def once(asked):
        first = door.count("ListEndpoints") == 1
        return refusal(400, "ThrottlingException") if first and "ListEndpoi" in asked.text else None

    door.rule = once
    found = seen("aws:us-east-1", tries="3")
    assert "rejected" not in found
    assert len(of_kind(found, "endpoint")) == 2


def test_tags_that_may_not_be_read_cost_only_the_tags(door):
    door.rule = lambda asked: (
        refusal(400, "AccessDeniedException") if "SageMaker.ListTags" in asked.text else None
    )
    found = seen("aws:us-east-1")
    assert len(of_kind(found, "endpoint")) == len(of_kind(found, "notebook")) == 2
    assert gaps(found)["aws:us-east-1", "endpoint"] == (
        "may not sagemaker:ListTags: grant sagemaker:ListTags (2 times)"
    )
    assert door.count("SageMaker.ListTags") == 1  # who is refused once does not ask on


def test_one_thing_that_cannot_be_described_is_kept_with_what_is_known(door):
    door.rule = lambda asked: (
        refusal(500, "InternalFailure")
        if "DescribeEndpoint" in asked.text and "reader" in asked.text else None
    )  # fmt: skip
    found = seen("aws:us-east-1")
    held = {row["name"]: row for row in of_kind(found, "endpoint")}
    assert (held["reader"]["artefact"], held["reader"]["state"]) == (None, "inservice")
    assert held["scorer"]["artefact"] == "s3://models/many/"
    assert "sagemaker:DescribeEndpoint failed" in gaps(found)["aws:us-east-1", "endpoint"]


def test_a_service_that_fails_again_and_again_is_not_asked_on(door):
    door.rule = lambda asked: refusal(500, "InternalFailure") if "SageMaker" in asked.text else None
    found = seen("aws:us-east-1")
    assert door.count("SageMaker") == 3
    kinds = {"model", "endpoint", "notebook", "training job"}
    assert {column for _, column in gaps(found)} == kinds
    assert of_kind(found, "volume")


def test_half_an_answer_is_a_gap_and_never_nothing_there(door):
    def half(asked):
        if "DescribeVolumes" in asked.text:
            return Answer(200, b"<DescribeVolumesResponse><volumeSet><item><volu", {})
        return Answer(200, b'{"Endpo', {}) if "SageMaker.ListEndpoints" in asked.text else None

    door.rule = half
    found = seen("aws:us-east-1")
    assert {column for _, column in gaps(found)} == {"volume", "endpoint"}
    assert of_kind(found, "instance")


def test_an_answer_cut_off_is_a_gap(door):
    door.rule = lambda asked: (
        Answer(200, b"<DescribeSnapshotsResponse>", cut=True)
        if "DescribeSnapshots" in asked.text else None
    )  # fmt: skip
    found = seen("aws:us-east-1")
    assert list(gaps(found)) == [("aws:us-east-1", "snapshot")]


def test_a_region_that_lets_nobody_in_is_a_gap_and_the_others_go_on(door):
    body = b"<Response><Errors><Error><Code>AuthFailure</Code></Error></Errors></Response>"

    def closed(asked):
        who = asked.headers["authorization"]
        return Answer(401, body) if "eu-central-1" in who and "/sts/" not in who else None

    door.rule = closed
    found = seen()
    assert {row["platform"] for row in found["subjects"]} == {"aws-us-east-1"}
    told = gaps(found)
    assert {file for file, _ in told} == {"aws:eu-central-1"}
    assert {column for _, column in told} >= {"instance", "volume", "endpoint", "training job"}
    assert "enable the region" in told["aws:eu-central-1", "instance"]


@pytest.mark.parametrize(
    "chosen",
    [
        lambda all_: [[one for one in all_ if "List" in one and "Tags" not in one]],
        pytest.param(lambda all_: [[one] for one in all_], marks=pytest.mark.deep),
    ],
    ids=["what-is-listed", "each-alone"],
)
def test_the_shipped_role_is_enough_and_what_is_missing_of_it_is_named(door, monkeypatch, chosen):
    """Moto checks the policy on every call."""
    import urllib.request

    iam, policy = client("iam"), json.loads(ROLE.read_text())
    name = f"watermaster-{len(iam.list_users()['Users'])}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = [(key["AccessKeyId"], key["SecretAccessKey"]), ("test", "test")]

    def count(text):
        address, kind = f"{door.address}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = urllib.request.Request(address, text.encode(), kind)
        urllib.request.urlopen(request, timeout=10).close()

    def as_user(who):
        for variable, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), keys[who],
                               strict=True):  # fmt: skip
            monkeypatch.setenv(variable, value)

    def seen_with(*, missing):
        held = json.loads(json.dumps(policy))
        held["Statement"][0]["Action"] = [
            one for one in held["Statement"][0]["Action"] if one not in missing
        ]
        count("inf")
        as_user(1)
        iam.put_user_policy(UserName=name, PolicyName="read",
                            PolicyDocument=json.dumps(held))  # fmt: skip
        as_user(0)
        count("0")
        return seen("aws:us-east-1")

    try:
        assert "rejected" not in seen_with(missing=())
        for missing in chosen(policy["Statement"][0]["Action"]):
            told = gaps(seen_with(missing=missing)).values()
            named = {one.split(": grant ")[1].split(" (")[0] for one in told}
            assert named == set(missing)
    finally:
        count("inf")


def test_accelerators_are_known_without_asking_ec2(door):
    """Held beside what EC2 itself tells, as moto has captured it."""
    told = client("ec2").get_paginator("describe_instance_types").paginate()
    known = {one["InstanceType"]: one.get("GpuInfo", {}).get("Gpus") for page in told
             for one in page["InstanceTypes"]}  # fmt: skip
    families = {"p3", "p3dn", "p4d", "p4de", "p5", "g4dn", "g5", "g6", "g6e", "dl1"}
    held = {name: gpus for name, gpus in known.items() if name.split(".")[0] in families}
    assert len(held) > 30
    for name, gpus in held.items():
        assert listed(name) == (sum(one["Count"] for one in gpus), gpus[0]["Name"]), name
    assert listed("m5.large") == (0, None)


def test_a_region_that_is_none_is_a_gap(door):
    found = seen("aws:us-east-1,no such region")
    assert {row["platform"] for row in found["subjects"]} == {"aws-us-east-1"}
    assert {file for file, _ in gaps(found)} == {"aws:no such region"}


def test_an_account_that_cannot_be_asked_is_an_error(door, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BadInputError, match="aws sts get-caller-identity"):
        seen("aws:eu-central-1")


def test_a_location_without_a_region_is_an_error():
    for location in ("aws:", "eu-central-1"):
        with pytest.raises(BadInputError, match="names no AWS region"):
            seen(location)
