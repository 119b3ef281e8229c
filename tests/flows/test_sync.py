"""Sources are pulled when they are due; one that fails is told and stops nobody."""

import pytest
import sqlalchemy as sa

from tests.flows.small import Clock, declare, project_at, resource, rows_of
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.sync import due_sources, run_forever, sync
from watermaster.ledger.lock import write_lock
from watermaster.ledger.records import PULLS
from watermaster.model.errors import BusyError, NotFoundError
from watermaster.testing.bills import write_bill

HOURLY = "0 * * * *"


@pytest.fixture
def project(tmp_path):
    """Two bills of two months, one pulled every hour, one when asked; telemetry of nobody."""
    project = project_at(tmp_path / "home", Clock("2026-10-05T08:20:00"))
    for number, name in enumerate(("aws", "azure"), 1):
        write_bill(tmp_path / f"{name}.csv", f"2026-0{7 + number}", 20, seed=number)
    declare(
        project,
        resource("Source", "aws", {"type": "focus", "location": str(tmp_path / "aws.csv"),
                                   "schedule": HOURLY}),
        resource("Source", "azure", {"type": "focus", "location": str(tmp_path / "azure.csv")}),
        resource("Source", "lost", {"type": "usage", "location": str(tmp_path / "lost"),
                                    "schedule": HOURLY}),
    )  # fmt: skip
    return project


def names(sources):
    return [one.metadata.name for one in sources]


def test_what_is_due_is_pulled_once_and_allocated(project):
    assert names(due_sources(project)) == ["aws", "lost"]
    found = sync(project)
    assert [(one.source, one.rows > 0) for one in found.pulled] == [("aws", True), ("lost", False)]
    assert found.skipped == ["azure"]
    assert found.allocated == ["2026-08"]
    assert due_sources(project) == []
    project.ledger.clock.set("2026-10-05T09:00:00")
    assert names(due_sources(project)) == ["aws", "lost"]


def test_a_source_that_fails_is_a_gap_and_stops_nobody(project):
    found = {one.source: one for one in sync(project, every=True).pulled}
    assert found["azure"].fault is None
    assert found["aws"].fault is None
    assert "lost" in found["lost"].fault
    (gap,) = source_gaps(project)
    assert gap.source == "lost"
    assert gap.what.startswith("no data from lost since 2026-10-05 08:20 UTC")


def test_a_source_that_is_overdue_is_a_gap(project):
    sync(project, ["aws"])
    assert [gap.source for gap in source_gaps(project)] == []
    project.ledger.clock.set("2026-10-05T11:00:00")
    assert [gap.source for gap in source_gaps(project)] == ["aws"]


def test_pulling_twice_changes_nothing(project):
    sync(project, every=True)
    before = rows_of(project, "allocations")
    again = sync(project, every=True)
    assert again.allocated == []
    assert len(rows_of(project, "allocations")) == len(before)


def test_two_runners_do_not_pull_at_once(project):
    with (
        write_lock(project.home / "sync.lock", "sync", 0),
        pytest.raises(BusyError, match="sync"),
    ):
        sync(project)


def test_a_source_nobody_declared_is_told(project):
    with pytest.raises(NotFoundError, match="declared are: aws, azure, lost"):
        sync(project, ["gcp"])


def test_a_runner_pulls_each_time_it_is_due_until_it_is_told_to_end(project):
    hours = iter(["09:05", "09:10", "10:01"])

    def wait(_seconds):
        hour = next(hours, None)
        project.ledger.clock.set(f"2026-10-05T{hour or '10:02'}:00")
        return hour is None

    run_forever(project, wait)
    with project.ledger.records.connect() as connection:
        pulls = [
            row.started_at for row in connection.execute(sa.select(PULLS)) if row.fault is None
        ]
    assert [at[11:16] for at in pulls] == ["08:20", "09:05", "10:01"]
