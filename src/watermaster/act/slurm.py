"""Changes in a Slurm cluster: cancel or hold a job, release a reservation; by Slurm's own commands.

Slurm has no transactions. What we change is marked in the job's comment, in the same call where
that can be and before it where it cannot, so that what was done by whom is known after a crash.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

from watermaster.act.slurm_commands import OPERATOR, Commands, commands_of
from watermaster.act.slurm_jobs import (
    Job,
    arguments_of,
    job_of,
    jobs,
    must_be,
    options_of,
)
from watermaster.act.slurm_reservations import Release
from watermaster.model.acts import Held, Remedy, Step, Target, TargetSpec, World, shows
from watermaster.model.errors import RefusedError

LONGEST_SCRIPT_BYTES: Final = 1 << 20
_LEVELS: Final = frozenset({"Operator", "Administrator"})


class Act(Protocol):
    """What one kind of step does."""

    def look(self, step: Step, held: Held) -> World: ...
    def do(self, step: Step, held: Held) -> World: ...
    def undo(self, step: Step, held: Held) -> World: ...


def target(spec: TargetSpec) -> Target:
    """The cluster of slurm.conf, or the one that `location` names; options.ssh: a login node."""
    return SlurmTarget(spec)


class SlurmTarget:
    """One cluster; see model/acts.py for what each method must do."""

    verbs = frozenset({"cancel", "hold", "release-reservation"})

    def __init__(self, spec: TargetSpec) -> None:
        self.commands = commands_of(spec)
        resubmits_held = spec.options.get("resubmit", "held") != "released"
        self.acts: Mapping[str, Act] = {
            "keep-script": _Keep(self.commands), "hold": _Hold(self.commands),
            "cancel": _Cancel(self.commands, resubmits_held=resubmits_held),
            "release-reservation": Release(self.commands),
        }  # fmt: skip

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """Cancel has two: its script is kept first, so that a job like it can be submitted."""
        subject = f"{remedy.kind}/{remedy.uid}"
        if remedy.verb == "release-reservation" and remedy.kind == "reservation":
            return (Release(self.commands).step(subject),)
        if remedy.verb not in {"cancel", "hold"} or remedy.kind != "slurm-job":
            raise RefusedError(subject, f"{remedy.verb} is no verb for it",
                               f"one of {', '.join(sorted(self.verbs))}")  # fmt: skip
        job = must_be(job_of(self.commands, remedy.uid), subject)
        me = self.commands.run("id", "-un").out.strip()
        self._must_be_allowed(job, subject, me)
        if job.told.get("HetJobId"):
            raise RefusedError(subject, "is a part of a heterogeneous job", "do it by hand")
        return _hold(job, subject) if remedy.verb == "hold" else self._cancel(job, subject, me)

    def look(self, step: Step, held: Held) -> World:
        """What Slurm tells of it."""
        return self.acts[step.verb].look(step, held)

    def do(self, step: Step, held: Held) -> World:
        """Once, whoever asks again."""
        return self.acts[step.verb].do(step, held)

    def undo(self, step: Step, held: Held) -> World:
        """What this token did."""
        return self.acts[step.verb].undo(step, held)

    def _cancel(self, job: Job, subject: str, me: str) -> tuple[Step, ...]:
        script = _script(self.commands, job) if job.told.get("BatchFlag") == "1" else None
        seen = {"stands": True, "name": job.name, "user": job.user}
        again = script is not None and me in {job.user, "root"}
        undo = "submitted again by its script, held, with a new number; it begins from its start"
        asked: dict[str, Any] = {}
        if script is None:
            asked["beware"] = "it has no script: nobody can submit it again but who did"
        elif not again:
            able = " or ".join(dict.fromkeys([job.user, "root"]))
            asked["beware"] = f"{able} can submit it again, not {me}"
        elif len(script) > LONGEST_SCRIPT_BYTES:
            raise RefusedError(subject, "its script is too long to be kept", "cancel it by hand")
        options = [*options_of(job, me)]
        asked |= {"options": options, "arguments": arguments_of(job)} if again else {}
        cancel = Step(verb="cancel", subject=subject, seen=seen, want={"stands": False},
                      asked=asked, undo=undo if again else "")  # fmt: skip
        if not again or script is None:
            return (cancel,)
        keep = Step(verb="keep-script", subject=subject, seen=seen,
                    want={"script": _digest(script)}, undo="nothing was changed")  # fmt: skip
        return keep, cancel

    def _must_be_allowed(self, job: Job, subject: str, me: str) -> None:
        if me in {job.user, "root"}:
            return
        asked = ("sacctmgr", "-nP", "show", "user", me, "format=AdminLevel")
        if self.commands.run(*asked).out.strip() not in _LEVELS:
            raise RefusedError(subject, f"is {job.user}'s, not {me}'s", OPERATOR.format(me))


def _hold(job: Job, subject: str) -> tuple[Step, ...]:
    if job.state != "PENDING":
        raise RefusedError(subject, f"is {job.state}: only what waits can be held", "cancel it")
    if job.is_held:
        raise RefusedError(subject, "is held already", "nothing is left to do")
    seen = {"state": "PENDING", "held": False, "user": job.user, "name": job.name}
    want = {"state": "PENDING", "held": True}
    undo = "released; with plain priorities it queues anew, behind the others"
    return (Step(verb="hold", subject=subject, seen=seen, want=want, undo=undo),)


class _Keep:
    """The script of a job, into what the step leaves. Changes nothing."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands

    def look(self, step: Step, held: Held) -> World:
        world = dict(_job_world(self.commands, step, held))
        script = held.left.get(_key(step))
        return world | {"script": None if script is None else _digest(script)}

    def do(self, step: Step, held: Held) -> World:
        job = must_be(job_of(self.commands, _uid(step)), step.subject)
        _must_be_as_seen(step, self.look(step, held))
        script = _script(self.commands, job)
        if _digest(script) != step.want["script"]:
            raise RefusedError(step.subject, "its script is another one", "plan anew")
        return {_key(step): script}

    def undo(self, step: Step, held: Held) -> World:
        del step, held
        return {}


class _Cancel:
    """A job ended, and one like it submitted."""

    def __init__(self, commands: Commands, *, resubmits_held: bool) -> None:
        self.commands, self.resubmits_held = commands, resubmits_held

    def look(self, step: Step, held: Held) -> World:
        return _job_world(self.commands, step, held)

    def do(self, step: Step, held: Held) -> World:
        """Marked first: that it ended is ours only where the mark is."""
        job = job_of(self.commands, _uid(step))
        if job is None or job.is_over:
            if self._is_ours(job, step, held.token):
                return {f"cancelled {_uid(step)}": True}
            what = "has ended by itself, or by somebody else's hand"
            raise RefusedError(step.subject, what, "nothing is left to do: wm sync")
        _must_be_as_seen(step, self.look(step, held))
        if not job.is_marked(held.token):
            comment = f"Comment={job.marked(held.token)}"
            self.commands.change("scontrol", "update", f"JobId={job.named}", comment)
        self.commands.change("scancel", job.named)
        return {f"cancelled {_uid(step)}": True}

    def undo(self, step: Step, held: Held) -> World:
        """A job like it, once; while the old one stands, only the mark is taken off."""
        if _again(self.commands, held):
            return {}
        job = job_of(self.commands, _uid(step))
        if job is not None and not job.is_ending:
            if job.is_marked(held.token):
                comment = f"Comment={job.unmarked(held.token)}"
                self.commands.change("scontrol", "update", f"JobId={job.named}", comment)
            return {}
        if not self._is_ours(job, step, held.token) and f"cancelled {_uid(step)}" not in held.left:
            return {}
        if self._was_submitted(held):
            return {}
        return {"resubmitted": self._submit(step, held)}

    def _is_ours(self, job: Job | None, step: Step, token: str) -> bool:
        """Whether it was cancelled, with our mark on it."""
        if job is not None:
            return job.state in {"CANCELLED", "COMPLETING"} and job.is_marked(token)
        number = _uid(step).rsplit(":", 2)[1]
        asked = ("sacct", "-X", "-n", "-P", "-j", number, "-o", "State,Comment")
        told = (line.split("|", 1) for line in self.commands.asked(*asked).out.splitlines())
        return any(
            state.startswith("CANCELLED") and Job({"Comment": comment}).is_marked(token)
            for state, comment in told
        )

    def _was_submitted(self, held: Held) -> bool:
        """Also one that has ended since, and was forgotten by slurmctld."""
        asked = ("-a", "-X", "-n", "-P", "-S", "now-30days", "-E", "now", "-o", "SubmitLine")
        return _mark(held) in self.commands.asked("sacct", *asked).out

    def _submit(self, step: Step, held: Held) -> str:
        script = held.left.get(_key(step))
        if script is None:
            raise RefusedError(step.subject, "its script was not kept", "submit it by hand")
        job = job_of(self.commands, _uid(step))
        comment = job.unmarked(held.token) if job else ""
        options = [
            *step.asked["options"],
            f"--comment={','.join(filter(None, [comment, _mark(held)]))}",
        ]
        hold = ["--hold"] if self.resubmits_held else []
        words = ("sbatch", "--parsable", "--get-user-env", *hold, *options)
        if not step.asked["arguments"]:
            return self.commands.change(*words, given=script).strip()
        path = self.commands.run("sh", "-c", 'f=$(mktemp) && cat >"$f" && echo "$f"', given=script)
        try:
            return self.commands.change(*words, path.out.strip(), *step.asked["arguments"]).strip()
        finally:
            self.commands.run("rm", "-f", path.out.strip())


class _Hold:
    """A job that waits, held back; by the call `scontrol hold` makes, with our mark in it."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands

    def look(self, step: Step, held: Held) -> World:
        del held
        job = job_of(self.commands, _uid(step))
        if job is None:
            return {}
        return {"state": job.state, "held": job.is_held, "user": job.user,
                "name": job.name}  # fmt: skip

    def do(self, step: Step, held: Held) -> World:
        job = must_be(job_of(self.commands, _uid(step)), step.subject)
        if job.is_marked(held.token) and job.is_held:
            return {}
        _must_be_as_seen(step, self.look(step, held))
        comment = f"Comment={job.marked(held.token)}"
        self.commands.change("scontrol", "update", f"JobId={job.named}", "Priority=0", comment)
        now = job_of(self.commands, _uid(step))
        if now is None or now.state != "PENDING":
            self.undo(step, held)
            raise RefusedError(step.subject, "has started meanwhile", "plan anew: cancel")
        return {}

    def undo(self, step: Step, held: Held) -> World:
        job = job_of(self.commands, _uid(step))
        if job is None or job.is_over or not job.is_marked(held.token):
            return {}
        if job.is_held:
            self.commands.change("scontrol", "release", job.named)
        comment = f"Comment={job.unmarked(held.token)}"
        self.commands.change("scontrol", "update", f"JobId={job.named}", comment)
        return {}


def _job_world(commands: Commands, step: Step, held: Held) -> World:
    """The job itself while it stands, else the one that was submitted in its place."""
    job = job_of(commands, _uid(step))
    if job is None or job.is_over:
        job = next((one for one in _again(commands, held) if not one.is_over), None)
    if job is None:
        return {"stands": False}
    return {"stands": True, "name": job.name, "user": job.user}


def _again(commands: Commands, held: Held) -> list[Job]:
    """Jobs that this fix has submitted."""
    mark = _mark(held).partition("=")[2]
    return [job for job in jobs(commands) if job.is_marked(mark)]


def _mark(held: Held) -> str:
    """In the comment of what is submitted again: of the fix, where a step's own has its number."""
    return f"watermaster-fix={held.token.rpartition('-')[0]}"


def _script(commands: Commands, job: Job) -> str:
    return commands.read("scontrol", "write", "batch_script", job.id, "-")


def _must_be_as_seen(step: Step, world: World) -> None:
    if not shows(world, step.seen):
        was = {key: world.get(key) for key in step.seen}
        what = f"is not as planned: it was {dict(step.seen)}, now {was}"
        raise RefusedError(step.subject, what, "plan anew")


def _uid(step: Step) -> str:
    return step.subject.partition("/")[2]


def _key(step: Step) -> str:
    return f"script of {_uid(step)}"


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()
