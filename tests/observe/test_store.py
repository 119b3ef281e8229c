"""What lies in a store is summed by folder; what could not be listed is never told as less."""

import datetime as dt
import hashlib
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from botocore.session import Session

from tests.components import azure_login
from tests.doors import Answer, door_to
from tests.observe.rows import seen_by
from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.resources import SourceSpec
from watermaster.observe import store_azure, store_s3
from watermaster.observe.store_tree import Entry, Unread, branches, digest
from watermaster.units.periods import Period

pytestmark = pytest.mark.xdist_group("azurite")  # one worker starts both servers
TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Period(TODAY, TODAY + dt.timedelta(days=1))
ROLE = Path(store_s3.__file__).with_name("roles") / "aws-store-reader.json"
OLD = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
FILES = {  # two copies of one dataset, one with another last byte, two layouts of checkpoints
    "corpus/part-0.parquet": b"a" * 200_000,
    "corpus/part-1.parquet": b"b" * 10,
    "copy/part-0.parquet": b"a" * 200_000,
    "copy/part-1.parquet": b"b" * 10,
    "twin/part-0.parquet": b"a" * 199_999 + b"z",
    "twin/part-1.parquet": b"b" * 10,
    "runs/one/checkpoint-500/config.json": b"{}",
    "runs/one/checkpoint-500/model.safetensors": b"w" * 100,
    "runs/one/checkpoint-500/global_step500/mp_rank_00_model_states.pt": b"s" * 50,
    "runs/two/final/pytorch_model.bin": b"p" * 70,
    "runs/two/train.log": b"log",
    "loose.txt": b"x",
}
EXPECTED = {
    ("prefix", "corpus"): 200_010, ("prefix", "copy"): 200_010, ("prefix", "twin"): 200_010,
    ("prefix", "runs"): 225,
    ("checkpoint", "runs/one/checkpoint-500"): 152, ("checkpoint", "runs/two/final"): 70,
}  # fmt: skip
TOTAL = sum(len(body) for body in FILES.values())


def seen(location, told=None, **options):
    spec = SourceSpec(type="store", location=str(location), options=options)
    return seen_by(spec, WINDOW, told)


def by_place(rows, root):
    """Kind and place under the root to the row."""
    return {
        (row["subject_kind"], row["subject_uid"].removeprefix(str(root)).strip("/")): row
        for row in rows["subjects"]
    }


def gaps(rows):
    return [(row["file"], row["column"], row["reason"]) for row in rows.get("rejected", [])]


# ---- a folder ----


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "share"
    for name, body in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        os.utime(path, (OLD.timestamp(), OLD.timestamp()))
    return root


def test_each_folder_is_told_with_its_bytes_and_times(folder):
    found = seen(folder)
    rows = by_place(found, folder)
    assert {key: row["bytes"] for key, row in rows.items()} == EXPECTED | {("prefix", ""): TOTAL}
    one = rows["prefix", "corpus"]
    assert (one["created_at"], one["last_used"]) == (OLD, OLD)
    assert json.loads(one["attributes"]) | {"digest": ""} == {
        "objects": "2", "formats": "parquet", "last_read": "unknown", "digest": "",
        "last_write": "2026-09-01T00:00:00+00:00",
    }  # fmt: skip
    assert rows["checkpoint", "runs/two/final"]["parent_uid"] == f"{folder}/runs"
    assert "rejected" not in found


def test_copies_have_one_digest_and_a_changed_byte_has_another(folder):
    rows = by_place(seen(folder), folder)
    made = {key: row["artefact"] for key, row in rows.items()}
    assert made["prefix", "corpus"] == made["prefix", "copy"]
    assert made["prefix", "corpus"].startswith("sha256:")
    assert made["prefix", "twin"] != made["prefix", "corpus"]
    bare = by_place(seen(folder, digest="none"), folder)
    assert bare["prefix", "corpus"]["artefact"] == f"{folder}/corpus"


@pytest.mark.parametrize(("depth", "expected"), [("0", set()), ("2", {"runs/one", "runs/two"})])
def test_the_depth_says_which_folders_are_told(folder, depth, expected):
    rows = by_place(seen(folder, depth=depth), folder)
    assert {name for kind, name in rows if kind == "prefix" and name} == expected


def test_a_folder_that_may_not_be_read_makes_what_holds_it_unknown(folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):  # root may read all
        if str(path).endswith("runs/two"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = seen(folder)
    rows = by_place(found, folder)
    assert rows["prefix", "runs"]["bytes"] is rows["prefix", ""]["bytes"] is None
    assert rows["prefix", "corpus"]["bytes"] == 200_010
    told = (f"{folder}/runs/two", "listing", "Permission denied: let our user read it")
    assert gaps(found) == [told]


def test_a_name_that_is_no_text_is_told_and_the_rest_is_kept(folder):
    (folder / "runs" / os.fsdecode(b"caf\xe9")).write_bytes(b"x")
    found = seen(folder)
    ((place, _, reason),) = gaps(found)
    assert (place, reason) == (
        f"{folder}/runs/caf\\udce9", "its name is no UTF-8: rename it",
    )  # fmt: skip
    rows = by_place(found, folder)
    assert rows["prefix", "runs"]["bytes"] is None
    assert rows["prefix", "corpus"]["bytes"] == 200_010


def test_what_is_no_store_or_no_choice_is_an_error(tmp_path):
    with pytest.raises(BadInputError, match="is no folder"):
        seen(tmp_path / "nowhere")
    with pytest.raises(BadResourceError, match=r"write s3://, abfs:// or a folder"):
        seen("gs://bucket")
    for options in ({"depth": "-1"}, {"digest": "md5"}):
        with pytest.raises(BadResourceError, match="options"):
            seen(tmp_path, **options)


# ---- the sums ----


def test_objects_take_no_memory_however_many():
    def listing():
        for number in range(20_000):
            yield Entry(f"day={number // 50:05d}/part-{number}.parquet", 10, OLD, f"{number}")

    tracemalloc.start()
    total = sum(branch.bytes for branch in branches(listing()) if len(branch.path) == 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 200_000
    assert peak < 100_000  # bytes


def test_a_digest_does_not_depend_on_order_and_is_none_of_what_is_not_whole():
    entries = [Entry(f"a/{number}", number, OLD, "m") for number in range(1, 30)]
    one, other = (
        next(branch for branch in branches(held) if branch.path == ("a",))
        for held in (entries, list(reversed(entries)))
    )
    assert digest(one, "etags") == digest(other, "etags") is not None
    broken = next(iter(branches([*entries, Unread("a/x", "denied")])))
    assert (broken.path, broken.whole, digest(broken, "etags")) == (("a",), False, None)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["data/step=1/part.parquet", "data/step=2/part.parquet"], []),
        (["graphs/1.pt", "graphs/2.pt"], []),
        (["m/iter_0001000/mp_rank_00/model_optim_rng.pt", "m/iter_0002000/mp_rank_00/x.pt"],
         ["m/iter_0001000", "m/iter_0002000"]),
        (["l/epoch=1-step=9.ckpt", "l/epoch=2-step=18.ckpt"], ["l"]),
        (["t/model.ckpt-9.index", "t/model.ckpt-9.data-00000-of-00001"], ["t"]),
        (["d/step-7/.metadata", "d/step-7/__0_0.distcp"], ["d/step-7"]),
    ],
)  # fmt: skip
def test_checkpoints_are_known_by_their_layout(names, expected):
    found = branches(Entry(name, 1, OLD) for name in names)
    assert ["/".join(one.path) for one in found if one.is_checkpoint] == expected


# ---- S3 ----


@pytest.fixture(scope="module")
def s3():
    """Two buckets of moto behind a door."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    with door_to(f"http://{host}:{port}") as door:
        for name, value in (("AWS_ENDPOINT_URL", door.address), ("AWS_ACCESS_KEY_ID", "test"),
                            ("AWS_SECRET_ACCESS_KEY", "test")):  # fmt: skip
            patch.setenv(name, value)
        client = _s3()
        for bucket in ("models", "others"):
            client.create_bucket(Bucket=bucket)
            tags = {"TagSet": [{"Key": "team", "Value": bucket}]}
            client.put_bucket_tagging(Bucket=bucket, Tagging=tags)
            for name, body in FILES.items():
                client.put_object(Bucket=bucket, Key=name, Body=body)
        yield door
    patch.undo()
    server.stop()


def _s3():
    return Session().create_client("s3", region_name="us-east-1")


@pytest.fixture
def door(s3):
    s3.asked.clear()
    yield s3
    s3.rule = None


def test_a_bucket_is_told_with_its_arn_tags_and_prefixes(door):
    found = seen("s3://models")
    rows = by_place(found, "s3://models")
    assert {key: row["bytes"] for key, row in rows.items()} == EXPECTED | {("bucket", ""): TOTAL}
    bucket = rows["bucket", ""]
    assert (bucket["resource_id"], bucket["labels"]) == ("arn:aws:s3:::models", '{"team":"models"}')
    assert rows["prefix", "copy"]["resource_id"] is None  # a bill knows no prefixes
    assert rows["prefix", "copy"]["artefact"] == rows["prefix", "corpus"]["artefact"]
    assert not [one for one in door.asked if ".parquet" in one.path]  # nothing was opened


def test_every_bucket_is_found_and_copies_across_buckets_too(door):
    rows = seen("s3://")["subjects"]
    assert {row["subject_uid"] for row in rows if row["subject_kind"] == "bucket"} == {
        "s3://models", "s3://others",
    }  # fmt: skip
    held = {row["subject_uid"]: row["artefact"] for row in rows}
    assert held["s3://models/corpus"] == held["s3://others/copy"]


def test_a_sampled_digest_is_the_same_in_a_bucket_and_in_a_folder(door, folder):
    there = by_place(seen("s3://models", digest="sampled"), "s3://models")
    here = by_place(seen(folder), folder)
    assert there["prefix", "corpus"]["artefact"] == here["prefix", "copy"]["artefact"]
    assert there["prefix", "twin"]["artefact"] == here["prefix", "twin"]["artefact"]


def test_a_listing_that_breaks_off_keeps_what_was_whole(door, monkeypatch):
    monkeypatch.setattr(store_s3, "PAGE", 3)
    door.rule = lambda asked: (
        Answer(503, b"<Error><Code>SlowDown</Code></Error>")
        if "continuation-token" in asked.path else None
    )  # fmt: skip
    found = seen("s3://models", tries="1")
    rows = by_place(found, "s3://models")
    assert rows["prefix", "copy"]["bytes"] == 200_010
    assert rows["prefix", "corpus"]["bytes"] is rows["bucket", ""]["bytes"] is None
    assert rows["prefix", "corpus"]["artefact"] == "s3://models/corpus"
    ((place, kind, reason),) = gaps(found)
    assert (place, kind) == ("s3://models", "listing")
    assert reason.startswith("s3:ListBucket failed (SlowDown")
    assert reason.endswith("after 3 objects")


def test_an_empty_bucket_is_empty_even_where_its_tags_may_not_be_read(door):
    _s3().create_bucket(Bucket="empty")
    door.rule = lambda asked: (
        Answer(403, b"<Error><Code>AccessDenied</Code></Error>") if "tagging" in asked.path
        else None
    )  # fmt: skip
    found = seen("s3://empty")
    assert [row["bytes"] for row in found["subjects"]] == [0]
    assert [kind for _, kind, _ in gaps(found)] == ["tags"]
    door.rule = None
    _s3().delete_bucket(Bucket="empty")


def test_a_bucket_that_lists_in_no_order_is_not_summed(door):
    body = (
        "<ListBucketResult><IsTruncated>false</IsTruncated>"
        + "".join(
            f"<Contents><Key>{key}/x</Key><Size>1</Size>"
            "<LastModified>2026-09-01T00:00:00.000Z</LastModified></Contents>"
            for key in "aba"
        )
        + "</ListBucketResult>"
    )
    door.rule = lambda asked: Answer(200, body.encode()) if "list-type=2" in asked.path else None
    found = seen("s3://models")
    assert "lists in no order" in gaps(found)[0][2]
    assert by_place(found, "s3://models")["bucket", ""]["bytes"] is None


def test_a_profile_or_a_number_of_tries_that_is_none_is_an_error(door):
    with pytest.raises(BadInputError, match="nobody"):
        seen("s3://models", profile="nobody")
    with pytest.raises(BadResourceError, match=r"options\.tries"):
        seen("s3://models", tries="many")


def test_half_a_page_is_a_gap(door):
    body = b"<ListBucketResult><Contents><Key>copy/part-0"
    door.rule = lambda asked: Answer(200, body) if "list-type=2" in asked.path else None
    with pytest.raises(BadInputError, match="s3:ListBucket"):
        seen("s3://models", tries="1")


def test_what_may_not_be_read_is_told_with_the_action_to_grant(door):
    def deny(asked):
        is_denied = "tagging" in asked.path or "/models/twin/" in asked.path
        return Answer(403, b"<Error><Code>AccessDenied</Code></Error>") if is_denied else None

    door.rule = deny
    found = seen("s3://models", digest="sampled")
    assert {(kind, reason) for _, kind, reason in gaps(found)} == {
        ("tags", "may not s3:GetBucketTagging: grant s3:GetBucketTagging"),
        ("digest", "may not s3:GetObject: grant s3:GetObject"),
    }
    rows = by_place(found, "s3://models")
    assert rows["prefix", "twin"]["bytes"] == 200_010
    assert rows["prefix", "twin"]["artefact"] == "s3://models/twin"


def test_a_bucket_that_is_not_there_or_not_ours_is_an_error(door):
    with pytest.raises(BadInputError, match="NoSuchBucket"):
        seen("s3://nowhere", tries="1")
    door.rule = lambda asked: Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(BadInputError, match=r"grant s3:ListBucket"):
        seen("s3://models", tries="1")


# ---- Azure ----


@pytest.fixture(scope="module")
def container(azurite):
    """Two containers of Azurite behind a door."""
    from azure.storage.blob import BlobServiceClient, ContentSettings

    host, _, account = azurite.removeprefix("http://").partition("/")
    patch = pytest.MonkeyPatch()
    with door_to(f"http://{host}") as door:
        service = BlobServiceClient.from_connection_string(
            azure_login(azurite), api_version="2024-08-04"
        )
        for name in ("lake", "pond"):
            held = service.create_container(name, metadata={"team": name})
            for key, body in FILES.items():
                mark = bytearray(hashlib.md5(body).digest())
                held.upload_blob(key, body, content_settings=ContentSettings(content_md5=mark))
        service.close()
        login = azure_login(f"{door.address}/{account}")
        patch.setenv("AZURE_STORAGE_CONNECTION_STRING", login)
        yield door
    patch.undo()


def test_a_container_is_told_with_its_metadata_and_prefixes(container):
    found = seen("abfs://lake")
    rows = by_place(found, "abfs://lake")
    assert {key: row["bytes"] for key, row in rows.items()} == EXPECTED | {("bucket", ""): TOTAL}
    assert rows["bucket", ""]["labels"] == '{"team":"lake"}'
    assert rows["bucket", ""]["platform"] == "devstoreaccount1"
    assert rows["prefix", "copy"]["artefact"] == rows["prefix", "corpus"]["artefact"]
    assert "rejected" not in found


def test_every_container_is_found_and_samples_agree_with_a_folder(container, folder):
    rows = {row["subject_uid"]: row for row in seen("abfs://", digest="sampled")["subjects"]}
    here = by_place(seen(folder), folder)
    for name in ("lake", "pond"):
        assert rows[f"abfs://{name}/twin"]["artefact"] == here["prefix", "twin"]["artefact"]


def test_a_container_that_may_not_be_read_names_the_role(container):
    body = b"<?xml version='1.0'?><Error><Code>AuthorizationPermissionMismatch</Code></Error>"
    container.rule = lambda asked: Answer(403, body, {"x-ms-error-code": "AuthorizationFailure"})
    with pytest.raises(BadInputError, match="grant the role Storage Blob Data Reader"):
        seen("abfs://lake")
    container.rule = None


def test_a_listing_of_blobs_that_breaks_off_keeps_what_was_whole(container, monkeypatch):
    monkeypatch.setattr(store_azure, "PAGE", 3)
    container.rule = lambda asked: Answer(403) if "marker=" in asked.path else None
    found = seen("abfs://lake")
    container.rule = None
    rows = by_place(found, "abfs://lake")
    assert rows["prefix", "copy"]["bytes"] == 200_010
    assert rows["prefix", "corpus"]["bytes"] is rows["bucket", ""]["bytes"] is None
    assert [kind for _, kind, _ in gaps(found)] == ["listing"]


def test_the_shipped_role_is_enough_to_list_and_to_sample(door, monkeypatch):
    """Moto checks the policy on every call."""
    import urllib.request

    def count(text):
        request = urllib.request.Request(
            f"{door.address}/moto-api/reset-auth", text.encode(), {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(request, timeout=10).close()

    iam = Session().create_client("iam", region_name="us-east-1")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=ROLE.read_text())
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    try:
        count("0")
        assert "rejected" not in seen("s3://", digest="sampled", tries="1")
    finally:
        count("inf")
