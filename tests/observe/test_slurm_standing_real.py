"""What stands in a real Slurm: made there, and found by what its commands say."""

import datetime as dt
import json
import os
import shutil

import pytest

from tests.observe.rows import seen_by, source
from watermaster.model.errors import BadInputError
from watermaster.units.periods import Period

TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Period(TODAY, TODAY + dt.timedelta(days=2))
SAVED = {
    "nodes": "scontrol show node", "parts": "scontrol show partition",
    "held": "scontrol show reservation -o", "queue.json": "squeue -a --json",
    "limits": "sacctmgr -P show qos", "people": "sacctmgr -P show assoc",
}  # fmt: skip


@pytest.fixture(scope="module")
def stands(slurm):
    """A reservation, a QOS, an account with a user, and a job that waits; undone afterwards."""
    run = slurm.run
    run("sacctmgr", "-i", "-Q", "add", "qos", "long", "MaxWall=2-00:00:00", "GrpTRES=gres/gpu=6")
    run("sacctmgr", "-i", "-Q", "add", "account", "vision", "parent=ml", "fairshare=7",
        "GrpTRES=gres/gpu=4", "Description=See | tell", "Organization=lab")  # fmt: skip
    run("sacctmgr", "-i", "-Q", "add", "user", "anna", "account=vision", "fairshare=3")
    run("scontrol", "create", "reservation", "ReservationName=course", "StartTime=now+3600",
        "Duration=120", "Users=root", "Nodes=gpu3")  # fmt: skip
    run("scontrol", "create", "reservation", "ReservationName=some", "StartTime=now+3600",
        "Duration=60", "Accounts=ml", "CoreCnt=4", "PartitionName=h100")  # fmt: skip
    waits = run("sbatch", "--parsable", "--hold", "-Jwaits|a", "-Aml", "--gres=gpu:h100:4",
                "--comment=team=ml", "--wrap=true").strip()  # fmt: skip
    slurm.drain("bad fan on GPU 2")
    yield waits
    slurm.resume()
    run("scancel", waits)
    for name in ("course", "some"):
        run("scontrol", "delete", f"ReservationName={name}")
    for kind in ("account", "qos"):
        run("sacctmgr", "-i", "-Q", "delete", kind, "vision" if kind == "account" else "long")


def pulled(slurm, location="sacct:", **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(slurm.folder / "bin"), prepend=":")
        return seen_by(source("slurm", location, options=options), WINDOW)


@pytest.fixture(scope="module")
def seen(slurm, stands):
    return pulled(slurm)


def things(rows):
    return {(row["subject_kind"], row["subject_uid"]): row for row in rows["subjects"]}


def about(row):
    return json.loads(row["attributes"] or "{}")


def test_partitions_and_nodes_tell_their_accelerators(seen):
    held = things(seen)
    assert (held["partition", "h100"]["gpus"], held["partition", "a100"]["gpus"]) == (8, 8)
    assert about(held["partition", "h100"])["nodes"] == "gpu[1-2]"
    assert about(held["partition", "h100"])["max_time_s"] == 86400
    for name, gpus, model, partition in (("gpu1", 4, "h100", "h100"), ("gpu3", 8, "a100", "a100")):
        node = held["node", name]
        assert (node["gpus"], node["accelerator"]) == (gpus, model)
        assert (node["parent_uid"], node["platform"]) == (partition, "brook")
        assert about(node)["cpus"] == 16
        assert about(node)["memory_bytes"] == 64000 << 20


def test_a_reservation_tells_until_when_it_keeps_what_from_whom(seen):
    course = things(seen)["reservation", "course"]
    assert (course["gpus"], course["accelerator"], course["creator"]) == (8, "a100", "root")
    told = about(course)
    start, end = (dt.datetime.fromisoformat(told[edge]) for edge in ("start", "end"))
    assert end - start == dt.timedelta(hours=2)
    assert (told["nodes"], told["users"]) == ("gpu3", ["root"])
    some = things(seen)["reservation", "some"]
    assert (some["account"], some["gpus"]) == ("ml", None)  # some cores of a node: whose GPUs?


def test_a_qos_and_an_account_tell_their_limits(seen):
    limits = about(things(seen)["qos", "long"])
    assert (limits["max_wall"], limits["grp_tres"]) == ("2-00:00:00", "gres/gpu=6")
    account = things(seen)["slurm-account", "vision"]
    assert (account["parent_uid"], account["account"]) == ("ml", "vision")
    told = about(account)
    assert (told["fairshare"], told["grp_tres"]) == (7, "gres/gpu=4")
    assert told["description"].lower() == "see | tell"
    assert [(user["user"], user["fairshare"]) for user in told["users"]] == [("anna", 3)]


def test_a_job_that_waits_tells_why_and_what_it_wants(seen, stands):
    (job,) = (row for row in seen["subjects"] if row["name"] == "waits|a")
    cluster, number, submitted = job["subject_uid"].split(":")
    assert (cluster, number) == ("brook", stands)
    assert int(submitted) == job["created_at"].timestamp()
    assert (job["state"], job["gpus"], job["accelerator"]) == ("pending", 4, "h100")
    assert (job["account"], job["creator"]) == ("ml", "root")
    assert json.loads(job["labels"])["team"] == "ml"
    assert about(job)["reason"] == "JobHeldUser"
    assert not [row for row in seen.get("runs", []) if row["subject_uid"] == job["subject_uid"]]


def test_a_drained_node_tells_who_drained_it_when_and_why(slurm, seen):
    node = things(seen)["node", "gpu3"]
    assert node["state"] == "idle+drain"
    told = about(node)
    assert (told["reason"], told["reason_by"]) == ("bad fan on GPU 2", "root")
    since = dt.datetime.fromisoformat(told["reason_since"]).timestamp()
    assert any(abs(since - drained) < 5 for drained in slurm.drained)


def test_saved_output_tells_what_the_commands_tell(slurm, seen, tmp_path):
    for name, command in SAVED.items():
        (tmp_path / name).write_text(slurm.run(*command.split()))
    saved = seen_by(source("slurm", tmp_path, platform="brook"), WINDOW)
    names = ("state", "gpus", "accelerator", "account", "creator", "labels")
    mine = {key: [row[name] for name in names] for key, row in things(saved).items()}
    live = {
        key: [row[name] for name in names]
        for key, row in things(seen).items()
        if key[0] != "slurm-job" or row["state"] == "pending"
    }
    assert mine == live
    job = next(row for row in saved["subjects"] if row["subject_kind"] == "slurm-job")
    assert about(job)["reason"] == "JobHeldUser"
    (tmp_path / "queue.json").write_text(slurm.run("scontrol", "show", "job", "-o"))
    again = things(seen_by(source("slurm", tmp_path, platform="brook"), WINDOW))
    assert about(again["slurm-job", job["subject_uid"]]) == about(job)


def elsewhere(slurm, tmp_path, **ports):
    """The same commands, told of ports where nobody listens."""
    conf, folder = tmp_path / "slurm.conf", tmp_path / "bin"
    text = (slurm.folder / "slurm.conf").read_text()
    for name, port in ports.items():
        text = text.replace(f"{name}={port[0]}", f"{name}={port[1]}")
    conf.write_text(text)
    shutil.copytree(slurm.folder / "bin", folder)
    for door in folder.iterdir():
        door.write_text(door.read_text().replace(f"{slurm.folder}/slurm.conf", str(conf)))
    return folder


def test_without_accounting_what_stands_is_told_and_the_rest_is_a_gap(
    slurm, stands, tmp_path, monkeypatch
):
    doors = elsewhere(slurm, tmp_path, AccountingStoragePort=(26819, 9))
    monkeypatch.setenv("PATH", str(doors), prepend=":")
    rows = seen_by(source("slurm", "sacct:"), WINDOW)
    kinds = {row["subject_kind"] for row in rows["subjects"]}
    assert kinds == {"node", "partition", "reservation", "slurm-job"}
    gaps = {row["column"]: row["reason"] for row in rows["rejected"]}
    assert set(gaps) == {"slurm-job", "slurm-account", "qos", "outages"}
    assert "refused" in gaps["slurm-job"]
    assert {row["row"] for row in rows["rejected"]} == {0}
    assert "gpu_supply" not in rows  # which nodes were down, nobody says


def test_without_the_controller_accounting_is_told(slurm, stands, tmp_path, monkeypatch):
    doors = elsewhere(slurm, tmp_path, SlurmctldPort=(26817, 9))
    monkeypatch.setenv("PATH", str(doors), prepend=":")
    quick = {"timeoutSeconds": "2"}
    rows = seen_by(source("slurm", "sacct:", platform="brook", options=quick), WINDOW)
    kinds = {row["subject_kind"] for row in rows["subjects"]}
    assert {"qos", "slurm-account"} <= kinds <= {"qos", "slurm-account", "slurm-job"}
    gaps = {row["column"] for row in rows["rejected"]}
    assert gaps == {"cluster", "node", "partition", "reservation", "slurm-job"}


def test_a_slurm_without_json_tells_its_queue_all_the_same_and_half_of_one_is_a_gap(
    slurm, stands, seen, tmp_path, monkeypatch
):
    doors = elsewhere(slurm, tmp_path)
    monkeypatch.setenv("PATH", str(doors), prepend=":")
    squeue = (doors / "squeue").read_text()
    (doors / "squeue").write_text("#!/bin/sh\necho no such option >&2; exit 1\n")
    rows = seen_by(source("slurm", "sacct:"), WINDOW)
    (job,) = (row for row in rows["subjects"] if row["name"] == "waits|a")
    (told,) = (row for row in seen["subjects"] if row["name"] == "waits|a")
    assert (job["subject_uid"], about(job)) == (told["subject_uid"], about(told))
    (doors / "squeue").write_text(squeue.replace("exec ", "").rstrip() + " | head -n 250\n")
    other = slurm.run("sbatch", "--parsable", "--hold", "-Aml", "--wrap=true").strip()
    rows = seen_by(source("slurm", "sacct:"), WINDOW)
    slurm.run("scancel", other)
    assert [row["column"] for row in rows["rejected"]] == ["slurm-job"]
    assert {"node", "partition", "qos"} < {row["subject_kind"] for row in rows["subjects"]}


def test_what_private_data_hides_is_a_gap(slurm, stands, monkeypatch):
    conf = slurm.folder / "slurm.conf"
    text = conf.read_text()
    conf.write_text(f"{text}PrivateData=jobs,reservations\n")
    slurm.run("scontrol", "reconfigure")
    try:
        monkeypatch.setattr(os, "geteuid", lambda: 65534)
        rows = pulled(slurm)
    finally:
        conf.write_text(text)
        slurm.run("scontrol", "reconfigure")
    gaps = {row["column"]: row["reason"] for row in rows["rejected"]}
    assert set(gaps) == {"slurm-job", "reservation"}
    assert "AdminLevel=Operator" in gaps["slurm-job"]


def test_a_time_that_is_over_holds_nothing_of_what_stands_now(slurm, stands):
    start = TODAY - dt.timedelta(days=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(slurm.folder / "bin"), prepend=":")
        rows = seen_by(source("slurm", "sacct:"), Period(start, start + dt.timedelta(days=2)))
    assert "subjects" not in rows


def test_where_slurm_is_not_installed_nothing_is_taken_as_nothing_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInputError, match="not installed"):
        seen_by(source("slurm", "sacct:", platform="x"), WINDOW)
