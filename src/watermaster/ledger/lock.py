"""One writer at a time: a file lock that says who holds it and dies with its process."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watermaster.model.errors import BusyError


@contextmanager
def write_lock(path: Path, action: str, wait_s: float) -> Iterator[None]:
    """Hold the lock, or raise BusyError naming the holder after `wait_s` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        _acquire(handle.fileno(), path, wait_s)
        handle.seek(0)
        handle.truncate()
        json.dump({"pid": os.getpid(), "action": action}, handle)
        handle.flush()
        try:
            yield
        finally:
            handle.seek(0)
            handle.truncate()
            handle.flush()
            fcntl.flock(handle, fcntl.LOCK_UN)


def holder_now(path: Path) -> str | None:
    """Who holds the lock at this moment; None when nobody does."""
    if not path.exists():
        return None
    with path.open("r") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(path)
        fcntl.flock(handle, fcntl.LOCK_UN)
    return None


def _acquire(descriptor: int, path: Path, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise BusyError(
                    str(path),
                    f"the ledger is being written by {_holder(path)}",
                    f"wait for it to end and run the command again (waited {wait_s:g} s)",
                ) from None
            time.sleep(0.05)
        else:
            return


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
    except ValueError:
        return "another process"
    return f"process {holder['pid']} ({holder['action']})"
