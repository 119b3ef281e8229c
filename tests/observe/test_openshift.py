"""OpenShift's hourly GPU files."""

from pathlib import Path

import pytest

from tests.observe.rows import as_lines, hours_of, seen_by, source
from watermaster.model.errors import BadInputError
from watermaster.units.periods import Period, parse_month

GOLDEN = Path(__file__).parents[1] / "golden" / "openshift"


def test_files_as_the_operator_writes_them_golden():
    rows = seen_by(source("openshift", GOLDEN / "files", platform="ocp"))
    assert as_lines(rows) == (GOLDEN / "files.jsonl").read_text()


def test_instances_count_as_their_part_and_shared_devices_are_supplied_once():
    rows = seen_by(source("openshift", GOLDEN / "files"))
    assert hours_of(rows["gpu_supply"], "gpu", "mig", "present_s") == [
        ("GPU-1", None, 3600),
        ("GPU-2", "MIG-a", 1543),
        ("GPU-2", "MIG-b", 2057),
        ("GPU-3", None, 3600),
    ]
    assert hours_of(rows["gpu_hours"], "gpu", "mig", "subject_uid", "reserved_s") == [
        ("GPU-1", None, "science/fold-0", 3600),
        ("GPU-2", "MIG-a", "science/fold-1", 1029),
        ("GPU-2", "MIG-b", "chat/serve-0", 2057),
        ("GPU-3", None, "chat/serve-0", 900),
        ("GPU-3", None, "chat/serve-1", 1800),
    ]


def test_labels_of_the_namespace_hold_unless_the_pod_has_its_own():
    rows = seen_by(source("openshift", GOLDEN / "files"))
    assert dict(hours_of(rows["subjects"], "subject_uid", "labels")) == {
        "science/fold-0": '{"app":"fold","stage":"prod","team":"biology"}',
        "science/fold-1": '{"stage":"dev","team":"biology"}',
        "chat/serve-0": '{"team":"assistants"}',
        "chat/serve-1": '{"team":"assistants"}',
    }
    days = hours_of(rows["subjects"], "day", "subject_uid")
    assert len(days) == len(set(days)) == 5


def test_bad_rows_are_told():
    rows = seen_by(source("openshift", GOLDEN / "files"))
    assert [(r["row"], r["column"], r["value"]) for r in rows["rejected"]] == [
        (6, "interval_start", "2026-09-02 00:30:00 +0000 UTC"),
        (7, "gpu_pod_uptime", "4000"),
        (8, "", "2026-09-01 00:00:00 +0000 UTC,short"),
    ]


def test_only_the_window_is_read():
    start = parse_month("2026-09").start
    window = Period(start.replace(day=2), start.replace(day=3))
    rows = seen_by(source("openshift", GOLDEN / "files"), window)
    assert {row["day"] for row in rows["gpu_hours"] + rows["subjects"]} == {"2026-09-02"}


def test_a_folder_without_a_gpu_file_is_named(tmp_path):
    (tmp_path / "a.csv").write_text("namespace,namespace_labels\nx,label_team:a\n")
    with pytest.raises(BadInputError, match="no OpenShift GPU file"):
        seen_by(source("openshift", tmp_path))


def test_a_month_from_a_generator_of_such_files(shared):
    folder = shared / "finops" / "nise-generated" / "ocp_gpu"
    rows = seen_by(source("openshift", folder))
    assert len(rows["gpu_hours"]) == 7656
    assert "rejected" not in rows
    hours = 696
    whole = 5 * 3600 - 1200  # five whole GPUs, one of them held 2400 s of each hour
    parts = 3 * round(3600 * 3 / 7) + round(3600 / 7) + round(3600 * 2 / 7) + round(3600 * 4 / 7)
    assert sum(row["reserved_s"] for row in rows["gpu_hours"]) == hours * (whole + parts)
    assert {row["subject_uid"]: row["labels"] for row in rows["subjects"]}.keys() == {
        "gpu-namespace/ml-training-pod-1",
        "gpu-namespace/ai-inference-pod",
        "ai-research/research-workload-1",
    }
