"""Slurm's own commands, asked for one window; their answers come line by line."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from watermaster.model.errors import BadInputError
from watermaster.observe.batches import moment
from watermaster.observe.slurm_jobs import FIELDS
from watermaster.observe.spread import Interval

FIX = "run it where Slurm's commands work, or save their output (docs/how-to/connect-slurm.md)"


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of one cluster; "" is the one that slurm.conf names."""

    cluster: str
    during: Interval

    def jobs(self) -> Iterator[str]:
        """Every attempt of every user's job, with its steps, in epoch seconds."""
        start, end = (_local(edge) for edge in self.during)
        yield from _lines(
            ["sacct", "-a", "-D", "-P", "-S", start, "-E", end, "-o", FIELDS, *self._which("-M")]
        )

    def nodes(self) -> Iterator[str]:
        """The nodes as they are now."""
        yield from _lines(["scontrol", *self._which("-M"), "show", "node"])

    def events(self) -> Iterator[str]:
        """When nodes were down or drained."""
        start, end = (_local(edge) for edge in self.during)
        which = [f"Clusters={self.cluster}"] if self.cluster else []
        columns = "format=Cluster,NodeName,TimeStart,TimeEnd,State,Reason"
        asked = ["sacctmgr", "-P", "show", "event", f"Start={start}", f"End={end}", columns]
        yield from _lines([*asked, *which])

    def cluster_name(self) -> str:
        """ClusterName of slurm.conf."""
        for line in _lines(["scontrol", "show", "config"]):
            key, _, value = line.partition("=")
            if key.strip() == "ClusterName":
                return value.strip()
        return "slurm"

    def _which(self, option: str) -> list[str]:
        return [option, self.cluster] if self.cluster else []


def _local(epoch_s: int) -> str:
    """As sacct reads times, in the zone the commands are given (UTC)."""
    at = moment(epoch_s)
    return at.strftime("%Y-%m-%dT%H:%M:%S") if at else ""


def _lines(command: list[str]) -> Iterator[str]:
    zone = {"TZ": "UTC", "SLURM_TIME_FORMAT": "%s", "LC_ALL": "C.UTF-8"}
    try:
        running = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | zone,
        )
    except FileNotFoundError:
        raise BadInputError(command[0], "is not installed here", FIX) from None
    with running:
        yield from _of(running.stdout)
        said = "".join(_of(running.stderr)).strip()
        if running.wait() != 0:
            raise BadInputError(command[0], said or f"ended with {running.returncode}", FIX)


def _of(stream: IO[str] | None) -> Iterator[str]:
    if stream is not None:
        yield from stream
