"""Slurm's accounting from saved text: what ran, what it held, what the nodes offered."""

import datetime as dt
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.observe.rows import as_lines, hours_of, plain, seen_by, source, written_later
from watermaster.model.errors import BadInputError
from watermaster.units.periods import Period, parse_month

GOLDEN = Path(__file__).parents[1] / "golden" / "slurm"
HEAD = (
    "Cluster|JobID|JobIDRaw|JobName|Account|User|Partition|QOS|WCKey|Comment|State|ExitCode|Submit"
    "|Start|End|ElapsedRaw|NNodes|NodeList|AllocTRES|ReqTRES|TRESUsageInAve\n"
)
NODES = "node,partition,model,gpus\ngpu[1-2],h100,h100,4\ngpu3,a100,a100,8\n"


def line(job, state, times, *, nodes="gpu1", gpus="gres/gpu:h100=2,gres/gpu=2", **more):
    told = {"raw": job, "name": "train", "comment": "", "used": "", "elapsed": ""} | more
    return (
        f"hal|{job}|{told['raw']}|{told['name']}|ml|u1|h100|normal||{told['comment']}|{state}|0:0|"
        f"{'|'.join(times)}|{told['elapsed']}|1|{nodes}|{gpus}||{told['used']}\n"
    )


def at(day, clock):
    return f"2026-09-{day:02}T{clock}"


def saved(tmp_path, *lines, nodes=NODES, **files):
    (tmp_path / "jobs.txt").write_text(HEAD + "".join(lines))
    for name, text in ({"nodes": nodes} | files).items():
        (tmp_path / f"{name}.csv").write_text(text)
    return source("slurm", written_later(tmp_path))


def test_a_job_over_midnight_is_on_both_days(tmp_path):
    run = (at(1, "20:00:00"), at(1, "23:30:00"), at(2, "01:15:00"))
    other = (at(1, "20:00:00"), at(1, "22:00:00"), at(1, "22:00:30"))
    rows = seen_by(saved(tmp_path, line("17", "COMPLETED", run), line("18", "FAILED", other)))
    uid = "hal:17:1788292800"
    assert hours_of(rows["gpu_hours"], "day", "hour", "subject_uid", "reserved_s") == [
        ("2026-09-01", "2026-09-01T22:00:00Z", "hal:18:1788292800", 60),
        ("2026-09-01", "2026-09-01T23:00:00Z", uid, 3600),
        ("2026-09-02", "2026-09-02T00:00:00Z", uid, 7200),
        ("2026-09-02", "2026-09-02T01:00:00Z", uid, 1800),
    ]
    assert hours_of(rows["subjects"], "day", "subject_uid", "first_seen", "last_seen") == [
        ("2026-09-01", uid, "2026-09-01T23:30:00Z", "2026-09-02T00:00:00Z"),
        ("2026-09-01", "hal:18:1788292800", "2026-09-01T22:00:00Z", "2026-09-01T22:00:30Z"),
        ("2026-09-02", uid, "2026-09-02T00:00:00Z", "2026-09-02T01:15:00Z"),
    ]
    assert hours_of(rows["runs"], "day", "state", "gpus") == [
        ("2026-09-01", "FAILED", 2),
        ("2026-09-02", "COMPLETED", 2),
    ]


def test_gpus_are_spread_over_the_nodes_that_have_the_model(tmp_path):
    run = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "00:00:10"))
    mixed = "gres/gpu:h100=3,gres/gpu:a100=8,gres/gpu=11"
    rows = seen_by(
        saved(
            tmp_path,
            line("1", "COMPLETED", run, nodes="gpu[1-3]", gpus=mixed),
            line("2", "COMPLETED", run, nodes="gpu[2-3]", gpus="gres/gpu=9"),
        )
    )
    assert hours_of(rows["gpu_hours"], "subject_uid", "node", "model", "reserved_s") == [
        ("hal:1:1788220800", "gpu1", "h100", 20),
        ("hal:1:1788220800", "gpu2", "h100", 10),
        ("hal:1:1788220800", "gpu3", "a100", 80),
        ("hal:2:1788220800", "gpu2", "h100", 50),
        ("hal:2:1788220800", "gpu3", "a100", 40),
    ]


def test_steps_give_utilisation_and_no_time(tmp_path):
    run = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "01:00:00"))
    rows = seen_by(
        saved(
            tmp_path,
            line("1", "COMPLETED", run),
            line("1.batch", "COMPLETED", run, used="cpu=00:00:01,gres/gpuutil=20", elapsed="600"),
            line("1.0", "COMPLETED", run, used="gres/gpuutil=80,mem=3M", elapsed="3000"),
            line("2", "COMPLETED", run),
            line("2.batch", "COMPLETED", run, used="mem=3M", elapsed="3600"),
        )
    )
    names = ("subject_uid", "reserved_s", "used_s", "utilisation_field")
    assert hours_of(rows["gpu_hours"], *names) == [
        ("hal:1:1788220800", 7200, 5040, "GPU_UTIL"),  # (600 x 20% + 3000 x 80%) / 3600 = 70%
        ("hal:2:1788220800", 7200, None, None),
    ]


def test_every_attempt_counts_and_no_subject_leaves_twice_a_day(tmp_path):
    first = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "00:10:00"))
    again = (at(1, "00:00:00"), at(1, "00:20:00"), at(1, "00:30:00"))
    task = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "00:01:00"))
    rows = seen_by(
        saved(
            tmp_path,
            line("7", "REQUEUED", first),
            line("7", "COMPLETED", again),
            line("8_0", "COMPLETED", task, raw="9"),
            line("8_1", "CANCELLED by 1000", task, raw="8"),
        )
    )
    names = ("subject_uid", "attempt", "state")
    assert hours_of(rows["runs"], *names) == [
        ("hal:7:1788220800", 0, "REQUEUED"),
        ("hal:7:1788220800", 1, "COMPLETED"),
        ("hal:8:1788220800", 0, "CANCELLED"),
        ("hal:9:1788220800", 0, "COMPLETED"),
    ]
    assert sum(row["reserved_s"] for row in rows["gpu_hours"]) == 2 * (600 + 600 + 60 + 60)
    assert len(rows["subjects"]) == 3
    labels = {row["subject_uid"]: row["labels"] for row in rows["subjects"]}
    assert labels["hal:9:1788220800"] == '{"array":"8","partition":"h100","qos":"normal"}'


def test_a_running_job_holds_its_gpus_up_to_when_it_was_seen(tmp_path):
    run = (at(1, "00:00:00"), at(1, "01:00:00"), "Unknown")
    waits = (at(1, "00:00:00"), "Unknown", "Unknown")
    rows = seen_by(
        saved(
            tmp_path,
            line("1", "RUNNING", run, elapsed="5400"),
            line("2", "PENDING", waits, nodes="None assigned", gpus=""),
        )
    )
    assert hours_of(rows["gpu_hours"], "hour", "reserved_s") == [
        ("2026-09-01T01:00:00Z", 7200),
        ("2026-09-01T02:00:00Z", 3600),
    ]
    assert [(row["state"], row["ended_at"]) for row in rows["runs"]] == [("RUNNING", None)]
    assert max(plain(row["hour"]) for row in rows["gpu_supply"]) == "2026-09-01T02:00:00Z"
    by_hour = [r["present_s"] for r in rows["gpu_supply"] if r["node"] == "gpu3"]
    assert by_hour == [8 * 3600, 8 * 3600, 8 * 1800]


def test_drained_closes_and_down_breaks(tmp_path):
    run = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "02:00:00"))
    events = (
        "Cluster|NodeName|TimeStart|TimeEnd|State|Reason\n"
        f"hal||{at(1, '00:00:00')}|Unknown||Cluster Registered TRES\n"
        f"hal|gpu1|{at(1, '00:30:00')}|{at(1, '01:30:00')}|DRAIN|fan\n"
        f"hal|gpu1|{at(1, '01:00:00')}|{at(1, '01:15:00')}|DOWN*+DRAIN|gone\n"
        f"hal|gpu[2-3]|{at(1, '01:45:00')}|Unknown|DOWN|power\n"
    )
    spec = saved(tmp_path, line("1", "COMPLETED", run), events=events)
    window = Period(parse_month("2026-09").start, parse_month("2026-09").start.replace(hour=2))
    rows = seen_by(spec, window)
    names = ("node", "hour", "present_s", "healthy_s", "schedulable_s")
    assert [(n, h[11:13], *s) for n, h, *s in hours_of(rows["gpu_supply"], *names)] == [
        ("gpu1", "00", 14400, 14400, 7200),
        ("gpu1", "01", 14400, 10800, 7200),
        ("gpu2", "00", 14400, 14400, 14400),
        ("gpu2", "01", 14400, 10800, 10800),
        ("gpu3", "00", 28800, 28800, 28800),
        ("gpu3", "01", 28800, 21600, 21600),
    ]


def test_times_are_in_the_zone_of_the_cluster(tmp_path):
    run = (at(1, "01:00:00"), at(1, "01:00:00"), at(1, "02:00:00"))
    epoch = ("1788217200", "1788217200", "1788220800")
    spec = saved(tmp_path, line("1", "COMPLETED", run), line("2", "COMPLETED", epoch))
    rows = seen_by(spec.model_copy(update={"time_zone": "Europe/Berlin"}))
    assert {plain(row["hour"]) for row in rows["gpu_hours"]} == {"2026-08-31T23:00:00Z"}


def test_only_the_window_is_read(tmp_path):
    run = (at(1, "00:00:00"), at(1, "00:00:00"), at(3, "00:00:00"))
    spec = saved(tmp_path, line("1", "COMPLETED", run), line("2", "COMPLETED", run))
    start = parse_month("2026-09").start
    rows = seen_by(spec, Period(start.replace(day=2), start.replace(day=3)))
    assert {row["day"] for row in rows["gpu_hours"] + rows["subjects"]} == {"2026-09-02"}
    assert sum(row["reserved_s"] for row in rows["gpu_hours"]) == 2 * 2 * 86400
    assert "runs" not in rows


def test_a_job_that_two_reports_tell_counts_once_and_the_newer_stands(tmp_path):
    running = (at(1, "00:00:00"), at(1, "00:00:00"), "Unknown")
    ended = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "03:00:00"))
    (tmp_path / "2026-09-01.txt").write_text(HEAD + line("1", "RUNNING", running, elapsed="3600"))
    (tmp_path / "2026-09-02.txt").write_text(
        HEAD + line("1", "COMPLETED", ended) + line("2", "COMPLETED", ended)
    )
    rows = seen_by(source("slurm", tmp_path))
    assert sum(row["reserved_s"] for row in rows["gpu_hours"]) == 2 * 2 * 3 * 3600
    assert {row["state"] for row in rows["runs"]} == {"COMPLETED"}


def test_bad_rows_are_told_and_good_ones_kept(tmp_path):
    run = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "01:00:00"))
    odd = (at(1, "00:00:00"), "soon", at(1, "01:00:00"))
    rows = seen_by(
        saved(
            tmp_path,
            line("1", "COMPLETED", run),
            line("2", "COMPLETED", odd),
            line("3", "COMPLETED", run, name="a|b"),
            line("4", "COMPLETED", run),
        )
    )
    assert len(rows["runs"]) == 2
    assert [(r["row"], r["column"]) for r in rows["rejected"]] == [(2, "Start"), (3, "")]
    assert rows["rejected"][0]["value"] == "soon"


def test_without_nodes_supply_is_unknown_and_said_to_be(tmp_path):
    run = (at(1, "00:00:00"), at(1, "00:00:00"), at(1, "01:00:00"))
    (tmp_path / "jobs.txt").write_text(HEAD + line("1", "COMPLETED", run))
    told = []
    rows = seen_by(source("slurm", tmp_path), told=told)
    assert "gpu_supply" not in rows
    assert any("scontrol show node" in getattr(event, "text", "") for event in told)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("JobID|State\n1|COMPLETED\n", "lacks the fields Submit, Start, End"),
        ("hello\n", "no Slurm command prints"),
        ('{"meta": {}, "jobs": [{"job_id": 1', "ends inside a list"),
        ('{"meta": {}}', "has no list"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, words):
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(BadInputError, match=words) as caught:
        seen_by(source("slurm", tmp_path))
    assert "x.txt" in str(caught.value)


@pytest.mark.parametrize("kind", ["text", "json"])
def test_what_a_real_slurm_printed_golden(tmp_path, kind):
    folder = written_later(shutil.copytree(GOLDEN / kind, tmp_path / kind))
    start = parse_month("2026-11").start.replace(day=23)
    rows = seen_by(source("slurm", folder), Period(start.replace(hour=4), start.replace(hour=6)))
    expected = GOLDEN / f"{kind}.jsonl"
    assert as_lines(rows) == expected.read_text()


def test_newer_json_says_the_same(tmp_path):
    job = (
        '{"account":"ml","array":{"job_id":8,"task_id":{"set":true,"infinite":false,"number":3}},'
        '"cluster":"hal","comment":{"job":"team=ml"},"job_id":%d,"name":"t","nodes":"gpu1",'
        '"partition":"h100","qos":"normal","state":{"current":["FAILED"]},"restart_cnt":2,'
        '"exit_code":{"return_code":{"set":true,"infinite":false,"number":3},"signal":{"id":'
        '{"set":false,"infinite":false,"number":0}}},"time":{"elapsed":10,"end":1788220810,'
        '"start":1788220800,"submission":1788220800},"tres":{"allocated":[{"type":"gres",'
        '"name":"gpu:h100","count":4},{"type":"gres","name":"gpu","count":4}]},"user":"u1",'
        '"wckey":{"wckey":"*w"}}'
    )
    text = '{"jobs": [\n' + ",\n".join(job % n for n in (11, 12)) + '\n], "errors": []}'
    (tmp_path / "jobs.json").write_text(text)
    rows = seen_by(source("slurm", tmp_path))
    names = ("subject_uid", "attempt", "state", "exit_code", "gpus")
    assert hours_of(rows["runs"], *names) == [
        ("hal:11:1788220800", 2, "FAILED", "3:0", 4),
        ("hal:12:1788220800", 2, "FAILED", "3:0", 4),
    ]
    assert {row["labels"] for row in rows["subjects"]} == {
        '{"array":"8","comment":"team=ml","partition":"h100","qos":"normal","team":"ml","wckey":"w"}'
    }


def test_what_stood_in_a_real_slurm_golden(tmp_path):
    folder = shutil.copytree(GOLDEN / "standing", tmp_path / "standing")
    seen_at = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC).timestamp()
    for path in folder.iterdir():
        os.utime(path, (seen_at, seen_at))
    day = parse_month("2026-11").start.replace(day=23)
    rows = seen_by(source("slurm", folder, platform="brook"), Period(day, day.replace(day=24)))
    rows = {name: rows.get(name, []) for name in ("subjects", "rejected")}
    assert as_lines(rows) == (GOLDEN / "standing.jsonl").read_text()


def standing(tmp_path, **files):
    seen_at = dt.datetime(2026, 9, 3, 12, tzinfo=dt.UTC).timestamp()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (seen_at, seen_at))
    return seen_by(source("slurm", tmp_path, platform="hal"))


def test_a_queue_of_newer_json_says_the_same(tmp_path):
    def numbered(value):
        return {"set": True, "infinite": False, "number": value}

    told = {
        "account": "ml", "submit_time": numbered(1788220800), "job_state": ["PENDING"],
        "user_name": "u1", "state_reason": "Priority", "time_limit": numbered(60), "name": "t",
        "tres_req_str": "cpu=1,gres/gpu=2", "start_time": numbered(0), "priority": numbered(7),
        "array_job_id": numbered(0),
    }  # fmt: skip
    jobs = [*({"job_id": number} | told for number in (11, 12)), {"job_id": 13}]
    rows = standing(tmp_path, queue=json.dumps({"jobs": jobs}, indent=1))
    names = ("subject_uid", "state", "gpus", "account", "creator", "attributes")
    told = '{"priority":7,"reason":"Priority","time_limit_s":3600}'
    assert hours_of(rows["subjects"], *names) == [
        ("hal:11:1788220800", "pending", 2, "ml", "u1", told),
        ("hal:12:1788220800", "pending", 2, "ml", "u1", told),
    ]
    (fault,) = rows["rejected"]
    assert (fault["row"], fault["column"]) == (3, "submit_time")


def test_things_told_twice_or_by_halves_are_kept_once_or_told(tmp_path):
    rows = standing(
        tmp_path,
        nodes="NodeName=a State=IDLE Gres=gpu:h100:4\nNodeName=b\nNodeName=a State=DOWN*\n",
        held="ReservationName=x StartTime=2026-09-01T00:00:00 EndTime=2026-09-09T00:00:00\n"
        "ReservationName=y StartTime=2026-09-01T00:00:00 EndTime=soon\n",
        people="Cluster|Account|User|Share\nhal|ml||1\nhal|ml|u1|parent\nhal|broken\n",
        none="No jobs in the system\n",
    )
    found = {(row["subject_kind"], row["subject_uid"]): row["state"] for row in rows["subjects"]}
    assert found == {
        ("node", "a"): "down", ("reservation", "x"): None, ("slurm-account", "ml"): None,
    }  # fmt: skip
    assert sorted((row["file"], row["row"], row["value"]) for row in rows["rejected"]) == [
        ("held", 2, "2026-09-01T00:00:00 to soon"), ("nodes", 2, "b"), ("people", 1, "hal|broken"),
    ]  # fmt: skip
