"""Prefixes in S3 expire and are copied as planned; what others wrote is never touched.

Against moto's server, which is a double of S3.
"""

import datetime as dt
from uuid import uuid4

import pytest

from tests.act.aws_work import case, held, lost_answer, remedy, target
from tests.act.conftest import OTHER, REGION
from tests.doors import Answer
from watermaster.model.acts import shows
from watermaster.model.errors import NotAllowedError, NotFoundError, RefusedError
from watermaster.testing.act_conformance import conforms, refuses_a_changed_world

pytestmark = pytest.mark.xdist_group("moto")
FILES = {"runs/one/model.bin": b"w" * 5000, "runs/one/state/0.pt": b"s" * 70,
         "runs/one/empty": b"", "runs/one-more/model.bin": b"o" * 10,
         "runs/two/model.bin": b"t" * 20}  # fmt: skip
PLAIN = {"ID": "by-hand", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
         "Expiration": {"Days": 7}}  # fmt: skip
OLD = {"ID": "old-form", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 7}}


@pytest.fixture
def bucket(aws):
    """One with two checkpoints and their like."""
    s3, name = aws.client("s3"), f"runs-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key, body in FILES.items():
        s3.put_object(Bucket=name, Key=key, Body=body)
    return name


@pytest.fixture
def archive(aws):
    """An empty one in another region, but for what somebody else keeps there."""
    s3, name = aws.client("s3", OTHER), f"archive-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": OTHER})
    s3.put_object(Bucket=name, Key="kept/by-others", Body=b"x")
    return name


def rules(aws, bucket):
    """None where there is no configuration."""
    s3 = aws.client("s3")
    try:
        return s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except s3.exceptions.ClientError:
        return None


def keys(aws, bucket, region=REGION):
    told = aws.client("s3", region).list_objects_v2(Bucket=bucket)
    return {one["Key"]: one["ETag"] for one in told.get("Contents", [])}


def expiry(bucket, prefix="runs/one"):
    return remedy("expire", "checkpoint", f"s3://{bucket}/{prefix}")


# ---- expire ----


@pytest.mark.parametrize("before", [None, [PLAIN], [OLD]], ids=["none", "one", "old-form"])
def test_a_rule_is_added_and_only_it_is_removed_again(aws, bucket, before):
    s3 = aws.client("s3")
    if before:
        s3.put_bucket_lifecycle_configuration(Bucket=bucket,
                                              LifecycleConfiguration={"Rules": before})  # fmt: skip
    was = rules(aws, bucket)
    one = case(expiry(bucket), lambda: [str(rules(aws, bucket)), keys(aws, bucket)])
    conforms(one)
    assert rules(aws, bucket) == was
    (step,) = target().steps(one.remedy)
    left = target().do(step, held(one))
    (ours,) = [each for each in rules(aws, bucket) if each["ID"] == left["rule"]]
    assert ours.get("Filter", ours)["Prefix"] == "runs/one/"
    day = (dt.datetime.now(dt.UTC) + dt.timedelta(days=31)).date()
    assert (ours["Expiration"]["Date"].date(), left["expires"]) == (day, day.isoformat())
    assert [each for each in rules(aws, bucket) if each["ID"] != left["rule"]] == (was or [])


def test_a_checkpoint_written_since_the_plan_does_not_expire(aws, bucket):
    one = case(expiry(bucket), lambda: [rules(aws, bucket), keys(aws, bucket)])
    refuses_a_changed_world(one, lambda: aws.client("s3").put_object(
        Bucket=bucket, Key="runs/one/model.bin", Body=b"new" * 2000))  # fmt: skip


def test_a_rule_that_others_added_meanwhile_stays(aws, bucket):
    one = case(expiry(bucket), lambda: None)
    (step,) = target().steps(one.remedy)
    target().do(step, held(one))
    both = {"Rules": [*rules(aws, bucket), PLAIN]}
    aws.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=both)
    target().undo(step, held(one))
    assert [each["ID"] for each in rules(aws, bucket)] == ["by-hand"]


def test_a_bucket_or_one_with_versions_or_nothing_is_refused(aws, bucket):
    with pytest.raises(RefusedError, match="is a whole bucket"):
        target().steps(remedy("expire", "prefix", f"s3://{bucket}"))
    with pytest.raises(NotFoundError, match="holds nothing any more"):
        target().steps(expiry(bucket, "runs/three"))
    versions = {"Status": "Enabled"}
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versions)
    with pytest.raises(RefusedError, match="is enabled: what expires is kept"):
        target().steps(expiry(bucket))
    with pytest.raises(RefusedError, match="is no place in S3"):
        target().steps(remedy("expire", "prefix", "abfs://c/p"))


def test_a_permission_that_is_missing_is_named_as_policies_name_it(aws, bucket):
    body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    one = case(expiry(bucket), lambda: None)
    (step,) = target().steps(one.remedy)
    aws.door.rule = lambda asked: (
        Answer(403, body) if asked.method == "PUT" and "lifecycle" in asked.path else None
    )
    with pytest.raises(NotAllowedError, match="may not s3:PutLifecycleConfiguration"):
        target().do(step, held(one))


# ---- replicate ----


def copying(bucket, prefix="runs/one"):
    return remedy("replicate", "checkpoint", f"s3://{bucket}/{prefix}")


def archived(aws, archive):
    def made(one):
        options = {"archive": f"s3://{archive}/wm", "archiveRegion": OTHER}
        return case(one, lambda: keys(aws, archive, OTHER), **options)

    return made


def test_a_prefix_is_copied_whole_and_only_the_copies_are_deleted_again(aws, bucket, archive):
    before = keys(aws, archive, OTHER), keys(aws, bucket)
    one = archived(aws, archive)(copying(bucket))
    conforms(one)
    assert (keys(aws, archive, OTHER), keys(aws, bucket)) == before
    (step,) = one.opened().steps(one.remedy)
    left = one.opened().do(step, held(one))
    there = keys(aws, archive, OTHER)
    for key, etag in keys(aws, bucket).items():
        assert (there.get(f"wm/{bucket}/{key}") == etag) == key.startswith("runs/one/")
    assert left["copies"] == 3
    assert shows(one.opened().look(step, held(one)), step.want)


def test_an_object_of_several_parts_is_copied_in_the_same_parts(aws, bucket, archive):
    s3, key = aws.client("s3"), "runs/big/model.bin"
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, Metadata={"run": "7"})["UploadId"]
    parts = []
    for number, body in enumerate((b"a" * (5 << 20), b"b" * (5 << 20), b"c" * 100), start=1):
        told = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": told["ETag"]})
    s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload,
                                 MultipartUpload={"Parts": parts})  # fmt: skip
    one = archived(aws, archive)(copying(bucket, "runs/big"))
    (step,) = one.opened().steps(one.remedy)
    one.opened().do(step, held(one))
    assert keys(aws, archive, OTHER)[f"wm/{bucket}/{key}"] == keys(aws, bucket)[key]
    told = aws.client("s3", OTHER).head_object(Bucket=archive, Key=f"wm/{bucket}/{key}")
    assert told["Metadata"] == {"run": "7"}


def test_a_copy_that_broke_off_goes_on_and_can_be_taken_back(aws, bucket, archive):
    one = archived(aws, archive)(copying(bucket))
    (step,) = one.opened().steps(one.remedy)
    before = keys(aws, archive, OTHER)
    aws.door.rule = lambda asked: (
        Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        if asked.method == "PUT" and asked.path.endswith("state/0.pt") else None
    )  # fmt: skip
    with pytest.raises(NotAllowedError, match="s3:GetObject and s3:PutObject"):
        one.opened().do(step, held(one))
    aws.door.rule = None
    aws.client("s3").put_object(Bucket=bucket, Key="runs/one/later", Body=b"not planned")
    one.opened().do(step, held(one))
    assert f"wm/{bucket}/runs/one/later" not in keys(aws, archive, OTHER)
    other = f"wm/{bucket}/runs/one/theirs"
    aws.client("s3", OTHER).put_object(Bucket=archive, Key=other, Body=b"theirs")
    one.opened().undo(step, held(one))
    assert keys(aws, archive, OTHER).keys() == before.keys() | {other}


def test_a_changed_prefix_or_a_place_in_use_is_refused(aws, bucket, archive):
    one = archived(aws, archive)(copying(bucket))
    refuses_a_changed_world(one, lambda: aws.client("s3").delete_object(
        Bucket=bucket, Key="runs/one/model.bin"))  # fmt: skip
    aws.client("s3", OTHER).put_object(Bucket=archive, Key=f"wm/{bucket}/runs/two/x", Body=b"x")
    with pytest.raises(RefusedError, match="1 objects lie at the target already"):
        one.opened().steps(copying(bucket, "runs/two"))
    with pytest.raises(RefusedError, match="nobody says where to"):
        target().steps(copying(bucket))
    inside = remedy("replicate", "prefix", f"s3://{bucket}/runs", to=f"s3://{bucket}/runs/copy")
    with pytest.raises(RefusedError, match="lies in it"):
        target().steps(inside)


def test_a_copy_whose_answer_was_lost_is_made_once(aws, bucket, archive):
    one = archived(aws, archive)(copying(bucket))
    (step,) = one.opened().steps(one.remedy)
    aws.door.rule = lost_answer(aws.door, "model.bin")
    one.opened().do(step, held(one))
    assert shows(one.opened().look(step, held(one)), step.want)


def test_a_copy_that_is_all_there_is_left_is_not_deleted_by_the_undo(aws, bucket, archive):
    one = archived(aws, archive)(copying(bucket))
    (step,) = one.opened().steps(one.remedy)
    one.opened().do(step, held(one))
    aws.client("s3").delete_object(Bucket=bucket, Key="runs/one/model.bin")
    there = keys(aws, archive, OTHER)
    with pytest.raises(RefusedError, match=r"1 copies are all there is of model.bin"):
        one.opened().undo(step, held(one))
    assert keys(aws, archive, OTHER) == there
