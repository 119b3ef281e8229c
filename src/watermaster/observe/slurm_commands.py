"""Slurm's own commands, asked for one window; their answers come line by line."""

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from watermaster.model.errors import BadInputError
from watermaster.observe.batches import moment
from watermaster.observe.slurm_jobs import FIELDS
from watermaster.observe.slurm_words import FREE
from watermaster.observe.spread import Interval

FIX = "run it where Slurm's commands work, or save their output (docs/how-to/connect-slurm.md)"

ASSOCIATION: Final = (
    "Cluster,Account,ParentName,User,Partition,Share,QOS,DefaultQOS,GrpTRES,GrpTRESMins,GrpJobs,"
    "GrpSubmit,GrpWall,MaxJobs,MaxSubmitJobs,MaxTRESPerJob,MaxTRESMinsPerJob,MaxWall"
)
ACCOUNT: Final = "Account,Organization,Description"  # the one with free text stands last


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of one cluster; "" is the one that slurm.conf names."""

    cluster: str
    during: Interval
    timeout_s: float = 900.0

    def jobs(self) -> Iterator[str]:
        """Every attempt of every user's job, with its steps, in epoch seconds."""
        start, end = (_local(edge) for edge in self.during)
        yield from self._lines(
            [
                "sacct",
                "-a",
                "-D",
                "-P",
                f"--delimiter={FREE}",
                "-S",
                start,
                "-E",
                end,
                "-o",
                FIELDS,
                *self._which("-M"),
            ]
        )

    def nodes(self) -> Iterator[str]:
        """The nodes as they are now."""
        yield from self._scontrol("node")

    def events(self) -> Iterator[str]:
        """When nodes were down or drained."""
        start, end = (_local(edge) for edge in self.during)
        which = [f"Clusters={self.cluster}"] if self.cluster else []
        columns = "format=Cluster,NodeName,TimeStart,TimeEnd,State,Reason"
        asked = ["sacctmgr", "-P", "show", "event", f"Start={start}", f"End={end}", columns]
        yield from self._lines([*asked, *which])

    def config(self) -> Iterator[str]:
        """The controller's settings."""
        yield from self._scontrol("config")

    def partitions(self) -> Iterator[str]:
        """The partitions as they are now."""
        yield from self._scontrol("partition")

    def reservations(self) -> Iterator[str]:
        """Reservations that hold or are to come."""
        yield from self._scontrol("reservation")

    def queue(self) -> Iterator[str]:
        """What waits and what runs."""
        yield from self._lines(["squeue", "-a", "--json", *self._which("-M")])

    def queue_text(self) -> Iterator[str]:
        """The same, of a Slurm without JSON."""
        yield from self._scontrol("job")

    def qos(self) -> Iterator[str]:
        """Every QOS with its limits."""
        yield from self._lines(["sacctmgr", "-P", "show", "qos"])

    def associations(self, cluster: str) -> Iterator[str]:
        """Accounts and their users, with shares and limits; of every cluster if it is ""."""
        which = [f"Cluster={cluster}"] if cluster else []
        asked = ["sacctmgr", "-P", "show", "assoc", *which]
        yield from self._lines([*asked, f"format={ASSOCIATION}"])

    def accounts(self) -> Iterator[str]:
        """What people wrote about each account."""
        yield from self._lines(["sacctmgr", "-P", "show", "account", f"format={ACCOUNT}"])

    def accounting(self) -> Iterator[str]:
        """Settings of the accounting."""
        yield from self._lines(["sacctmgr", "show", "config"])

    def known(self) -> Iterator[str]:
        """The cluster's name, if accounting knows it."""
        yield from self._lines(
            ["sacctmgr", "-nP", "show", "cluster", self.cluster, "format=Cluster"]
        )

    def admin_level(self, user: str) -> Iterator[str]:
        """None, Operator or Administrator."""
        yield from self._lines(["sacctmgr", "-nP", "show", "user", user, "format=AdminLevel"])

    def _scontrol(self, what: str) -> Iterator[str]:
        yield from self._lines(["scontrol", *self._which("-M"), "show", what])

    def _which(self, option: str) -> list[str]:
        return [option, self.cluster] if self.cluster else []

    def _lines(self, command: list[str]) -> Iterator[str]:
        """What a command prints; it is ended when it takes too long."""
        running = _started(command)
        late = threading.Timer(self.timeout_s, running.kill)
        late.start()
        try:
            with running:
                yield from _of(running.stdout)
                said = "".join(_of(running.stderr)).strip()
                running.wait()
                if not late.is_alive():
                    what = f"did not answer within {self.timeout_s:.0f} s"
                    raise BadInputError(command[0], what, "raise timeoutSeconds, or ask again")
                if running.returncode != 0:
                    what = said or f"ended with {running.returncode}"
                    raise BadInputError(_name(command), what, FIX)
        finally:
            late.cancel()
            running.kill()


def _name(command: list[str]) -> str:
    """The command and what it was to show."""
    place = command.index("show") if "show" in command else 0
    return " ".join([command[0], *command[place : place + 2]][: 3 if place else 1])


def _started(command: list[str]) -> subprocess.Popen[str]:
    zone = {"TZ": "UTC", "SLURM_TIME_FORMAT": "%s", "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | zone,
        )
    except FileNotFoundError:
        raise BadInputError(command[0], "is not installed here", FIX) from None


def _local(epoch_s: int) -> str:
    """As sacct reads times, in the zone the commands are given (UTC)."""
    at = moment(epoch_s)
    return at.strftime("%Y-%m-%dT%H:%M:%S") if at else ""


def _of(stream: IO[str] | None) -> Iterator[str]:
    if stream is not None:
        yield from stream
