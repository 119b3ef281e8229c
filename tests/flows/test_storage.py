"""Full disks, homes that cannot be written, two writers at once: told, and nothing lost."""

import json
import os
import subprocess
import sys
import time

import pytest

from tests.components import need
from watermaster.flows.allocate import allocate_months
from watermaster.flows.doctor import check_up
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project, open_project
from watermaster.ledger.lock import write_lock
from watermaster.model.errors import BusyError, StorageError
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.testing.bills import write_bill
from watermaster.testing.export import canonical


def ingest(project, location):
    spec = SourceSpec(type=SourceType.FOCUS, location=str(location))
    return ingest_bills(project, "aws", spec, IngestOptions())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB."""
    need("root", "mount")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        need("the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_told_and_the_ledger_is_as_before(small_disk, tmp_path):
    project = create_project(small_disk / "home")
    ingest(project, write_bill(tmp_path / "small.csv", "2026-09", 50))
    allocate_months(project)
    before = canonical(project)
    filler = small_disk / "filler"
    free = os.statvfs(small_disk)
    filler.write_bytes(bytes(free.f_bavail * free.f_bsize - 200_000))
    large = write_bill(tmp_path / "large.csv", "2026-10", 20_000)
    with pytest.raises(StorageError, match=r"the disk is full .*; make room and run the command"):
        ingest(project, large)
    assert canonical(project) == before
    filler.unlink()
    ingest(project, large)
    assert check_up(project).is_healthy is (os.statvfs(small_disk).f_bavail * 4096 > (64 << 20))
    assert len(canonical(project)["charges"]) == 20_050


def test_a_disk_mounted_to_be_read_only_is_told(small_disk, tmp_path):
    project = create_project(small_disk / "home")
    project.ledger.records.dispose()
    project.ledger.catalog.engine.dispose()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError, match=r"home: it can only be read .*; name a --home that can"):
        open_project(small_disk / "home")


def test_a_second_writer_waits_then_names_who_holds_the_ledger(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.yaml").write_text("lock_wait_s: 0\n")
    project = create_project(tmp_path / "home")
    bill = write_bill(tmp_path / "bill.csv", "2026-09", 20)
    with write_lock(project.ledger.lock_path, "close", 0):
        began = time.monotonic()
        with pytest.raises(BusyError) as caught:
            ingest(project, bill)
        assert time.monotonic() - began < 20
    assert f"is being written by process {os.getpid()} (close)" in str(caught.value)
    assert "run the command again" in str(caught.value)
    ingest(project, bill)
    assert len(canonical(project)["charges"]) == 20


def test_a_lock_dies_with_its_process(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from watermaster.ledger.lock import write_lock\n"
        "with write_lock(Path(sys.argv[1]), 'ingest', 0): os.kill(os.getpid(), signal.SIGKILL)"
    )
    lock = tmp_path / "write.lock"
    subprocess.run([sys.executable, "-c", code, str(lock)], check=False, timeout=60)
    assert json.loads(lock.read_text())["action"] == "ingest"  # it was held when it was killed
    with write_lock(lock, "allocate", 0):
        assert json.loads(lock.read_text())["action"] == "allocate"
