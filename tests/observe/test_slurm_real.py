"""Jobs run on a real Slurm, read back through its own commands and through what they print."""

import datetime as dt

import pytest

from tests.components import until
from tests.observe.rows import hours_of, seen_by, source, written_later
from watermaster.model.errors import BadInputError
from watermaster.observe.slurm_jobs import FIELDS
from watermaster.units.periods import Period


@pytest.fixture(scope="module")
def worked(slurm):
    """A morning on the cluster: two jobs, an array, a failure, a requeue, a drained node."""
    start = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    jobs = {
        "train": slurm.submit(
            "-Jtrain", "-Aml", "--gres=gpu:h100:2", "--comment=team=ml", run="sleep 3"
        ),
        "wide": slurm.submit("-Jwide", "-Aresearch", "-N2", "--gres=gpu:1", run="sleep 2"),
        "tasks": slurm.submit("-Jtasks", "-Aml", "--array=0-1", "--gres=gpu:h100:1", run="sleep 2"),
        "fails": slurm.submit("-Jfails", "-Aml", "-pa100", "--gres=gpu:a100:8", run="exit 3"),
        "again": slurm.submit(
            "-Jagain",
            "-Aml",
            "--requeue",
            "--gres=gpu:h100:1",
            run='test "${SLURM_RESTART_COUNT:-0}" != 0 || sleep 60',
        ),
    }
    again = jobs["again"]
    until(lambda: "RUNNING" in slurm.run("squeue", "-h", f"-j{again}", "-o%T"), 30, "a start")
    slurm.run("scontrol", "requeue", again)
    until(lambda: "REQUEUED" in slurm.run("sacct", "-DXn", f"-j{again}", "-oState"), 30, "its end")
    until(lambda: "PENDING" in slurm.run("squeue", "-h", f"-j{again}", "-o%T"), 30, "a requeue")
    slurm.run("scontrol", "update", f"JobId={again}", "StartTime=now+3")
    until(lambda: "fails" not in slurm.run("squeue", "-h", "-o%j"), 30, "the failure")
    slurm.drain("test")
    slurm.wait()
    slurm.resume()
    return start, jobs


def window_of(worked):
    return Period(worked[0], worked[0] + dt.timedelta(hours=2))


@pytest.fixture(scope="module")
def live(slurm, worked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(slurm.folder / "bin"), prepend=":")
        return seen_by(source("slurm", "sacct:"), window_of(worked))


def jobs_of(rows):
    return [row for row in rows["subjects"] if row["subject_kind"] == "slurm-job"]


def by_name(rows):
    names = {row["subject_uid"]: row["name"] for row in rows["runs"]}
    found = {}
    for row in rows["gpu_hours"]:
        name = names[row["subject_uid"]]
        found[name] = found.get(name, 0) + row["reserved_s"]
    return found


def test_gpu_seconds_are_those_the_jobs_held(live):
    ran = {}
    began = [row for row in live["runs"] if row["started_at"]]  # others are cancelled before
    for row in began:
        lasted = (row["ended_at"] - row["started_at"]).total_seconds()
        ran[row["name"]] = ran.get(row["name"], 0) + int(lasted) * row["gpus"]
    assert by_name(live) == {name: seconds for name, seconds in ran.items() if seconds}
    assert 2 * 3 <= ran["train"] <= 2 * 8
    assert 2 * 2 <= ran["wide"] <= 2 * 8
    assert 2 * 1 <= ran["tasks"] <= 2 * 8


def test_every_kind_of_job_appears(live, worked):
    _, jobs = worked
    runs = hours_of(live["runs"], "name", "state", "attempt", "gpus", "model", "account")
    assert ("train", "COMPLETED", 0, 2, "h100", "ml") in runs
    assert ("fails", "FAILED", 0, 8, "a100", "ml") in runs
    assert ("wide", "COMPLETED", 0, 2, "h100", "research") in runs
    assert [run for run in runs if run[0] == "tasks"] == [
        ("tasks", "COMPLETED", 0, 1, "h100", "ml")
    ] * 2
    attempts = [run[1:3] for run in runs if run[0] == "again"]
    assert sorted(attempts, key=lambda one: one[1]) == [("REQUEUED", 0), ("COMPLETED", 1)]
    uids = {row["subject_uid"].split(":")[1] for row in jobs_of(live)}
    assert jobs["train"] in uids
    labels = {row["name"]: row["labels"] for row in jobs_of(live)}
    assert '"team":"ml"' in labels["train"]
    assert f'"array":"{jobs["tasks"]}"' in labels["tasks"]


def test_a_wide_job_holds_a_gpu_on_each_node(live):
    uid = next(row["subject_uid"] for row in live["runs"] if row["name"] == "wide")
    nodes = [row["node"] for row in live["gpu_hours"] if row["subject_uid"] == uid]
    assert sorted(set(nodes)) == ["gpu1", "gpu2"]


def test_a_drained_node_is_closed_but_there(live, slurm):
    lost = {}
    for row in live["gpu_supply"]:
        assert row["healthy_s"] == row["present_s"]
        gap = row["present_s"] - row["schedulable_s"]
        lost[row["node"]] = lost.get(row["node"], 0) + gap
    longest = sum(b - a + 2 for a, b in zip(slurm.drained[::2], slurm.drained[1::2], strict=False))
    assert lost["gpu1"] == lost["gpu2"] == 0
    assert 8 <= lost["gpu3"] <= 8 * longest


def test_what_the_commands_print_says_the_same(slurm, worked, live, tmp_path):
    (tmp_path / "json").mkdir()
    (tmp_path / "text").mkdir()
    nodes = slurm.run("scontrol", "show", "node")
    for folder in ("json", "text"):
        (tmp_path / folder / "nodes").write_text(nodes)
    since = worked[0].strftime("%Y-%m-%dT%H:%M:%S")
    said = slurm.run("sacct", "-a", "-D", "-P", "-S", since, "-o", FIELDS)
    (tmp_path / "text" / "jobs").write_text(said)
    (tmp_path / "json" / "jobs").write_text(slurm.run("sacct", "-a", "-D", "-S", since, "--json"))
    for folder in ("json", "text"):
        place = written_later(tmp_path / folder)
        rows = seen_by(source("slurm", place), window_of(worked))
        assert by_name(rows) == by_name(live), folder
        assert len(rows["subjects"]) == len(jobs_of(live)), folder


def test_a_cluster_that_is_not_there_is_named(slurm, monkeypatch, worked):
    monkeypatch.setenv("PATH", str(slurm.folder / "bin"), prepend=":")
    with pytest.raises(BadInputError, match="nowhere"):
        seen_by(source("slurm", "sacct:nowhere"), window_of(worked))
