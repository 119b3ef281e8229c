"""Things made in an account are found there, by the ids bills name them by."""

import datetime as dt

import pytest

from tests.observe.rows import seen_by
from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.units.periods import Period

pytestmark = pytest.mark.xdist_group("moto")  # one server for the module
ACCOUNT = "123456789012"
REGIONS = ("eu-central-1", "us-east-1")
TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Period(TODAY - dt.timedelta(days=3), TODAY + dt.timedelta(days=1))
ROLE = "arn:aws:iam::123456789012:role/sagemaker"


@pytest.fixture(scope="module")
def account():
    """An account in two regions: GPU machines, volumes, snapshots, endpoints, notebooks."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "test")
    made = {region: _made(region) for region in REGIONS}
    yield made
    patch.undo()
    server.stop()


def _made(region):
    from botocore.session import Session

    session = Session()
    ec2, sagemaker = (session.create_client(n, region_name=region) for n in ("ec2", "sagemaker"))
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
    for name in ("reader", "scorer"):
        sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": "x", "ModelDataUrl": f"s3://models/{name}.tar.gz"},
        )  # fmt: skip
        variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1,
                   "InstanceType": "ml.g4dn.xlarge", "InitialVariantWeight": 1.0}  # fmt: skip
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name,
                                  Tags=[{"Key": "team", "Value": name}])  # fmt: skip
        sagemaker.create_notebook_instance(
            NotebookInstanceName=f"nb-{name}", InstanceType="ml.t2.medium", RoleArn=ROLE
        )
    return made


def seen(location="aws:eu-central-1,us-east-1", told=None):
    return seen_by(SourceSpec(type=SourceType.AWS, location=location), WINDOW, told)


def test_what_stands_in_each_region_is_found_with_the_id_of_its_bill(account):
    rows = {row["resource_id"]: row for row in seen()["subjects"]}
    for region, made in account.items():
        arn = f"arn:aws:ec2:{region}:{ACCOUNT}"
        machine = rows[f"{arn}:instance/{made['p4d.24xlarge']}"]
        assert (machine["gpus"], machine["state"]) == (8, "running")
        assert machine["labels"] == '{"team":"rag"}'
        assert machine["platform"] == f"aws-{region}"
        assert rows[f"{arn}:instance/{made['m5.large']}"]["gpus"] is None
        volume = rows[f"{arn}:volume/{made['volume']}"]
        assert (volume["state"], volume["bytes"]) == ("available", 100 << 30)
        assert rows[f"{arn}:snapshot/{made['snapshot']}"]["parent_uid"] == made["volume"]


def test_endpoints_tell_the_model_they_serve_and_where_its_weights_lie(account):
    found = [row for row in seen()["subjects"] if row["subject_kind"] == "endpoint"]
    assert (
        sorted((row["model"], row["artefact"]) for row in found)
        == [("reader", "s3://models/reader.tar.gz")] * 2
        + [("scorer", "s3://models/scorer.tar.gz")] * 2
    )
    assert {row["labels"] for row in found} == {'{"team":"reader"}', '{"team":"scorer"}'}
    notebooks = [row for row in seen()["subjects"] if row["subject_kind"] == "notebook"]
    assert {row["name"] for row in notebooks} == {"nb-reader", "nb-scorer"}


def test_a_kind_that_may_not_be_listed_is_told_and_the_rest_is_kept(account, monkeypatch):
    from botocore.exceptions import ClientError

    from watermaster.observe import aws

    def deny(_page):
        error = {"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}
        raise ClientError(error, "DescribeSnapshots")

    def denied(_client, _place):
        return map(deny, [1])

    monkeypatch.setitem(aws._KINDS, "snapshot", denied)
    told = []
    rows = seen("aws:eu-central-1", told)
    (unread,) = rows["rejected"]
    assert (unread["row"], unread["column"]) == (0, "snapshot")
    assert "grant DescribeSnapshots" in unread["reason"]
    assert any(isinstance(event, Notice) for event in told)
    kinds = {row["subject_kind"] for row in rows["subjects"]}
    assert kinds >= {"instance", "volume", "endpoint", "notebook"}
    assert "snapshot" not in kinds


def test_an_account_that_cannot_be_asked_is_an_error(account, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BadInputError, match="aws sts get-caller-identity"):
        seen("aws:eu-central-1")


def test_a_location_without_a_region_is_an_error():
    for location in ("aws:", "eu-central-1"):
        with pytest.raises(BadInputError, match="names no AWS region"):
            seen(location)
