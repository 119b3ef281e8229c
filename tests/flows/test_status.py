"""Where the ledger stands, and the log of how it came there."""

import pytest
import sqlalchemy as sa

from watermaster.flows import audit
from watermaster.flows.allocate import allocate_months
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.flows.rejected import rejected
from watermaster.flows.status import status
from watermaster.ledger.records import AUDIT, SLICES
from watermaster.model.checkup import MonthState
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.testing.bills import declare, write_bill


@pytest.fixture
def project(tmp_path):
    made = create_project(tmp_path / "home")
    ingest(made, tmp_path, "aws", "2026-09")
    ingest(made, tmp_path, "azure", "2026-10", faulty=2)
    return made


def ingest(project, folder, source, month, faulty=0, rows=20):
    path = write_bill(folder / source / f"{month}.csv", month, rows, rows, faulty)
    spec = SourceSpec(type=SourceType.FOCUS, location=str(path))
    return ingest_bills(project, source, spec, IngestOptions(is_replacing=True))


def states(project):
    return {one.month: (one.state, one.newer) for one in status(project).months}


def test_a_month_is_unallocated_then_current_then_stale_for_a_stated_reason(project, tmp_path):
    unallocated = (MonthState.UNALLOCATED, [])
    assert states(project) == {"2026-09": unallocated, "2026-10": unallocated}
    allocate_months(project)
    current = (MonthState.CURRENT, [])
    assert states(project) == {"2026-09": current, "2026-10": current}
    ingest(project, tmp_path, "aws", "2026-09", rows=30)
    assert states(project) == {"2026-09": (MonthState.STALE, ["bills"]), "2026-10": current}
    allocate_months(project)
    declare(project)
    stale = (MonthState.STALE, ["estate"])
    assert states(project) == {"2026-09": stale, "2026-10": stale}


def test_each_source_tells_its_age_and_its_rejected_rows(project):
    found = {one.source: one for one in status(project).sources}
    assert (found["aws"].rejected, found["azure"].rejected) == (0, 2)
    assert found["aws"].newest == "2026-09"
    assert found["azure"].age_s is not None
    assert found["azure"].age_s >= 0


def test_a_declared_source_that_never_delivered_is_listed_without_dates(project):
    spec = {"type": "focus", "location": "s3://bills"}
    declare(project, {"kind": "Source", "metadata": {"name": "gcp"}, "spec": spec})
    found = {one.source: one for one in status(project).sources}
    assert found["gcp"].is_declared
    assert found["gcp"].age_s is None


def test_rejected_cells_name_file_row_column_value_and_what_to_write(project):
    found = rejected(project)
    assert found.total == 2
    assert [(cell.source, cell.file, cell.row) for cell in found.rows] == [
        ("azure", "2026-10.csv", 1), ("azure", "2026-10.csv", 2),
    ]  # fmt: skip
    assert found.rows[0].value == "much"
    assert "write" in found.rows[0].reason
    assert rejected(project, "aws").rows == []
    assert len(rejected(project, limit=1).rows) == 1


def test_the_audit_log_is_whole_until_a_row_is_touched(project):
    whole = audit.verify(project)
    assert whole.is_whole
    assert whole.rows == 2
    assert [row.action for row in audit.audit_rows(project)] == ["ingest", "ingest"]
    with project.ledger.records.begin() as connection:
        connection.execute(sa.delete(AUDIT).where(AUDIT.c.seq == 1))
    assert [one.sentence for one in audit.verify(project).breaks] == ["audit 1: was removed"]


def test_telemetry_tells_when_it_was_taken_in_though_it_has_no_deliveries(project):
    with project.ledger.records.begin() as connection:
        for day in ("2026-10-01", "2026-10-02"):
            row = {"table_name": "gpu_hours", "source": "slurm", "period": day, "part": "",
                   "revision": 9, "delivery": "", "exported_at": f"{day}T12:00:00+00:00",
                   "rows": 1}  # fmt: skip
            connection.execute(SLICES.insert().values(row))
    found = {one.source: one for one in status(project).sources}
    assert found["slurm"].delivered_at == "2026-10-02T12:00:00+00:00"
    assert found["slurm"].newest == "2026-10-02"
