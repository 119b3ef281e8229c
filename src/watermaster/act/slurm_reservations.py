"""A reservation of Slurm that keeps nodes for nobody, released; and made again."""

import datetime as dt
import time
from typing import Any, Final

from watermaster.act.slurm_commands import Commands, record_of, word
from watermaster.model.acts import Held, Step, World, shows
from watermaster.model.errors import NotFoundError, RefusedError

_KEYS: Final = {  # of what is looked at, to the key of scontrol
    "nodes": "Nodes", "users": "Users", "accounts": "Accounts", "groups": "Groups",
    "partition": "PartitionName", "features": "Features", "licenses": "Licenses",
    "ends_at": "EndTime",
}  # fmt: skip
_MADE_BY: Final = {
    "nodes": "Nodes", "users": "Users", "accounts": "Accounts", "groups": "Groups",
    "partition": "PartitionName", "features": "Features", "licenses": "Licenses",
}  # fmt: skip
_TOLD_ONLY: Final = frozenset({"SPEC_NODES", "ALL_NODES"})  # flags that Slurm sets by itself
_RETURNING: Final = frozenset({
    "DAILY", "HOURLY", "WEEKLY", "WEEKDAY", "WEEKEND", "MAINT", "TIME_FLOAT",
})  # fmt: skip


class Release:
    """Deleted where no job uses it or waits for it."""

    def __init__(self, commands: Commands) -> None:
        self.commands = commands

    def step(self, subject: str) -> Step:
        """uid: the reservation's name."""
        told = self._told(subject)
        if told is None:
            raise NotFoundError(subject, "is not there any more", "look again: wm sync")
        flags = {flag for flag in word(told.get("Flags")).split(",") if flag}
        if flags & _RETURNING:
            what = f"comes again or is for maintenance ({', '.join(sorted(flags & _RETURNING))})"
            raise RefusedError(subject, what, "ask who made it")
        self._must_be_unused(subject)
        is_part = "CoreIDs" in told
        asked: dict[str, Any] = {"flags": sorted(flags - _TOLD_ONLY),
                                 "started_at": int(told["StartTime"])}  # fmt: skip
        if is_part:
            asked["beware"] = "it holds some cores of its nodes, which ones cannot be asked for"
        undo = "made again until the same end, from then on if it has begun"
        return Step(verb="release-reservation", subject=subject, seen=_world(told),
                    want={"stands": False}, asked=asked, undo="" if is_part else undo)  # fmt: skip

    def look(self, step: Step, held: Held) -> World:
        """Its fields; a start in the past cannot be had again, so it does not count."""
        del held
        return _world(self._told(step.subject))

    def do(self, step: Step, held: Held) -> World:
        """That it is gone is what is wanted, whoever did it."""
        world = self.look(step, held)
        if shows(world, step.want):
            return {}
        if not shows(world, step.seen):
            was = {key: world.get(key) for key in step.seen}
            what = f"is not as planned: it was {dict(step.seen)}, now {was}"
            raise RefusedError(step.subject, what, "plan anew")
        self._must_be_unused(step.subject)
        self.commands.change("scontrol", "delete", f"ReservationName={_name(step.subject)}")
        return {}

    def undo(self, step: Step, held: Held) -> World:
        """With the same fields, from now on; what runs there by now goes on to its end."""
        if self.look(step, held)["stands"]:
            return {}
        now, end = int(time.time()), int(step.seen["ends_at"])
        if end <= now:
            return {"left_alone": "its end has passed"}
        begins = max(step.asked["started_at"], now)
        fields = [f"ReservationName={_name(step.subject)}", f"EndTime={_time(end)}",
                  f"StartTime={_time(begins) if begins > now else 'now'}"]  # fmt: skip
        fields += [f"{key}={step.seen[name]}" for name, key in _MADE_BY.items() if step.seen[name]]
        try:
            self._create(fields, step.asked["flags"])
        except RefusedError as error:
            if "busy" not in error.what:
                raise
            self._create(fields, [*step.asked["flags"], "IGNORE_JOBS"])
            return {"overlaps": "jobs that run there by now go on to their end"}
        return {}

    def _create(self, fields: list[str], flags: list[str]) -> None:
        with_flags = [f"Flags={','.join(dict.fromkeys(flags))}"] if flags else []
        self.commands.change_in_utc("scontrol", "create", "reservation", *fields, *with_flags)

    def _told(self, subject: str) -> dict[str, str] | None:
        said = self.commands.asked("scontrol", "-o", "show", "reservation", _name(subject))
        if not said.is_done and "not found" not in f"{said.fault}{said.out}":
            raise RefusedError(subject, " ".join(said.fault.split()), "try again")
        lines = [one for one in said.out.splitlines() if one.startswith("ReservationName=")]
        return record_of(" ".join(said.out.split())) if lines else None

    def _must_be_unused(self, subject: str) -> None:
        told = self.commands.read("squeue", "-a", "-h", "-o", "job %i", "-R", _name(subject))
        using = [line[4:] for line in told.splitlines() if line.startswith("job ")]
        if using:
            what = f"is used or waited for by jobs {', '.join(using[:5])}"
            raise RefusedError(subject, what, "let them end, or cancel them first")


def _world(told: dict[str, str] | None) -> World:
    if told is None:
        return {"stands": False}
    held: dict[str, Any] = {name: word(told.get(key)) for name, key in _KEYS.items()}
    return {"stands": True} | held


def _name(subject: str) -> str:
    return subject.partition("/")[2]


def _time(epoch_s: int) -> str:
    return dt.datetime.fromtimestamp(epoch_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
