"""A month of work that crash tests interrupt: two bills taken in, allocated, restated, closed."""

import datetime as dt
import os
import shutil
from pathlib import Path
from typing import Final

from watermaster.flows.allocate import allocate_months
from watermaster.flows.close import Gaps, close_month
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import Project, create_project, open_project
from watermaster.model.events import Tell, tell_nobody
from watermaster.model.resources import Delivery, SourceSpec, SourceType
from watermaster.testing.bills import declare, write_bill

NOW: Final = dt.datetime(2027, 1, 10, tzinfo=dt.UTC)
EXPORTED_S: Final = 1_790_000_000  # modification time of the bills: the same in every run


def prepare(home: Path, rows: int = 40) -> None:
    """A ledger with a first delivery allocated, and a second one beside it, not taken in yet."""
    bills = home.parent / f"{home.name}-bills"
    _dated(write_bill(bills / "2026-09.csv", "2026-09", rows, seed=1), 0)
    project = create_project(home, clock=_clock)
    declare(project)
    _ingest(project)
    allocate_months(project)
    _dated(write_bill(bills / "2026-09-more.csv", "2026-09", rows, seed=2, faulty=1), 1)
    _dated(write_bill(bills / "2026-10.csv.gz", "2026-10", rows, seed=3), 2)
    project.ledger.records.dispose()


def work(home: Path, tell: Tell = tell_nobody) -> None:
    """Take in the second delivery, allocate it, close its first month; twice changes nothing."""
    project = open_project(home, tell=tell, clock=_clock)
    _ingest(project)
    allocate_months(project)
    close_month(project, "2026-09", Gaps.ACCEPT)
    project.ledger.records.dispose()


def keep(home: Path, kept: Path) -> None:
    """Copy a prepared home away."""
    shutil.copytree(home, kept)


def put_back(kept: Path, home: Path) -> None:
    """Make `home` what it was when it was kept; it must be the same path, which the lake names."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(kept, home)


def _ingest(project: Project) -> None:
    location = project.home.parent / f"{project.home.name}-bills"
    spec = SourceSpec(type=SourceType.FOCUS, location=str(location), delivery=Delivery.WHOLE_MONTH)
    ingest_bills(project, "aws", spec, IngestOptions())


def _dated(path: Path, number: int) -> None:
    os.utime(path, (EXPORTED_S + number, EXPORTED_S + number))


def _clock() -> dt.datetime:
    return NOW
