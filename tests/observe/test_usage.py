"""Plain files: every good row is kept, every bad one is told."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.rows import hours_of, seen_by, source
from watermaster.model.errors import BadInputError

HOURS = """platform,node,gpu,hour,subject_uid,model,reserved_s,used_s,utilisation_field,labels
edge,n1,0,2026-09-01T00:00:00Z,job-1,H100,3600,1800,SM_ACTIVE,team=ml;stage=dev
edge,n1,1,2026-09-01 01:00:00,job-1,H100,1200.0,,,
edge,n2,0,2026-09-02T00:00:00+02:00,job-2,L40S,60,0,GPU_UTIL,"{""team"":""ops""}"
"""


def written(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return source("usage", tmp_path, platform="edge")


def test_use_is_read_with_its_subjects(tmp_path):
    rows = seen_by(written(tmp_path, use=HOURS))
    names = ("day", "node", "gpu", "hour", "subject_uid", "reserved_s", "used_s")
    assert hours_of(rows["gpu_hours"], *names) == [
        ("2026-09-01", "n1", "0", "2026-09-01T00:00:00Z", "job-1", 3600, 1800),
        ("2026-09-01", "n1", "1", "2026-09-01T01:00:00Z", "job-1", 1200, None),
        ("2026-09-01", "n2", "0", "2026-09-01T22:00:00Z", "job-2", 60, 0),
    ]
    assert hours_of(rows["subjects"], "day", "subject_kind", "subject_uid", "labels") == [
        ("2026-09-01", "job", "job-1", '{"stage":"dev","team":"ml"}'),
        ("2026-09-01", "job", "job-2", '{"team":"ops"}'),
    ]
    assert "rejected" not in rows


def test_bad_rows_are_told_with_place_value_and_mending(tmp_path):
    bad = (
        "node,hour,subject_uid,reserved_s\n"
        "n1,2026-09-01T00:00:00Z,a,60\n"
        "n1,2026-09-01T00:30:00Z,a,60\n"
        "n1,yesterday,a,60\n"
        "n2,2026-09-01T01:00:00Z,b,-1\n"
        "n2,2026-09-01T01:00:00Z,b,1.5\n"
        "n2,2026-09-01T01:00:00Z,,5\n"
        "n2,too,few\n"
        "n2,2026-09-01T02:00:00Z,b,7\n"
    )
    rows = seen_by(written(tmp_path, use=bad))
    assert hours_of(rows["gpu_hours"], "node", "reserved_s") == [("n1", 60), ("n2", 7)]
    told = {(r["row"], r["column"], r["value"]): r["reason"] for r in rows["rejected"]}
    assert sorted(told) == [
        (2, "hour", "2026-09-01T00:30:00Z"),
        (3, "hour", "yesterday"),
        (4, "reserved_s", "-1"),
        (5, "reserved_s", "1.5"),
        (6, "subject_uid", ""),
        (7, "", "n2,too,few"),
    ]
    assert "ISO 8601" in told[3, "hour", "yesterday"]
    assert {r["file"] for r in rows["rejected"]} == {"use.csv"}
    assert {len(r["delivery"]) for r in rows["rejected"]} == {16}


def test_intervals_are_cut_into_hours_and_measurements_shared_out(tmp_path):
    text = (
        "node,subject_uid,start,end,gpus,used_s,energy_j\n"
        "n1,a,2026-09-01T23:30:00Z,2026-09-02T00:30:00Z,4,101,7\n"
        "n2,b,2026-09-01T10:00:00Z,2026-09-01T10:00:10Z,,,\n"
        "n2,b,2026-09-01T10:00:10Z,2026-09-01T10:00:10Z,,,\n"
    )
    rows = seen_by(written(tmp_path, use=text))
    names = ("day", "node", "reserved_s", "used_s", "energy_j")
    assert hours_of(rows["gpu_hours"], *names) == [
        ("2026-09-01", "n1", 7200, 50, 3),
        ("2026-09-01", "n2", 10, None, None),
        ("2026-09-02", "n1", 7200, 51, 4),
    ]
    assert [(r["row"], r["column"]) for r in rows["rejected"]] == [(3, "end")]


def test_a_folder_holds_every_table(tmp_path):
    spec = written(
        tmp_path,
        use=HOURS,
        who="subject_uid,name,account\njob-1,train,ml\njob-9,never,ml\n",
        supply="node;hour;present_s;schedulable_s\nn1;2026-09-01T00:00:00Z;7200;3600\n"
        "n2;2026-09-01T00:00:00Z;7200;\n",
        moved="day,location,bytes,subject_uid\n2026-09-01,s3://a,10,job-1\n"
        "2026-09-02,s3://a,9223372036854775807,job-3\n",
        runs="subject_uid,state,submitted_at,ended_at\n"
        "job-1,COMPLETED,2026-09-01T00:00:00Z,2026-09-03T00:00:00Z\n",
    )
    rows = seen_by(spec)
    assert hours_of(rows["gpu_supply"], "node", "present_s", "healthy_s", "schedulable_s") == [
        ("n1", 7200, 7200, 3600),
        ("n2", 7200, 7200, 7200),
    ]
    assert hours_of(rows["transfers"], "day", "bytes") == [
        ("2026-09-01", 10),
        ("2026-09-02", 2**63 - 1),
    ]
    assert hours_of(rows["runs"], "day", "state") == [("2026-09-03", "COMPLETED")]
    assert hours_of(rows["subjects"], "day", "subject_uid", "name") == [
        ("2026-09-01", "job-1", "train"),
        ("2026-09-01", "job-2", None),
        ("2026-09-02", "job-3", None),
    ]


def test_one_subject_leaves_once_a_day_however_often_it_is_told(tmp_path):
    who = "day,subject_uid,name\n2026-09-01,job-1,a\n2026-09-01,job-1,b\n2026-09-02,job-1,c\n"
    told = []
    rows = seen_by(written(tmp_path, use=HOURS, who=who), told=told)
    keys = hours_of(rows["subjects"], "day", "platform", "subject_kind", "subject_uid")
    assert len(keys) == len(set(keys)) == 3
    assert any("told twice" in getattr(event, "text", "") for event in told)


def test_csv_gz_and_parquet_say_the_same(tmp_path):
    folders = [tmp_path / name for name in ("csv", "gz", "parquet")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "u.csv").write_text("\ufeff" + HOURS)
    (folders[1] / "u.csv.gz").write_bytes(gzip.compress(HOURS.encode()))
    first = seen_by(source("usage", folders[0]))
    table = pa.Table.from_pylist(first["gpu_hours"])
    pq.write_table(table.drop_columns(["day"]), folders[2] / "u.parquet")
    assert seen_by(source("usage", folders[1])) == first
    assert seen_by(source("usage", folders[2]))["gpu_hours"] == first["gpu_hours"]


def test_times_without_an_offset_are_in_the_zone_of_the_source(tmp_path):
    spec = written(tmp_path, use="node,hour,subject_uid,reserved_s\nn,2026-07-01T02:00,a,1\n")
    berlin = spec.model_copy(update={"time_zone": "Europe/Berlin"})
    assert hours_of(seen_by(berlin)["gpu_hours"], "hour") == [("2026-07-01T00:00:00Z",)]
    assert hours_of(seen_by(spec)["gpu_hours"], "hour") == [("2026-07-01T02:00:00Z",)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2\n", "tell no table"),
        (b"node,reserved_s\nn,1\n", "no column hour, subject_uid"),
        (b"node,hour,subject_uid,reserved_s\nn,2026-09-01T00:00:00Z,\xff,1\n", "not UTF-8"),
        (b"", "tell no table"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, content, words):
    (tmp_path / "use.csv").write_bytes(content)
    with pytest.raises(BadInputError, match=words) as caught:
        seen_by(source("usage", tmp_path))
    assert "use.csv" in str(caught.value)


def test_a_truncated_gzip_is_told(tmp_path):
    text = HOURS + "n1,0,2026-09-01T00:00:00Z,x,H100,1,,,\n" * 999
    (tmp_path / "use.csv.gz").write_bytes(gzip.compress(text.encode())[:-30])
    with pytest.raises(BadInputError, match="ends too early"):
        seen_by(source("usage", tmp_path))


def test_a_cell_of_many_megabytes_is_rejected_alone(tmp_path):
    big = "n1,2026-09-01T00:00:00Z," + "x" * (5 << 20) + ",1\n"
    text = "node,hour,subject_uid,reserved_s\nn1,2026-09-01T00:00:00Z,a,1\n" + big
    text += "n2,2026-09-01T00:00:00Z,b,2\n"
    rows = seen_by(written(tmp_path, use=text))
    assert hours_of(rows["gpu_hours"], "reserved_s") == [(1,), (2,)]
    assert [row["row"] for row in rows["rejected"]] == [2]


@given(st.lists(st.integers(0, 3600), min_size=2, max_size=9))
def test_no_second_of_use_is_lost(tmp_path_factory, seconds):
    lines = [f"n{n % 2},2026-09-01T0{n}:00:00Z,job-{n % 3},{s}" for n, s in enumerate(seconds)]
    folder = tmp_path_factory.mktemp("use")
    text = "\n".join(["node,hour,subject_uid,reserved_s", *lines])
    (folder / "use.csv").write_text(text)
    rows = seen_by(source("usage", folder))
    assert sum(row["reserved_s"] for row in rows["gpu_hours"]) == sum(seconds)


def test_requests_are_read_and_name_their_service(tmp_path):
    text = (
        "subject_kind,subject_uid,hour,model,requests,failed,tokens_in,labels\n"
        "endpoint,chat,2026-09-01T10:00:00Z,m-7b,120,3,9000,team=ml\n"
        "endpoint,chat,2026-09-02T10:00:00Z,m-7b,0,,,\n"
        "endpoint,search,2026-09-02T10:30:00Z,m-7b,5,,,\n"
        "endpoint,search,2026-09-02T11:00:00Z,m-7b,-5,,,\n"
    )
    rows = seen_by(written(tmp_path, asked=text))
    names = ("day", "platform", "subject_uid", "requests", "failed", "tokens_in", "labels")
    assert hours_of(rows["requests"], *names) == [
        ("2026-09-01", "edge", "chat", 120, 3, 9000, '{"team":"ml"}'),
        ("2026-09-02", "edge", "chat", 0, None, None, None),
    ]
    assert hours_of(rows["subjects"], "day", "subject_kind", "subject_uid") == [
        ("2026-09-01", "endpoint", "chat"), ("2026-09-02", "endpoint", "chat"),
    ]  # fmt: skip
    assert [row["column"] for row in rows["rejected"]] == ["hour", "requests"]


def test_things_are_told_with_all_that_is_known_of_them(tmp_path):
    text = (
        "day,subject_kind,subject_uid,resource_id,state,last_used,gpus,bytes,artefact,uses\n"
        "2026-09-01,volume,vol-1,arn:1,available,2026-08-01T00:00:00Z,,1000,,\n"
        "2026-09-01,endpoint,chat,arn:2,running,,8,,sha256:ab,s3://b;s3://a\n"
        '2026-09-01,endpoint,search,arn:3,running,,8,,,"[""s3://c""]"\n'
        "2026-09-01,endpoint,draw,arn:4,running,,8,,,[s3\n"
    )
    rows = seen_by(written(tmp_path, things=text))
    names = ("subject_uid", "resource_id", "state", "gpus", "bytes", "artefact", "uses")
    assert hours_of(rows["subjects"], *names) == [
        ("chat", "arn:2", "running", 8, None, "sha256:ab", '["s3://a","s3://b"]'),
        ("search", "arn:3", "running", 8, None, None, '["s3://c"]'),
        ("vol-1", "arn:1", "available", None, 1000, None, None),
    ]
    assert [row["column"] for row in rows["rejected"]] == ["uses"]


def test_a_column_that_is_empty_throughout_tells_nothing(tmp_path):
    text = HOURS.replace("labels", "labels,parent_uid,account", 1).replace("\n", ",,\n")
    rows = seen_by(written(tmp_path, use=text.replace("account,,", "account")))
    assert [row["parent_uid"] for row in rows["subjects"]] == [None, None]
    assert len(rows["gpu_hours"]) == 3
