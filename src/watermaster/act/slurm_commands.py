"""Slurm's own commands that look and that change; here, or over ssh on a login node."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from watermaster.model.acts import TargetSpec
from watermaster.model.errors import RefusedError

PREFIX: Final = "sacct:"  # as Sources of Slurm name a cluster
# a job that is submitted again must not be given our own environment, with what is secret in it
_KEPT: Final = ("PATH", "HOME", "USER", "LOGNAME", "SLURM_CONF", "SSH_AUTH_SOCK", "KRB5CCNAME",
                "LD_LIBRARY_PATH")  # fmt: skip
_READING: Final = ("env", "TZ=UTC", "SLURM_TIME_FORMAT=%s", "LC_ALL=C.UTF-8")
_ELSEWHERE: Final = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
_AFTER: Final = {  # keys that may follow a value which people wrote
    "JobName": {"UserId"}, "Command": {"WorkDir"},
    "Comment": {"StdErr", "AdminComment", "SystemComment"},
    "AdminComment": {"SystemComment", "Comment", "StdErr"},
}  # fmt: skip
_DENIED: Final = ("permission denied", "Access/permission", "access denied")
_NOTHING: Final = frozenset({"(null)", "N/A", "n/a", "None", "Unknown", "Partition_Limit"})
OPERATOR: Final = "an Operator of Slurm may: sacctmgr modify user {} set AdminLevel=Operator"


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    is_done: bool
    out: str
    fault: str  # "" unless it failed


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of one cluster; "" is the one that slurm.conf names."""

    cluster: str
    host: str = ""  # user@login, where the commands work; "": here
    timeout_s: float = 120.0

    def read(self, *command: str) -> str:
        """What it prints; times are epoch seconds."""
        return self._must(self.run(*_READING, *self._of(command)), command)

    def asked(self, *command: str) -> Said:
        """What it prints; that what is asked for is not there is no fault of the cluster."""
        return self.run(*_READING, *self._of(command))

    def change(self, *command: str, given: str | None = None) -> str:
        """The same of a command that changes something, in the zone of the cluster."""
        return self._must(self.run(*self._of(command), given=given), command)

    def change_in_utc(self, *command: str) -> str:
        """The same of a command with times in it."""
        return self._must(self.run("env", "TZ=UTC", *self._of(command)), command)

    def run(self, *command: str, given: str | None = None) -> Said:
        """Any program; RefusedError where there is none or it does not end."""
        whole = [*_ELSEWHERE, self.host, shlex.join(command)] if self.host else list(command)
        env = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            done = subprocess.run(
                whole, input=given or "", capture_output=True, text=True, errors="replace",
                timeout=self.timeout_s, env=env, check=False,
            )  # fmt: skip
        except FileNotFoundError:
            fix = "run it where Slurm's commands work, or name a login node: options.ssh"
            raise RefusedError(whole[0], "is not installed here", fix) from None
        except subprocess.TimeoutExpired:
            what = f"did not answer within {self.timeout_s:.0f} s"
            raise RefusedError(
                " ".join(command[:2]), what, "look at slurmctld, then again"
            ) from None
        said = done.stderr.strip() or done.stdout.strip() or f"ended with {done.returncode}"
        return Said(done.returncode == 0, done.stdout, said if done.returncode else "")

    def _of(self, command: Sequence[str]) -> list[str]:
        first, *rest = command
        return [first, "-M", self.cluster, *rest] if self.cluster else [first, *rest]

    @staticmethod
    def _must(said: Said, command: Sequence[str]) -> str:
        if said.is_done:
            return said.out
        what = " ".join(said.fault.split())
        is_denied = any(word.lower() in what.lower() for word in _DENIED)
        fix = OPERATOR.format("<who runs this>") if is_denied else "look at it there, plan anew"
        raise RefusedError(" ".join(command[:3]), what, fix)


def commands_of(spec: TargetSpec) -> Commands:
    """location: a cluster, or "" for the one of slurm.conf; options.ssh: a login node."""
    timeout_s = float(spec.options.get("timeoutSeconds", "120"))
    return Commands(spec.location.removeprefix(PREFIX), spec.options.get("ssh", ""), timeout_s)


def record_of(line: str) -> dict[str, str]:
    """One line of `scontrol show -o`; a value ends where the next key begins.

    >>> record_of("JobId=1 Command=/a Lr=1 WorkDir=/w TRES=cpu=1,mem=2M")
    {'JobId': '1', 'Command': '/a Lr=1', 'WorkDir': '/w', 'TRES': 'cpu=1,mem=2M'}
    """
    found: dict[str, str] = {}
    last = ""
    for part in line.strip().split(" "):
        key, is_pair, value = part.partition("=")
        if is_pair and _is_key(key) and key in _AFTER.get(last, {key}):
            found[key], last = value, key
        elif last:
            found[last] += f" {part}"
    return {key: value.rstrip() for key, value in found.items()}


def _is_key(text: str) -> bool:
    return text[:1].isupper() and text.replace("/", "").replace(":", "").isalnum()


def word(value: str | None) -> str:
    """A value as it was given; "" where Slurm says that there is none."""
    return "" if value is None or value in _NOTHING else value
