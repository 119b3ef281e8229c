"""Who read which prefix is told by day; lines that cannot be used and broken files are named."""

import gzip
import json

import pytest

from tests.observe.rows import plain, seen_by, source
from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.events import Notice

ROLE = "arn:aws:sts::42:assumed-role/rag-reader"


def s3_line(
    day, key, who, operation="REST.GET.OBJECT", status=200, sent=100, uri="GET /x HTTP/1.1"
):
    return (
        f"79a5 lake [{day:02}/Oct/2026:23:30:00 +0000] 10.0.0.1 {who} 3E57 {operation} {key} "
        f'"{uri}" {status} - {sent} 900 7 6 "-" "aws-sdk" - h= SigV4 c AuthHeader b.s3 TLSv1.2 - -'
    )


S3 = "\n".join([
    s3_line(1, "corpus/a.parquet", f"{ROLE}/pod-1"),
    s3_line(1, "corpus/b%252Bc.parquet", f"{ROLE}/pod-2", uri='GET /a?q=\\"x\\" HTTP/1.1'),
    s3_line(2, "corpus/deep/c.parquet", f"{ROLE}/pod-1"),
    s3_line(1, "health/p.csv", "arn:aws:iam::42:user/anna"),
    s3_line(1, "health/p.csv", "arn:aws:iam::42:user/anna", status=403),
    s3_line(1, "-", f"{ROLE}/pod-1", operation="REST.GET.BUCKET"),
    s3_line(2, "out/x", "-", operation="REST.PUT.OBJECT", sent="-"),
])  # fmt: skip


def write(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def seen(location, told=None, **options):
    return seen_by(source("access-log", location, options=options), told=told)


def moved(rows):
    return {
        (row["day"], row["location"], row["subject_uid"]): row["bytes"]
        for row in rows.get("transfers", [])
    }


def used(rows):
    return {(row["day"], row["name"]): json.loads(row["uses"]) for row in rows.get("subjects", [])}


def test_reads_are_summed_by_day_prefix_and_role(tmp_path):
    rows = seen(write(tmp_path / "logs", "2026-10-02-00-10-AB12", S3))
    role = "arn:aws:iam::42:role/rag-reader"
    assert moved(rows) == {
        ("2026-10-01", "s3://lake/corpus", role): 200,
        ("2026-10-02", "s3://lake/corpus", role): 100,
        ("2026-10-01", "s3://lake/health", "arn:aws:iam::42:user/anna"): 100,
    }
    assert used(rows) == {
        ("2026-10-01", "rag-reader"): ["s3://lake/corpus"],
        ("2026-10-02", "rag-reader"): ["s3://lake/corpus"],
        ("2026-10-01", "anna"): ["s3://lake/health"],
        ("2026-10-02", "anonymous"): ["s3://lake/out"],
    }
    (one, *_) = [row for row in rows["subjects"] if row["name"] == "rag-reader"]
    assert (one["account"], one["subject_kind"]) == ("42", "identity")
    assert plain(one["last_used"]) == "2026-10-01T23:30:00Z"
    assert json.loads(one["attributes"]) == {"reads": "2", "writes": "0", "read_bytes": "200"}
    assert "rejected" not in rows


def test_the_depth_says_how_fine_locations_are(tmp_path):
    logs = write(tmp_path / "logs", "log", S3)
    assert {place for _, place, _ in moved(seen(logs, depth="0"))} == {"s3://lake"}
    assert "s3://lake/corpus/deep" in {place for _, place, _ in moved(seen(logs, depth="2"))}
    with pytest.raises(BadResourceError, match="write 0 to 10"):
        seen(logs, depth="x")


def test_data_events_of_cloudtrail_are_read_packed(tmp_path):
    def event(name, key, **more):
        return {"eventSource": "s3.amazonaws.com", "eventName": name,
                "eventTime": "2026-10-03T10:00:00Z", "userIdentity": {"arn": f"{ROLE}/x"},
                "requestParameters": {"bucketName": "lake", "key": key},
                "additionalEventData": {"bytesTransferredOut": 7}} | more  # fmt: skip

    events = [event("GetObject", "corpus/a"), event("GetObject", "corpus/b"),
              event("GetObject", "corpus/c", errorCode="AccessDenied"), event("ListObjects", "x"),
              {"eventName": "GetObject", "eventSource": "s3.amazonaws.com"}]  # fmt: skip
    packed = gzip.compress(json.dumps({"Records": events}).encode())
    rows = seen(write(tmp_path / "logs", "trail.json.gz", packed))
    role = "arn:aws:iam::42:role/rag-reader"
    assert moved(rows) == {("2026-10-03", "s3://lake/corpus", role): 14}
    (fault,) = rows["rejected"]
    assert (fault["row"], fault["column"]) == (5, "line")


def test_resource_logs_of_azure_are_read(tmp_path):
    def line(operation, key, code=200, **identity):
        return json.dumps({
            "time": "2026-10-04T10:00:00.1234567Z", "operationName": operation, "statusCode": code,
            "resourceId": "/subscriptions/S/x/storageAccounts/acct/blobServices/default",
            "identity": identity, "properties": {"objectKey": key, "responseBodySize": 50},
        })  # fmt: skip

    oauth = {"type": "OAuth", "requester": {"objectId": "o-1"}}
    text = "\n".join([
        line("GetBlob", "/acct/lake/corpus/a%20b", **oauth), line("GetBlob", "/acct/lake/corpus/b",
        **oauth), line("GetBlob", "/acct/lake/x/b", 404, **oauth),
        line("PutBlob", "/acct/lake/out/c", type="AccountKey"), line("ListBlobs", "/acct/lake"),
    ])  # fmt: skip
    rows = seen(write(tmp_path / "logs", "PT1H.json", text))
    assert moved(rows) == {("2026-10-04", "abfs://lake/corpus", "o-1"): 100}
    assert used(rows) == {
        ("2026-10-04", "o-1"): ["abfs://lake/corpus"],
        ("2026-10-04", "AccountKey"): ["abfs://lake/out"],
    }
    assert {row["platform"] for row in rows["subjects"]} == {"acct"}


def test_a_line_that_is_none_is_rejected_and_a_broken_file_is_a_gap(tmp_path):
    logs = write(tmp_path / "logs", "a.log", S3 + "\nnot a line\n")
    write(logs, "b.gz", gzip.compress(S3.encode())[:60])
    write(logs, "c.json", '{"Records": [{"eventName"')
    told = []
    rows = seen(logs, told)
    reasons = {(row["file"], row["row"]): row["reason"] for row in rows["rejected"]}
    assert reasons["a.log", 8] == "is no line of an S3 server access log"
    assert "ends too early" in reasons["b.gz", 0]
    assert "only a part of one" in reasons["c.json", 0]
    assert len(moved(rows)) == 3
    assert sum(isinstance(event, Notice) for event in told) == 2


def test_a_folder_without_logs_is_an_error(tmp_path):
    with pytest.raises(BadInputError, match="no file there"):
        seen(write(tmp_path / "logs", ".hidden", S3))


def asked(rows):
    return {
        (f"{row['hour']:%d %H}", row["folder"], row["subject"], row["verb"]): (
            row["requests"], row["bytes"],
        )
        for row in rows.get("accesses", [])
    }  # fmt: skip


def test_what_was_refused_and_deleted_is_told_for_the_access_log_and_counts_as_no_use(tmp_path):
    person = "arn:aws:sts::42:assumed-role/AWSReservedSSO_DataScience_1f/anna@example.com"
    text = "\n".join([
        S3,
        s3_line(1, "health/p.csv", person, operation="BATCH.DELETE.OBJECT", status=204),
        s3_line(1, "health/p.csv", person, status=404),
    ])  # fmt: skip
    rows = seen(write(tmp_path / "logs", "log", text))
    role, anna = "arn:aws:iam::42:role/rag-reader", "arn:aws:iam::42:user/anna"
    assert asked(rows) == {
        ("01 23", "s3://lake/corpus", role, "read"): (2, 200),
        ("02 23", "s3://lake/corpus/deep", role, "read"): (1, 100),
        ("01 23", "s3://lake/health", anna, "read"): (1, 100),
        ("01 23", "s3://lake/health", anna, "refused"): (1, 0),
        ("02 23", "s3://lake/out", "anonymous", "write"): (1, 0),
        ("01 23", "s3://lake/health", person, "delete"): (1, 0),
    }
    assert moved(rows) == moved(seen(write(tmp_path / "same", "log", S3)))


def test_a_refused_request_of_cloudtrail_names_who_was_refused(tmp_path):
    def event(name, error=None):
        who = {"arn": f"{ROLE}/pod-1"}
        return {"eventSource": "s3.amazonaws.com", "eventTime": "2026-10-03T01:02:03Z",
                "eventName": name, "errorCode": error, "userIdentity": who,
                "requestParameters": {"bucketName": "lake", "key": "a/b"}}  # fmt: skip

    text = json.dumps({"Records": [event("GetObject", "AccessDenied"), event("DeleteObject"),
                                   event("GetObject", "NoSuchKey")]})  # fmt: skip
    found = asked(seen(write(tmp_path / "logs", "trail.json", text)))
    assert {key[3] for key in found} == {"refused", "delete"}
