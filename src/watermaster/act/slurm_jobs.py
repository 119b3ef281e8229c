"""A job of Slurm: what it is now, and how one like it is submitted again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from watermaster.act.slurm_commands import Commands, record_of, word
from watermaster.model.errors import NotFoundError, RefusedError

MARK: Final = "watermaster-fix="
OVER: Final = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
})  # fmt: skip
_AS_THEY_ARE: Final = {  # option of sbatch to the key of scontrol
    "--job-name": "JobName", "--account": "Account", "--partition": "Partition", "--qos": "QOS",
    "--chdir": "WorkDir", "--time": "TimeLimit", "--nodes": "NumNodes", "--ntasks": "NumTasks",
    "--cpus-per-task": "CPUs/Task", "--mem": "MinMemoryNode", "--mem-per-cpu": "MinMemoryCPU",
    "--constraint": "Features", "--reservation": "Reservation", "--licenses": "Licenses",
    "--nodelist": "ReqNodeList", "--exclude": "ExcNodeList", "--array": "ArrayTaskId",
    "--wckey": "WCKey", "--nice": "Nice", "--mail-user": "MailUser", "--mail-type": "MailType",
    "--gres": "TresPerNode", "--gpus": "TresPerJob", "--gpus-per-task": "TresPerTask",
    "--gpus-per-socket": "TresPerSocket",
}  # fmt: skip
_NONE_AT_0: Final = frozenset({"--nice", "--mem", "--mem-per-cpu"})  # --mem=0 is a whole node


@dataclass(frozen=True, slots=True)
class Job:
    """One record of `scontrol show job`."""

    told: Mapping[str, str]

    @property
    def id(self) -> str:
        """Its number; tasks of an array have their own."""
        return self.told["JobId"]

    @property
    def named(self) -> str:
        """As commands must name it: an array's number alone would mean all of its tasks."""
        tasks = self.told.get("ArrayTaskId")
        if not tasks:
            return self.id
        several = "" if tasks.isdigit() else tasks.partition("%")[0]
        return f"{self.told['ArrayJobId']}_{f'[{several}]' if several else tasks}"

    @property
    def name(self) -> str:
        """As whoever submitted it named it."""
        return self.told.get("JobName", "")

    @property
    def state(self) -> str:
        """PENDING, RUNNING, ..."""
        return self.told.get("JobState", "")

    @property
    def is_over(self) -> bool:
        """Whether it holds nothing any more, and will not."""
        return self.state in OVER

    @property
    def is_ending(self) -> bool:
        """Whether it is over, or its processes are being ended."""
        return self.is_over or self.state == "COMPLETING"

    @property
    def user(self) -> str:
        """Whose it is."""
        return self.told.get("UserId", "").partition("(")[0]

    @property
    def is_held(self) -> bool:
        """Whether somebody holds it back."""
        return self.told.get("Priority") == "0"

    @property
    def comment(self) -> str:
        """What people wrote, and our marks."""
        return word(self.told.get("Comment"))

    def marked(self, token: str) -> str:
        """Its comment with a mark in it."""
        parts = [part for part in self.comment.split(",") if part and part != MARK + token]
        return ",".join([*parts, MARK + token])

    def unmarked(self, token: str) -> str:
        """Its comment without a mark."""
        return ",".join(part for part in self.comment.split(",") if part != MARK + token)

    def is_marked(self, token: str) -> bool:
        """Whether a step has marked it."""
        return MARK + token in self.comment.split(",")


def job_of(commands: Commands, uid: str) -> Job | None:
    """The job of cluster:number:submitted; None where slurmctld has forgotten it."""
    _, number, submitted = uid.rsplit(":", 2)
    found = (job for job in jobs(commands, number) if job.id == number)
    return next((job for job in found if job.told.get("SubmitTime") == submitted), None)


def jobs(commands: Commands, number: str = "") -> list[Job]:
    """One job with the tasks of its array, or all that slurmctld knows."""
    said = commands.asked("scontrol", "-o", "show", "job", *([number] if number else []))
    if not said.is_done:
        if number and "Invalid job id" in said.fault:
            return []
        raise RefusedError("scontrol show job", " ".join(said.fault.split()), "try again")
    return [Job(record_of(line)) for line in said.out.splitlines() if line.startswith("JobId=")]


def must_be(job: Job | None, subject: str) -> Job:
    """The job, if it has not ended."""
    if job is None or job.is_over:
        raise NotFoundError(subject, "has ended", "nothing is left to do: wm sync")
    return job


def options_of(job: Job, user: str) -> Iterator[str]:
    """How `sbatch` is told to make one like it; user: who we are there."""
    for option, key in _AS_THEY_ARE.items():
        value = word(job.told.get(key))
        if option == "--gres":
            value = ",".join(_tres(value))
        elif option.startswith("--gpus"):
            value = ",".join(one.removeprefix("gpu:") for one in _tres(value))
        if value and not (option in _NONE_AT_0 and value == "0"):
            yield f"{option}={value}"
    yield "--requeue" if job.told.get("Requeue") == "1" else "--no-requeue"
    if job.told.get("OverSubscribe") == "NO":
        yield "--exclusive"
    begins = word(job.told.get("EligibleTime"))
    if job.state == "PENDING" and begins.isdigit() and begins > job.told.get("SubmitTime", ""):
        yield f"--begin=uts{begins}"
    waits = word(job.told.get("Dependency"))
    if waits:
        yield f"--dependency={_bare(waits)}"
    for option, key in (("--output", "StdOut"), ("--error", "StdErr")):
        path = word(job.told.get(key))
        if path and job.id not in path and "4294967294" not in path:  # no name made by Slurm
            yield f"{option}={path}"
    yield "--open-mode=append"
    if job.user != user:
        owner, group = job.told["UserId"], job.told.get("GroupId", "")
        yield f"--uid={_number(owner)}"
        yield f"--gid={_number(group)}"


def arguments_of(job: Job) -> list[str]:
    """What its script was given; where one held a space, nobody knows."""
    return word(job.told.get("Command")).split()[1:]


def _tres(text: str) -> Iterator[str]:
    """Names and counts of what is asked, `gres:gpu:h100:2` or, since 23.02, `gres/gpu:h100:2`."""
    for one in text.split(","):
        if one.startswith(("gres:", "gres/")):
            yield one[5:]


def _bare(waits: str) -> str:
    """Dependencies without how far they are: afterok:5(unfulfilled)."""
    return ",".join(one.partition("(")[0] for one in waits.split(","))


def _number(who: str) -> str:
    return who.partition("(")[2].rstrip(")")
