"""What is done to AWS is done once, taken back whole, and refused where the world has changed.

Against moto's server, which is a double of AWS.
"""

import json
import urllib.request
from pathlib import Path

import pytest

from tests.act.aws_work import case, held, lost_answer, remedy, target
from tests.act.conftest import REGION
from tests.doors import Answer
from watermaster.act import verbs
from watermaster.act.aws_account import tags_of
from watermaster.model.acts import shows
from watermaster.model.errors import (
    BadResourceError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from watermaster.testing.act_conformance import conforms, refuses_a_changed_world

pytestmark = pytest.mark.xdist_group("moto")  # one worker: moto's state is the process's
ROLES = Path(verbs.__file__).with_name("roles")
ACCOUNT = "123456789012"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker"


# ---- volumes ----


def volume(ec2, **more):
    """Of type gp3 unless told otherwise; None: not said."""
    tags = [{"Key": "Name", "Value": "weights"}, {"Key": "team", "Value": "rag"}]
    asked = {"AvailabilityZone": f"{REGION}b", "Size": 20, "VolumeType": "gp3", "Iops": 4000,
             "Throughput": 250,
             "TagSpecifications": [{"ResourceType": "volume", "Tags": tags}]} | more  # fmt: skip
    made = ec2.create_volume(**{key: value for key, value in asked.items() if value is not None})
    return made["VolumeId"]


def volumes(ec2):
    """All volumes, and the snapshots that fixes made; moto brings a thousand others."""
    snapshots = kept(ec2)
    return json.dumps([ec2.describe_volumes()["Volumes"], snapshots], sort_keys=True, default=str)


def kept(ec2):
    ours = [{"Name": "tag-key", "Values": ["watermaster-fix"]}]
    return ec2.describe_snapshots(Filters=ours)["Snapshots"]


def made_by(ec2, one):
    (new,) = ec2.describe_volumes(
        Filters=[{"Name": "tag:watermaster-fix", "Values": [one.fix]}]
    )["Volumes"]  # fmt: skip
    return new


ENCRYPTED = {"VolumeType": "io2", "Iops": 5000, "Throughput": None, "Encrypted": True}
SLOW = {"VolumeType": "st1", "Iops": None, "Throughput": None, "Size": 500}


@pytest.mark.parametrize("more", [
    {}, pytest.param(ENCRYPTED, marks=pytest.mark.deep), pytest.param(SLOW, marks=pytest.mark.deep),
])  # fmt: skip
def test_a_volume_is_kept_as_a_snapshot_deleted_and_made_again(aws, more):
    ec2 = aws.client("ec2")
    other, id_ = volume(ec2), volume(ec2, **more)
    was = ec2.describe_volumes(VolumeIds=[id_])["Volumes"][0]
    one = case(remedy("snapshot-delete", "volume", id_, account=ACCOUNT), lambda: volumes(ec2))
    keep, gone = conforms(one)
    assert (keep.verb, gone.verb) == ("snapshot", "delete")
    new = made_by(ec2, one)
    same = ("Size", "VolumeType", "Iops", "Throughput", "AvailabilityZone", "Encrypted", "KmsKeyId")
    assert {key: new.get(key) for key in same} == {key: was.get(key) for key in same}
    assert [tag for tag in new["Tags"] if tag["Key"] != "watermaster-fix"] == was["Tags"]
    assert new["VolumeId"] != id_
    assert ec2.describe_volumes(VolumeIds=[other])["Volumes"]
    assert kept(ec2) == []


def machine(ec2, **more):
    from moto.ec2.models import ec2_backends

    image = next(iter(ec2_backends[ACCOUNT][REGION].amis))  # to list them all takes 2 s
    run = ec2.run_instances(ImageId=image, InstanceType="p4d.24xlarge", MinCount=1, MaxCount=1,
                            Placement={"AvailabilityZone": f"{REGION}b"}, **more)  # fmt: skip
    return run["Instances"][0]["InstanceId"]


def test_a_volume_that_was_attached_meanwhile_is_left_alone(aws):
    ec2 = aws.client("ec2")
    id_, user = volume(ec2), machine(ec2)
    one = case(remedy("snapshot-delete", "volume", id_), lambda: volumes(ec2))

    def attach():
        ec2.attach_volume(VolumeId=id_, InstanceId=user, Device="/dev/sdh")

    refuses_a_changed_world(one, attach)
    with pytest.raises(RefusedError, match="is in-use, not available"):
        target().steps(one.remedy)


def test_a_volume_attached_after_its_snapshot_is_not_deleted(aws):
    ec2 = aws.client("ec2")
    id_, user = volume(ec2), machine(ec2)
    one = case(remedy("snapshot-delete", "volume", id_), lambda: volumes(ec2))
    keep, gone = target().steps(one.remedy)
    left = target().do(keep, held(one))
    ec2.attach_volume(VolumeId=id_, InstanceId=user, Device="/dev/sdh")
    with pytest.raises(RefusedError, match=r"now \{'state': 'in-use'"):
        target().do(gone, held(one, 1, **left))
    target().undo(gone, held(one, 1, **left))
    target().undo(keep, held(one, **left))
    assert ec2.describe_volumes(VolumeIds=[id_])["Volumes"]
    assert left["snapshot"] not in volumes(ec2)


def test_the_snapshot_that_alone_holds_the_content_is_never_deleted(aws):
    ec2 = aws.client("ec2")
    id_ = volume(ec2)
    one = case(remedy("snapshot-delete", "volume", id_), lambda: volumes(ec2))
    keep, gone = target().steps(one.remedy)
    left = target().do(keep, held(one))
    target().do(gone, held(one, 1, **left))
    with pytest.raises(RefusedError, match=f"only {left['snapshot']} holds its content"):
        target().undo(keep, held(one, **left))
    before = dict(keep.seen)  # all that is known where the fix died before it looked
    back = target().undo(gone, held(one, 1, before=before, **left))
    assert back == {"volume": made_by(ec2, one)["VolumeId"]}
    target().undo(keep, held(one, **left))


def test_a_snapshot_whose_answer_was_lost_is_not_made_twice(aws):
    ec2 = aws.client("ec2")
    id_ = volume(ec2)
    one = case(remedy("snapshot-delete", "volume", id_), lambda: volumes(ec2))
    keep, _ = target().steps(one.remedy)
    aws.door.rule = lost_answer(aws.door, "CreateSnapshot")
    left = target().do(keep, held(one))
    assert target().do(keep, held(one)) == left
    assert [each["SnapshotId"] for each in kept(ec2)] == [left["snapshot"]]
    target().undo(keep, held(one, **left))


# ---- instances ----


def instances(ec2):
    """State and tags of each."""
    return [
        (one["InstanceId"], one["State"]["Name"], one.get("Tags"))
        for held_ in ec2.describe_instances()["Reservations"] for one in held_["Instances"]
    ]  # fmt: skip


def test_an_instance_is_stopped_and_started_again(aws):
    ec2 = aws.client("ec2")
    machine(ec2), machine(ec2)
    arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{machine(ec2)}"
    before = instances(ec2)
    told = remedy("stop", "instance", arn.rpartition("/")[2], resource_id=arn, account=ACCOUNT)
    (step,) = conforms(case(told, lambda: instances(ec2)))
    assert "local disks" in step.undo
    assert instances(ec2) == before


def test_an_instance_that_somebody_else_stopped_is_not_started_by_an_undo(aws):
    ec2 = aws.client("ec2")
    id_ = machine(ec2)
    one = case(remedy("stop", "instance", id_), lambda: instances(ec2))
    refuses_a_changed_world(one, lambda: ec2.stop_instances(InstanceIds=[id_]))
    with pytest.raises(RefusedError, match="is stopped; nothing is left to stop"):
        target().steps(one.remedy)


def test_an_instance_of_a_group_or_a_spot_one_is_not_stopped(aws):
    ec2 = aws.client("ec2")
    tags = [{"ResourceType": "instance",
             "Tags": [{"Key": "aws:autoscaling:groupName", "Value": "nodes"}]}]  # fmt: skip
    spot = machine(ec2, InstanceMarketOptions={"MarketType": "spot"})
    for id_, what in ((spot, "spot"), (machine(ec2, TagSpecifications=tags), "group nodes")):
        with pytest.raises(RefusedError, match=what):
            target().steps(remedy("stop", "instance", id_))


# ---- endpoints ----


def endpoint(sagemaker, name, machines=2):
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=SERVICE_ROLE,
        PrimaryContainer={"Image": f"{name}:1", "ModelDataUrl": f"s3://models/{name}.tar.gz"},
    )  # fmt: skip
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": machines,
               "InstanceType": "ml.g4dn.xlarge", "InitialVariantWeight": 1.0}  # fmt: skip
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    tags = [{"Key": "team", "Value": name}, {"Key": "aws:cloudformation:stack", "Value": "x"}]
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tags[:1])
    return f"{ACCOUNT}/{REGION}/{name}"


def endpoints(sagemaker):
    """Each with its config, machines and tags."""
    found = []
    for one in sagemaker.list_endpoints()["Endpoints"]:
        told = sagemaker.describe_endpoint(EndpointName=one["EndpointName"])
        tags = sagemaker.list_tags(ResourceArn=told["EndpointArn"])["Tags"]
        machines = [each["DesiredInstanceCount"] for each in told["ProductionVariants"]]
        found.append((one["EndpointName"], told["EndpointConfigName"], tags, machines))
    return found


def test_an_endpoint_is_deleted_and_created_again_from_its_config(aws):
    sagemaker = aws.client("sagemaker")
    uid, _ = endpoint(sagemaker, "reader"), endpoint(sagemaker, "scorer")
    before = endpoints(sagemaker)
    told = remedy("scale", "endpoint", uid, replicas=0, account=ACCOUNT)
    (step,) = conforms(case(told, lambda: endpoints(sagemaker)))
    assert step.undo == "created again from its config reader"
    assert sorted(endpoints(sagemaker)) == sorted(before)


def test_a_deletion_whose_answer_was_lost_counts_and_so_does_a_creation(aws):
    sagemaker, ec2 = aws.client("sagemaker"), aws.client("ec2")
    uid, before = endpoint(sagemaker, "hasty"), endpoints(sagemaker)
    one = case(remedy("scale", "endpoint", uid, replicas=0), lambda: endpoints(sagemaker))
    (step,) = target().steps(one.remedy)
    world = target().look(step, held(one))
    for words, do in (("DeleteEndpoint", target().do), ("CreateEndpoint", target().undo)):
        aws.door.asked.clear()
        aws.door.rule = lost_answer(aws.door, f"SageMaker.{words} ")
        do(step, held(one, before=world))
        assert aws.door.count(f"SageMaker.{words} ") == 2
    assert sorted(endpoints(sagemaker)) == sorted(before)
    two = case(remedy("snapshot-delete", "volume", volume(ec2)), lambda: volumes(ec2))
    keep, gone = target().steps(two.remedy)
    left = target().do(keep, held(two))
    for words, do, each in (("DeleteVolume", target().do, gone), ("x", target().undo, gone),
                            ("DeleteSnapshot", target().undo, keep)):  # fmt: skip
        aws.door.rule = lost_answer(aws.door, words)
        do(each, held(two, before=dict(keep.seen), **left))
    assert made_by(ec2, two)
    assert kept(ec2) == []


@pytest.mark.deep
def test_an_endpoint_whose_config_is_gone_is_not_deleted(aws):
    sagemaker = aws.client("sagemaker")
    uid = endpoint(sagemaker, "lost")
    one = case(remedy("scale", "endpoint", uid, replicas=0), lambda: endpoints(sagemaker))
    gone = {"EndpointConfigName": "lost"}
    refuses_a_changed_world(one, lambda: sagemaker.delete_endpoint_config(**gone))
    with pytest.raises(RefusedError, match="no way back"):
        target().steps(one.remedy)


@pytest.mark.deep
def test_an_endpoint_gets_fewer_machines_and_as_many_again(aws):
    sagemaker = aws.client("sagemaker")
    uid = endpoint(sagemaker, "wide", machines=4)
    before = endpoints(sagemaker)
    told = remedy("scale", "endpoint", uid, replicas=1)
    (step,) = conforms(case(told, lambda: endpoints(sagemaker)))
    assert (step.seen["instances"], step.want["instances"]) == ({"all": 4}, {"all": 1})
    assert endpoints(sagemaker) == before


# ---- tags ----


def test_a_missing_tag_is_written_and_removed_and_another_value_put_back(aws):
    ec2, sagemaker, s3 = (aws.client(name) for name in ("ec2", "sagemaker", "s3"))
    endpoint(sagemaker, "tagged")
    s3.create_bucket(Bucket="tagged", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_tagging(Bucket="tagged", Tagging={"TagSet": [{"Key": "env", "Value": "prod"}]})
    s3.create_bucket(Bucket="bare", CreateBucketConfiguration={"LocationConstraint": REGION})
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/tagged"
    wanted = {"team": "new", "cost-centre": "42"}
    for kind, uid, more in (
        ("volume", volume(ec2), {}), ("instance", machine(ec2), {}),
        ("endpoint", f"{ACCOUNT}/{REGION}/tagged", {"resource_id": arn}),
        ("bucket", "s3://tagged", {}), ("bucket", "s3://bare", {}),
    ):  # fmt: skip
        told = remedy("tag", kind, uid, tags=wanted, **more)
        (step,) = conforms(case(told, lambda: None))
        assert "cost-centre is removed" in step.undo
    assert s3.get_bucket_tagging(Bucket="tagged")["TagSet"] == [{"Key": "env", "Value": "prod"}]


def test_what_has_no_call_of_its_own_is_tagged_by_the_tagging_api(aws):
    made = aws.client("efs").create_file_system(CreationToken="shared")
    told = remedy("tag", "filesystem", "shared", tags={"team": "rag"},
                  resource_id=made["FileSystemArn"])  # fmt: skip
    conforms(case(told, lambda: None))
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/none"  # what moto's cannot tag
    one = case(remedy("tag", "repository", "none", tags={"a": "b"}, resource_id=arn), lambda: None)
    (step,) = target().steps(one.remedy)
    with pytest.raises(verbs.PlatformError, match="could not be tagged"):
        target().do(step, held(one))
    with pytest.raises(RefusedError, match="has no ARN"):
        target().steps(remedy("tag", "repository", "none", tags={"a": "b"}))


def test_a_tag_that_was_changed_meanwhile_is_kept(aws):
    ec2 = aws.client("ec2")
    id_ = volume(ec2)
    told = remedy("tag", "volume", id_, tags={"team": "new"})
    other = [{"Key": "team", "Value": "by-hand"}]
    refuses_a_changed_world(case(told, lambda: volumes(ec2)),
                            lambda: ec2.create_tags(Resources=[id_], Tags=other))  # fmt: skip
    one = case(remedy("tag", "volume", id_, tags={"team": "new", "x": "y"}), lambda: volumes(ec2))
    (step,) = target().steps(one.remedy)
    target().do(step, held(one))
    ec2.create_tags(Resources=[id_], Tags=[{"Key": "team", "Value": "since"}])
    target().undo(step, held(one))
    (left,) = ec2.describe_volumes(VolumeIds=[id_])["Volumes"]
    assert tags_of(left["Tags"]) == {"team": "since", "Name": "weights"}


# ---- what is refused, and by whom ----


def refusal(code, status=403):
    body = (f"<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors>"
            "<RequestID>1</RequestID></Response>")  # fmt: skip
    return Answer(status, body.encode(), {"Content-Type": "text/xml"})


def test_a_permission_that_is_missing_is_named(aws):
    ec2 = aws.client("ec2")
    one = case(remedy("snapshot-delete", "volume", volume(ec2)), lambda: volumes(ec2))
    keep, _ = target().steps(one.remedy)
    aws.door.rule = lambda asked: (
        refusal("UnauthorizedOperation") if "CreateSnapshot" in asked.text else None
    )
    with pytest.raises(NotAllowedError, match=r"may not ec2:CreateSnapshot .* grant ec2:CreateSna"):
        target().do(keep, held(one))


def test_a_throttled_call_is_made_again(aws):
    ec2 = aws.client("ec2")
    told, refused = remedy("tag", "volume", volume(ec2), tags={"team": "new"}), []

    def once(asked):
        if "CreateTags" in asked.text and not refused:
            refused.append(asked)
            return refusal("RequestLimitExceeded", 503)
        return None

    aws.door.rule = once
    (step,) = target().steps(told)
    one = case(told, lambda: None)
    target().do(step, held(one))
    assert refused
    assert shows(target().look(step, held(one)), step.want)


def test_a_thing_of_another_account_is_refused(aws):
    id_ = volume(aws.client("ec2"))
    with pytest.raises(RefusedError, match="lies in account 999999999999, and profile writer"):
        target().steps(remedy("tag", "volume", id_, tags={"a": "b"}, account="999999999999"))


def test_nothing_is_changed_without_a_profile_named_to_write(aws):
    with pytest.raises(BadResourceError, match="no credentials that may write"):
        target(profile="")
    with pytest.raises(BadResourceError, match="'nobody' is no profile"):
        target(profile="nobody").steps(remedy("stop", "instance", "i-1"))


def test_what_is_gone_is_said_to_be_gone(aws):
    for told in (remedy("snapshot-delete", "volume", "vol-0123456789abcdef0"),
                 remedy("stop", "instance", "i-0123456789abcdef0"),
                 remedy("scale", "endpoint", f"{ACCOUNT}/{REGION}/nowhere", replicas=0),
                 remedy("tag", "volume", "vol-0123456789abcdef0", tags={"a": "b"}),
                 remedy("expire", "prefix", "s3://nowhere/at/all")):  # fmt: skip
        with pytest.raises(NotFoundError):
            target().steps(told)
    with pytest.raises(RefusedError, match="cannot cancel here; it can expire, replicate, scale"):
        target().steps(remedy("cancel", "job", "1"))


# ---- what each verb may do ----


@pytest.fixture
def limited(aws, tmp_path, monkeypatch):
    """A profile that has one shipped policy and nothing else; moto checks it on every call."""
    iam = aws.client("iam")
    name = f"watermaster-{len(iam.list_users()['Users'])}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    config = tmp_path / "config"
    config.write_text(
        f"[profile limited]\naws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    def from_now(count):
        address, kind = f"{aws.door.address}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = urllib.request.Request(address, count.encode(), kind)
        urllib.request.urlopen(request, timeout=10).close()

    def given(verb, missing=None):
        from_now("inf")
        policy = json.loads((ROLES / f"aws-{verb}.json").read_text())
        for one in policy["Statement"]:
            one["Action"] = [each for each in one["Action"] if each != missing]
            one.pop("Condition", None)  # moto knows no conditions, and few resources
            one["Resource"] = "*"
        policy["Statement"] = [one for one in policy["Statement"] if one["Action"]]
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
        from_now("0")
        return target(profile="limited", user=name)

    yield given
    from_now("inf")


@pytest.mark.deep
def test_the_policy_of_a_verb_is_enough_and_what_is_missing_of_it_is_named(aws, limited):
    ec2, sagemaker, s3 = (aws.client(name) for name in ("ec2", "sagemaker", "s3"))
    s3.create_bucket(Bucket="policies", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="policies", Key="a/b", Body=b"x")
    released = remedy("scale", "endpoint", endpoint(sagemaker, "policed"), replicas=0)
    copied = remedy("replicate", "prefix", "s3://policies/a", to="s3://policies/copy")
    spare = remedy("snapshot-delete", "volume", volume(ec2))
    for told, missing in (
        (remedy("snapshot-delete", "volume", volume(ec2)), "ec2:CreateSnapshot"),
        (remedy("stop", "instance", machine(ec2)), "ec2:StopInstances"),
        (released, "sagemaker:DeleteEndpoint"),
        (remedy("tag", "volume", volume(ec2), tags={"a": "b"}), "ec2:CreateTags"),
        (remedy("expire", "prefix", "s3://policies/a"), "s3:PutLifecycleConfiguration"),
        (copied, "s3:PutObject"),
    ):
        able, one = limited(told.verb), case(told, lambda: None)
        left = {}
        for number, step in enumerate(steps := able.steps(told)):
            world = able.look(step, held(one, number, **left))
            left |= able.do(step, held(one, number, before=world, **left))
        for number, step in reversed(list(enumerate(steps))):
            able.undo(step, held(one, number, before=world, **left))
        more = case(spare if told.verb == spare.verb else told, lambda: None)
        unable = limited(told.verb, missing)
        with pytest.raises(NotAllowedError, match=f"may not {missing}"):
            unable.do(unable.steps(more.remedy)[0], held(more))
