"""The access log: who read or changed which dataset and model, as the logs of stores tell it."""

import json

import pytest

from tests.flows.artefact_work import registered
from tests.flows.registry_work import MODEL
from tests.flows.small import declare, moment, resource
from watermaster.flows.access import list_accesses
from watermaster.flows.access_told import told_of
from watermaster.flows.telemetry import ingest_telemetry
from watermaster.model.access import AccessAsked, Verb
from watermaster.model.resources import SourceSpec, SourceType

ANNA, JOB = "arn:aws:iam::42:user/anna", "arn:aws:iam::42:role/train"


def line(day, hour, key, who, operation="REST.GET.OBJECT", status=200, bucket="lake"):
    return (
        f"79a5 {bucket} [{day:02}/Oct/2026:{hour:02}:30:00 +0000] 10.0.0.1 {who} 3E57 {operation} "
        f'{key} "GET /x HTTP/1.1" {status} - 100 900 7 6 "-" "aws-sdk" - h= SigV4 c A b.s3 T - -'
    )


LOG = [
    line(1, 9, "claims/2026/a.parquet", ANNA),
    line(1, 9, "claims/2026/b.parquet", ANNA),
    line(1, 10, "claims/2026/b.parquet", ANNA),
    line(1, 9, "claims/2025/a.parquet", JOB, "REST.PUT.OBJECT"),
    line(2, 9, "claims/2025/a.parquet", ANNA, "REST.DELETE.OBJECT", 204),
    line(2, 9, "health/x.csv", ANNA, status=403),
    line(2, 9, "nobody/declared/x.csv", ANNA),
    line(2, 9, "v1/model.bin", JOB, bucket="models"),
    line(2, 9, "v2/model.bin", JOB, bucket="models"),
]


@pytest.fixture
def project(tmp_path):
    made = registered(tmp_path / "home", {1: "s3://models/v1", 2: "s3://models/v2"})
    places = {"claims": ["s3a://lake/claims/"], "health": ["arn:aws:s3:::lake/health"]}
    for name, held in places.items():
        declare(made, resource("Dataset", name, {"locations": held}))
    return made


def ingest(project, folder, lines, source="lake-log"):
    folder.mkdir(exist_ok=True)
    (folder / "log").write_text("\n".join(lines))
    spec = SourceSpec(type=SourceType.ACCESS_LOG, location=str(folder))
    return ingest_telemetry(project, source, spec, None)


def told(project, **asked):
    return [
        (f"{one.at:%d %H}", one.subject.rpartition("/")[2], one.verb.value, one.thing,
         one.requests, one.bytes)
        for one in reversed(list_accesses(project, AccessAsked(**asked)).rows)
    ]  # fmt: skip


def test_reads_writes_deletes_and_refusals_of_declared_things_are_told_by_the_hour(
    project, tmp_path
):
    ingest(project, tmp_path / "logs", LOG)
    assert sorted(told(project)) == [
        ("01 09", "anna", "read", "dataset/claims", 2, 200),
        ("01 09", "train", "write", "dataset/claims", 1, None),
        ("01 10", "anna", "read", "dataset/claims", 1, 100),
        ("02 09", "anna", "delete", "dataset/claims", 1, None),
        ("02 09", "anna", "refused", "dataset/health", 1, None),
        ("02 09", "train", "read", f"model/{MODEL}/1", 1, 100),
        ("02 09", "train", "read", f"model/{MODEL}/2", 1, 100),
    ]


def test_a_day_told_twice_is_held_once_and_another_source_stays(project, tmp_path):
    ingest(project, tmp_path / "logs", LOG)
    ingest(project, tmp_path / "other", LOG[:1], source="other-log")
    before = told(project)
    ingest(project, tmp_path / "logs", LOG)
    assert told(project) == before
    ingest(project, tmp_path / "logs", LOG[:1])
    assert ("01 10", "anna", "read", "dataset/claims", 1, 100) not in told(project)
    assert len(told(project, source="lake-log", since=moment("2026-10-02"))) == 4
    assert told(project, source="other-log") == [
        ("01 09", "anna", "read", "dataset/claims", 1, 100)
    ]


def test_questions_narrow_by_thing_who_what_and_when(project, tmp_path):
    ingest(project, tmp_path / "logs", LOG)
    assert len(told(project, thing=f"model/{MODEL}")) == 2
    assert len(told(project, thing=f"model/{MODEL}/1")) == 1
    assert told(project, thing="model/claims") == []
    assert {one[1] for one in told(project, subject=ANNA)} == {"anna"}
    assert [one[3] for one in told(project, verb=Verb.REFUSED)] == ["dataset/health"]
    assert len(told(project, until=moment("2026-10-02"))) == 3
    found = list_accesses(project, AccessAsked(limit=2))
    assert (found.total, len(found.rows)) == (7, 2)


def test_azure_logs_are_matched_however_the_dataset_writes_its_address(tmp_path):
    project = registered(tmp_path / "home", {1: "s3://models/v1"})
    for name, place in {
        "named": "abfss://data@corp.dfs.core.windows.net/named",
        "bare": "abfs://data/bare",
        "web": "https://corp.blob.core.windows.net/data/web",
    }.items():
        declare(project, resource("Dataset", name, {"locations": [place]}))
    row = {"time": "2026-10-04T10:00:00.1234567Z", "operationName": "GetBlob", "statusCode": 200,
           "identity": {"type": "OAuth", "requester": {"upn": "anna@example.com"}}}  # fmt: skip
    asked = [
        row | {"properties": {"objectKey": f"/corp/data/{name}/a", "responseBodySize": 5}}
        for name in ("named", "bare", "web", "other")
    ]
    ingest(project, tmp_path / "logs", [json.dumps(one) for one in asked])
    assert sorted(told(project)) == [
        ("04 10", "anna@example.com", "read", f"dataset/{name}", 1, 5)
        for name in ("bare", "named", "web")
    ]


def test_containers_of_one_name_in_two_accounts_are_kept_apart(tmp_path):
    project = registered(tmp_path / "home", {1: "s3://models/v1"})
    for name in ("corp", "test"):
        place = f"abfss://data@{name}.dfs.core.windows.net/claims"
        declare(project, resource("Dataset", f"claims-{name}", {"locations": [place]}))
    places = told_of(project, "log").places
    assert places["abfs://data@corp/claims"][1] == "dataset/claims-corp"
    assert places["abfs://data@test/claims"][1] == "dataset/claims-test"
