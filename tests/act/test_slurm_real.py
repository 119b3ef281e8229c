"""Each fix of a real Slurm, done and undone; and what it does not do over somebody's head."""

import datetime as dt
import os
import stat

import pytest

from tests.components import until
from watermaster.act.slurm import target
from watermaster.model.acts import Held, Remedy, TargetSpec, shows
from watermaster.model.errors import NotFoundError, RefusedError
from watermaster.testing.act_conformance import Case, conforms, refuses_a_changed_world

SCRIPT = """#!/bin/bash
#SBATCH --time=10
# it's "quoted" $HOME
env > "env.$SLURM_JOB_ID"
sleep 600
"""


@pytest.fixture
def real(slurm, monkeypatch):
    """Its commands on the path; what a test leaves is ended."""
    monkeypatch.setenv("PATH", str(slurm.folder / "bin"), prepend=":")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never to be seen by a job")
    (slurm.folder / "job.sh").write_text(SCRIPT)
    yield slurm
    slurm.run("scancel", "-u", "root")
    for name in ("course", "lent"):
        if name in slurm.run("scontrol", "-o", "show", "reservation"):
            slurm.run("scontrol", "delete", f"ReservationName={name}")
    until(lambda: not slurm.run("squeue", "-h").strip(), 60, "the end of all jobs")


@pytest.fixture
def spec():
    verbs = ["cancel", "hold", "release-reservation"]
    return TargetSpec(type="slurm", platform="brook", verbs=verbs)


def submitted(slurm, *options, name="tune"):
    """Two jobs, so that one of them is another."""
    words = ("sbatch", "--parsable", "--mem=50", "--comment=team=ml", f"-J{name}", *options)
    return [slurm.run(*words, "job.sh", "--lr", "Lr=0.1").strip() for _ in range(2)]


def field(slurm, number, key):
    told = slurm.run("scontrol", "-o", "show", "job", number)
    return told.split(f" {key}=")[1].split(" ")[0]


def uid_of(slurm, number):
    told = slurm.run("env", "SLURM_TIME_FORMAT=%s", "scontrol", "-o", "show", "job", number)
    line = next(one for one in told.splitlines() if one.startswith(f"JobId={number} "))
    return f"brook:{number}:{line.split('SubmitTime=')[1].split(' ')[0]}"


def remedy(slurm, verb, number):
    return Remedy(verb=verb, platform="brook", kind="slurm-job", uid=uid_of(slurm, number), why="x")


def queue(slurm):
    """Every job that is not over: its number, its comment, and whether it is held."""
    told = slurm.run("squeue", "-a", "-h", "-o", "%i|%k|%Q").replace("(null)", "").splitlines()
    return sorted((one, comment, priority == "0") for one, comment, priority in
                  (line.split("|") for line in told))  # fmt: skip


def case(slurm, spec, asked, fix):
    return Case(lambda: target(spec), asked, lambda: queue(slurm), fix=fix)


def test_a_cancelled_job_is_submitted_again_as_it_was(real, spec):
    one, other = submitted(real, "-ph100", "--gres=gpu:h100:2", "-Aresearch", "--nice=3")
    until(lambda: field(real, one, "JobState") == "RUNNING", 30, "its start")
    steps = conforms(case(real, spec, remedy(real, "cancel", one), "aaaaaaaaaaaa"))
    assert [step.verb for step in steps] == ["keep-script", "cancel"]
    assert field(real, other, "JobState") == "RUNNING"
    (again,) = (number for number, comment, _ in queue(real) if "aaaaaaaaaaaa" in comment)
    for key, value in {
        "JobName": "tune", "Account": "research", "Partition": "h100", "Nice": "3",
        "TresPerNode": "gres:gpu:h100:2", "MinMemoryNode": "50M", "TimeLimit": "00:10:00",
        "JobState": "PENDING", "Reason": "JobHeldUser",
        "Comment": "team=ml,watermaster-fix=aaaaaaaaaaaa", "WorkDir": str(real.folder),
    }.items():  # fmt: skip
        assert field(real, again, key) == value
    assert real.run("scontrol", "write", "batch_script", again, "-") == SCRIPT
    assert real.run("scontrol", "-o", "show", "job", again).split("Command=")[1].split(
        " WorkDir")[0].split(" ")[1:] == ["--lr", "Lr=0.1"]  # fmt: skip
    real.run("scontrol", "release", again)
    told = real.folder / f"env.{again}"
    until(lambda: told.exists() and "SLURM_JOB_ID" in told.read_text(), 30, "its start")
    assert "never to be seen" not in told.read_text()


def test_a_job_that_changed_or_ended_is_not_cancelled_nor_submitted_again(real, spec):
    one, other = submitted(real, "--hold")
    asked = case(real, spec, remedy(real, "cancel", one), "bbbbbbbbbbbb")
    refuses_a_changed_world(
        asked, lambda: real.run("scontrol", "update", f"JobId={one}", "Name=other")
    )
    keep, cancel = target(spec).steps(remedy(real, "cancel", other))
    left = target(spec).do(keep, Held(token="c-0", before={}))
    real.run("scancel", other)
    held = Held(token="c-1", before={}, left=left)
    with pytest.raises(RefusedError, match="somebody else's hand"):
        target(spec).do(cancel, held)
    assert target(spec).undo(cancel, held) == {}
    assert [number for number, _, _ in queue(real)] == [one]
    with pytest.raises(NotFoundError, match="has ended"):
        target(spec).steps(remedy(real, "cancel", other))


def test_one_task_of_an_array_is_cancelled_and_not_the_others(real, spec):
    (array, _) = submitted(real, "--array=1-3", "--hold")
    real.run("scontrol", "release", f"{array}_2")
    until(lambda: f"{array}_2" in real.run("squeue", "-h", "-t", "R", "-o", "%i"), 30, "task 2")
    told = real.run("squeue", "-h", "-t", "R", "-o", "%i %A").split()
    number = told[told.index(f"{array}_2") + 1]
    conforms(case(real, spec, remedy(real, "cancel", number), "dddddddddddd"))
    waiting = real.run("squeue", "-h", "-r", "-o", "%F %K %k")
    assert {f"{array} 1", f"{array} 3"} <= {line[: line.rindex(" ")] for line in
                                           waiting.splitlines()}  # fmt: skip
    (again,) = (line for line in waiting.splitlines() if "dddd" in line)
    assert again.split()[1] == "2"


def test_a_job_that_waits_is_held_and_released(real, spec):
    first, _ = submitted(real, "--hold")
    one, other = submitted(real, f"--dependency=afterok:{first}")  # so that they wait
    asked = case(real, spec, remedy(real, "hold", one), "eeeeeeeeeeee")
    before = queue(real)
    (step,) = conforms(asked)
    assert queue(real) == before
    assert step.want == {"state": "PENDING", "held": True}
    refuses_a_changed_world(asked, lambda: real.run("scontrol", "hold", one))
    assert field(real, one, "Priority") == "0"  # held by somebody else: it stays so
    assert field(real, other, "Priority") != "0"
    with pytest.raises(RefusedError, match="held already"):
        target(spec).steps(remedy(real, "hold", one))
    one, _ = submitted(real)
    until(lambda: field(real, one, "JobState") == "RUNNING", 30, "its start")
    with pytest.raises(RefusedError, match="only what waits can be held"):
        target(spec).steps(remedy(real, "hold", one))


def test_a_comment_that_was_not_there_is_gone_again(real, spec):
    made = ("sbatch", "--parsable", "--mem=50")
    first = real.run(*made, "--hold", "job.sh").strip()
    waits = [real.run(*made, f"-dafterok:{first}", "job.sh").strip() for _ in range(2)]
    before = queue(real)
    assert {comment for _, comment, _ in before} == {""}
    conforms(case(real, spec, remedy(real, "hold", waits[0]), "cdcdcdcdcdcd"))
    assert queue(real) == before


def stand_in(folder, name, script):
    """A program of this name before all others."""
    door = folder / name
    door.write_text(f"#!/bin/sh\n{script}\n")
    door.chmod(door.stat().st_mode | stat.S_IXUSR)


def test_what_slurmctld_has_forgotten_accounting_knows(real, spec, tmp_path, monkeypatch):
    """MinJobAge is 300 s: a stand-in for scontrol forgets at once, accounting is real."""
    one, _ = submitted(real, "--gres=gpu:1")
    until(lambda: field(real, one, "JobState") == "RUNNING", 30, "its start")
    keep, cancel = target(spec).steps(remedy(real, "cancel", one))
    kept = target(spec).do(keep, Held(token="efefefefefef-0", before={}))
    held = Held(token="efefefefefef-1", before={}, left=kept)
    left = target(spec).do(cancel, held)
    until(lambda: "watermaster-fix" in real.run(
        "sacct", "-X", "-n", "-j", one, "-o", "State,Comment%80"), 30, "its end")  # fmt: skip
    forgets = 'case "$*" in *"show job"*) echo "Invalid job id specified" >&2; exit 1;; esac'
    rest = f'exec {real.folder}/bin/scontrol "$@"'
    stand_in(tmp_path, "scontrol", f"{forgets.replace('exit 1', '[ $# = 3 ]; exit')}\n{rest}")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        assert target(spec).do(cancel, held) == left
        other = Held(token="ababefefefef-1", before={}, left=kept)
        with pytest.raises(RefusedError, match="somebody else's hand"):
            target(spec).do(cancel, other)
        assert target(spec).undo(cancel, other) == {}
        spec.options["resubmit"] = "released"  # what is held never comes into accounting
        again = target(spec).undo(cancel, held)["resubmitted"]
        until(lambda: "efef" in real.run("sacct", "-aXn", "-o", "SubmitLine%300"), 30, "its record")
        assert target(spec).undo(cancel, held) == {}
    assert field(real, again, "TresPerNode") == "gres:gpu:1"


def test_who_may_not_is_told_before_anything_is_approved(real, spec, tmp_path, monkeypatch):
    one, _ = submitted(real, "--hold")
    asked = remedy(real, "cancel", one)
    stand_in(tmp_path, "id", "echo ops")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(RefusedError, match=r"is root's, not ops's; an Operator .* user ops set"):
        target(spec).steps(asked)
    real.run("sacctmgr", "-i", "-Q", "add", "user", "ops", "account=ml", "AdminLevel=Operator")
    try:
        (cancel,) = target(spec).steps(asked)
    finally:
        real.run("sacctmgr", "-i", "-Q", "delete", "user", "ops")
    assert cancel.undo == ""
    assert cancel.asked["beware"] == "root can submit it again, not ops"


def reserve(slurm, name, **fields):
    about = {"StartTime": "now", "Duration": "120", "Nodes": "gpu2"} | fields
    about |= {} if "Accounts" in fields else {"Users": "root"}
    asked = [f"{key}={value}" for key, value in about.items()]
    slurm.run("scontrol", "create", "reservation", f"ReservationName={name}", *asked)


def releases(name):
    return Remedy(verb="release-reservation", platform="brook", kind="reservation", uid=name,
                  why="idle")  # fmt: skip


def reservations(slurm):
    return slurm.run("scontrol", "-o", "show", "reservation")


def test_a_reservation_is_released_and_made_again_until_the_same_end(real, spec):
    reserve(real, "course")
    reserve(real, "lent", Nodes="gpu3", StartTime="now+3600", Flags="IGNORE_JOBS",
            Accounts="ml")  # fmt: skip
    was = reservations(real)
    named = spec.model_copy(update={"location": "sacct:brook"})
    for name, chosen in (("lent", named), ("course", spec)):
        asked = Case(
            lambda chosen=chosen: target(chosen), releases(name), lambda: reservations(real)
        )
        (step,) = conforms(asked)
        assert step.seen["ends_at"].isdigit()
    lent = next(line for line in was.splitlines() if "=lent " in line)
    assert lent in reservations(real)  # one that is to come is the same to the second
    refuses_a_changed_world(
        asked, lambda: real.run("scontrol", "update", "ReservationName=course", "Duration=180")
    )
    job = submitted(real, "--reservation=course", "-ph100")[0]
    with pytest.raises(RefusedError, match=f"waited for by jobs .*{job}"):
        target(spec).steps(releases("course"))
    with pytest.raises(NotFoundError, match="not there any more"):
        target(spec).steps(releases("nobody"))


def test_a_reservation_comes_back_over_jobs_that_run_there_by_now(real, spec):
    reserve(real, "course")
    (step,) = target(spec).steps(releases("course"))
    held = Held(token="f-0", before={})
    target(spec).do(step, held)
    job = submitted(real, "-wgpu2")[0]
    until(lambda: field(real, job, "JobState") == "RUNNING", 30, "its start")
    assert "go on to their end" in target(spec).undo(step, held)["overlaps"]
    assert shows(target(spec).look(step, held), step.seen)
    assert field(real, job, "JobState") == "RUNNING"
    past = step.seen | {"ends_at": str(int(dt.datetime.now(dt.UTC).timestamp()) - 5)}
    real.run("scancel", "-u", "root")
    real.run("scontrol", "delete", "ReservationName=course")
    ended = type(step)(verb=step.verb, subject=step.subject, want=step.want, seen=past,
                       asked=step.asked, undo=step.undo)  # fmt: skip
    assert target(spec).undo(ended, held) == {"left_alone": "its end has passed"}
    reserve(real, "lent", Flags="DAILY")
    with pytest.raises(RefusedError, match="comes again"):
        target(spec).steps(releases("lent"))


def test_the_commands_work_over_ssh_with_every_word_quoted(real, spec, tmp_path, monkeypatch):
    """No sshd here: a stand-in does what ssh does with its last word, in a shell."""
    stand_in(tmp_path, "ssh", 'for word; do last=$word; done\nexec sh -c "$last"')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    there = spec.model_copy(update={"options": {"ssh": "ops@login", "resubmit": "released"}})
    one, other = submitted(real, "--begin=now+1hour", name="it's $HOME; two  words")
    conforms(case(real, there, remedy(real, "cancel", one), "abababababab"))
    (again,) = (number for number, comment, _ in queue(real) if "abab" in comment)
    assert "it's $HOME; two  words" in real.run("scontrol", "-o", "show", "job", again)
    assert field(real, again, "Reason") == "BeginTime"
    begins = field(real, again, "EligibleTime"), field(real, again, "Comment")
    assert begins == (field(real, other, "EligibleTime"), "team=ml,watermaster-fix=abababababab")


def test_a_cluster_that_does_not_answer_is_said_to(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = Remedy(verb="cancel", platform="b", kind="slurm-job", uid="b:1:2", why="x")
    with pytest.raises(RefusedError, match=r"(env|scontrol): is not installed here"):
        target(spec).steps(asked)
