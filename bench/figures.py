"""What every bench shares: one JSON line per figure, with the machine it was taken on.

A bench is run as `python bench/<claim>.py [--json]`. Besides its own figures it prints a
calibration, so that figures of two machines, or of one machine on two days, can be compared:
`duckdb_scan` is a fixed scan and aggregation, single thread, in CPU seconds.
"""

import argparse
import functools
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

CALIBRATION = """
    select sum((i * 7919) % 1000003), count(distinct i % 65537)
    from range(20000000) rows(i) where i % 3 <> 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number, what it should be, and what it was measured against."""

    bench: str
    figure: str
    value: float | int | str | None
    unit: str
    target: str | None = None  # "<= 1.3", None where it is only told
    against: str | None = None  # "one DuckDB statement over the same Parquet"
    machine: str = ""


@dataclass(slots=True)
class Used:
    """What a block of code used, filled in at its end."""

    cpu_s: float = 0.0  # user + system, of this process and the children it waited for
    wall_s: float = 0.0


def run(measure: Callable[[argparse.Namespace], Iterator[Figure]], *options: str) -> int:
    """Measure and print; an option is `name=default` and becomes `--name`.

    Exit 0 whether or not targets are met: a bench tells, people judge.
    """
    parser = argparse.ArgumentParser(description=sys.modules[measure.__module__].__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line per figure")
    for option in options:
        name, default = option.split("=", 1)
        kind = int if default.isdigit() else str
        parser.add_argument(f"--{name}", type=kind, default=kind(default))
    chosen = parser.parse_args()
    for figure in measure(chosen):
        say(figure, as_json=chosen.json)
    for figure in calibration(Path(sys.argv[0]).stem):
        say(figure, as_json=chosen.json)
    return 0


def say(figure: Figure, *, as_json: bool) -> None:
    """Print one figure."""
    line = asdict(figure) | {"machine": figure.machine or machine()}
    if as_json:
        text = json.dumps(line)
    else:
        goal = f" (target {figure.target})" if figure.target else ""
        against = f", against {figure.against}" if figure.against else ""
        text = f"{figure.bench}: {figure.figure} = {figure.value} {figure.unit}{goal}{against}"
    print(text, flush=True)


def calibration(bench: str) -> Iterator[Figure]:
    """The memory the bench took, how fast this machine is at fixed work, and how busy it was."""
    rss_gib = round(peak_rss_bytes() / 2**30, 3)  # of the bench, before the calibration
    yield Figure(bench=bench, figure="peak_rss", value=rss_gib, unit="GiB")
    with duckdb.connect(config={"threads": 1}) as connection, measured() as used:
        connection.execute(CALIBRATION).fetchall()
    yield Figure(bench=bench, figure="duckdb_scan", value=round(used.cpu_s, 3), unit="CPU s")
    load = round(os.getloadavg()[0], 2)
    yield Figure(bench=bench, figure="load_average", value=load, unit="running processes")


@contextmanager
def measured() -> Iterator[Used]:
    """CPU and wall seconds of the block."""
    used, cpu_s, wall_s = Used(), _cpu_s(), time.monotonic()
    try:
        yield used
    finally:
        used.cpu_s, used.wall_s = _cpu_s() - cpu_s, time.monotonic() - wall_s


def peak_rss_bytes() -> int:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _cpu_s() -> float:
    own, waited = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + waited.ru_utime + waited.ru_stime


@functools.cache
def machine() -> str:
    """Processor, cores given to us, memory and software, in one line."""
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {cores} cores, {memory_gib:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    )


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    names = [
        line.split(":", 1)[1].strip()
        for line in (listed.read_text().splitlines() if listed.exists() else [])
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()
