"""Checking and mending a ledger on disk."""

import datetime as dt
import os
import shutil

import pytest
import sqlalchemy as sa

from watermaster.flows.allocate import allocate_months
from watermaster.flows.doctor import check_up, mend_all
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project, open_project
from watermaster.ledger.head import read_head
from watermaster.ledger.lake import current_snapshot_id, load, path_of, reset, tag
from watermaster.ledger.open import utc_clock
from watermaster.ledger.records import AUDIT, HEAD
from watermaster.model.checkup import Health
from watermaster.model.errors import RefusedError
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.testing.bills import declare, write_bill
from watermaster.testing.export import canonical


@pytest.fixture
def project(tmp_path):
    made = create_project(tmp_path / "home")
    for month in ("2026-09", "2026-10"):
        write_bill(tmp_path / "bills" / f"{month}.csv", month, 20)
    declare(made)
    spec = SourceSpec(type=SourceType.FOCUS, location=str(tmp_path / "bills"))
    ingest_bills(made, "aws", spec, IngestOptions())
    allocate_months(made)
    return made


def found(checkup):
    return {one.check: one for one in checkup.findings}


def test_a_sound_ledger_is_told_so_and_mending_it_does_nothing(project):
    checkup = check_up(project)
    assert {one.health for one in checkup.findings} == {Health.GOOD}
    assert mend_all(project).mended == []
    assert check_up(project).revision == checkup.revision


def test_files_that_nothing_names_are_listed_with_their_size_and_removed(project):
    for name in ("charges", "allocations"):
        run = path_of(load(project.ledger.catalog, name).location()) / "data" / "ingest-9-dead"
        run.mkdir(parents=True)
        (run / "one.parquet").write_bytes(b"x" * 1000)
    before = canonical(project)
    orphans = found(check_up(project))["orphans"]
    assert (orphans.health, orphans.size_bytes, len(orphans.paths)) == (Health.NOTE, 2000, 2)
    mended = mend_all(project)
    assert mended.freed_bytes == 2000
    assert mended.mended == ["2 orphan files removed, 0.0 MiB"]
    assert found(mended)["orphans"].health is Health.GOOD
    assert not list(project.home.rglob("ingest-9-dead"))
    assert canonical(project) == before


def test_a_table_that_stands_ahead_is_put_back(project):
    head = read_head(project.ledger.records).snapshots
    table = load(project.ledger.catalog, "charges")
    table.append(table.scan().to_arrow().slice(0, 0))
    note = found(check_up(project))["charges"]
    assert note.health is Health.NOTE
    assert mend_all(project).mended[0] == "table charges: put back to head"
    assert current_snapshot_id(load(project.ledger.catalog, "charges")) == head["charges"]
    assert found(check_up(project))["orphans"].what == "none"


def test_a_missing_file_is_a_fault_that_names_its_slice(project):
    table = load(project.ledger.catalog, "charges")
    lost = next(path_of(task.file.file_path) for task in table.scan().plan_files()
                if task.file.partition[1] == "2026-09")  # fmt: skip
    lost.unlink()
    checkup = check_up(project)
    fault = found(checkup)["charges"]
    assert not checkup.is_healthy
    assert fault.paths == [str(lost)]
    assert fault.what == "1 file missing or cut short, of aws/2026-09/"
    assert "wm ingest --replace" in fault.fix


def test_a_file_cut_short_is_a_fault(project):
    table = load(project.ledger.catalog, "allocations")
    path = path_of(next(iter(table.scan().plan_files())).file.file_path)
    os.truncate(path, path.stat().st_size - 1)
    assert found(check_up(project))["allocations"].health is Health.FAULT


def test_a_changed_audit_row_and_a_moved_head_are_faults(project):
    with project.ledger.records.begin() as connection:
        connection.execute(AUDIT.update().where(AUDIT.c.seq == 2).values(actor="nobody"))
        other = sa.select(HEAD.c.snapshot_id).where(HEAD.c.table_name == "runs").scalar_subquery()
        moved = HEAD.update().where(HEAD.c.table_name == "rejected").values(snapshot_id=other)
        connection.execute(moved)
    faults = found(check_up(project))
    assert faults["audit"].what == "row 2 does not follow from the one before"
    assert faults["head"].what.endswith("other snapshots than logged: rejected")
    assert "which head names, is gone" in faults["rejected"].what


def test_the_end_of_the_audit_log_cannot_be_cut_off_unseen(project):
    with project.ledger.records.begin() as connection:
        connection.execute(AUDIT.delete().where(AUDIT.c.seq == 3))
    assert found(check_up(project))["head"].what.startswith(
        "stands at r3, the audit log ends at r2"
    )


def test_old_snapshots_are_forgotten_and_tagged_ones_are_kept(project):
    for _ in range(12):
        allocate_months(project)
    first = read_head(project.ledger.records).snapshots["allocations"]
    tag(load(project.ledger.catalog, "allocations"), first, "close-2026-09")
    for _ in range(12):
        allocate_months(project)
    later = create_project(
        project.home, clock=lambda: utc_clock() + dt.timedelta(days=2)
    )  # no snapshot is young any more
    before = canonical(later)
    assert found(check_up(later))["snapshots"].health is Health.NOTE
    mended = mend_all(later)
    assert mended.freed_bytes > 0
    table = load(later.ledger.catalog, "allocations")
    assert len(table.metadata.snapshots) < 25
    assert table.scan(snapshot_id=first).to_arrow().num_rows > 0
    assert {one.health for one in mended.findings} == {Health.GOOD}
    assert canonical(later) == before
    assert not reset(table, read_head(later.ledger.records).snapshots["allocations"])


def test_what_killed_processes_spilled_is_removed_and_of_living_ones_kept(project):
    spill = project.home / "spill"
    for name in ("999999999-dead", f"{os.getpid()}-alive"):
        (spill / name).mkdir(parents=True)
        (spill / name / "block").write_bytes(b"x" * 10)
    assert found(check_up(project))["spill"].size_bytes == 10
    mend_all(project)
    assert [path.name for path in spill.iterdir()] == [f"{os.getpid()}-alive"]


def test_what_was_mended_is_in_the_audit_log_without_a_new_revision(project):
    (project.home / "lake" / "facts" / "runs" / "data").mkdir(parents=True, exist_ok=True)
    (project.home / "lake" / "facts" / "runs" / "data" / "x.parquet").write_bytes(b"x")
    before = check_up(project).revision
    mend_all(project)
    with project.ledger.records.connect() as connection:
        last = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq.desc())).first()
    assert last.action == "doctor"
    assert check_up(project).revision == before
    assert check_up(project).is_healthy


def test_a_copied_home_is_read_but_never_written_since_its_files_are_anothers(project, tmp_path):
    copied = open_project(shutil.copytree(project.home, tmp_path / "copy"))
    allocate_months(project)  # the first home moves on: for the copy its new files are orphans
    before = canonical(project)
    assert canonical(copied) == before
    told = found(check_up(copied))
    for name in ("charges", "allocations"):
        assert told[name].health is Health.FAULT
        assert told[name].what.endswith("because the home was copied or moved")
    for change in (mend_all, allocate_months):
        with pytest.raises(RefusedError, match="put the home back to that place"):
            change(copied)
    assert {one.health for one in check_up(project).findings} == {Health.GOOD}
    assert canonical(project) == before


def test_a_home_reached_by_another_name_is_the_same_home(project, tmp_path):
    (tmp_path / "link").symlink_to(project.home)
    linked = open_project(tmp_path / "link")
    assert mend_all(linked).mended == []
    assert allocate_months(linked).charges == allocate_months(project).charges
