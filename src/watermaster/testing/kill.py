"""Run a task in a process that is killed, without warning, at a named step or moment."""

import importlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watermaster.model.events import Event, Step, Tell, tell_nobody

Task = Callable[[Path, Tell], None]
PRELOADED: Final = ("watermaster.testing.crash",)


@dataclass(frozen=True, slots=True)
class Boundary:
    """A step a task announces: its name, and which time it is announced, from 1."""

    step: str
    nth: int


def boundaries(home: Path, task: Task) -> list[Boundary]:
    """Every step the task announces, in order, when nobody kills it."""
    found: list[Boundary] = []

    def listen(event: Event) -> None:
        if isinstance(event, Step):
            nth = sum(one.step == event.name for one in found) + 1
            found.append(Boundary(event.name, nth))

    task(home, listen)
    return found


def killed_at(home: Path, task: Task, boundary: Boundary) -> bool:
    """Run the task and kill it at the boundary; whether it got there."""
    child = _child(home, task, boundary)
    child.join()
    return child.exitcode == -signal.SIGKILL


def killed_after(home: Path, task: Task, wait_s: float) -> bool:
    """Run the task and kill it after so long; whether it was still at work."""
    child = _child(home, task, None)
    child.join(wait_s)
    child.kill()
    child.join()
    return child.exitcode == -signal.SIGKILL


def _child(home: Path, task: Task, boundary: Boundary | None) -> multiprocessing.Process:
    # a server that has all modules loaded forks each child: 0.1 s instead of 3
    start = multiprocessing.get_context("forkserver")
    start.set_forkserver_preload(list(PRELOADED))
    child = start.Process(target=_run, args=(home, task.__module__, task.__name__, boundary))
    child.start()
    return child  # type: ignore[return-value]  # every start method has its own class


def _run(home: Path, module: str, name: str, boundary: Boundary | None) -> None:
    task: Task = getattr(importlib.import_module(module), name)
    task(home, tell_nobody if boundary is None else _killer(boundary))


def _killer(boundary: Boundary) -> Tell:
    met = 0

    def tell(event: Event) -> None:
        nonlocal met
        if isinstance(event, Step) and event.name == boundary.step:
            met += 1
            if met == boundary.nth:
                os.kill(os.getpid(), signal.SIGKILL)

    return tell
