"""Of an export's folder the newest run of each period counts; in doubt it is refused."""

import json
import os
from pathlib import Path

import fsspec
import pytest

from watermaster.ledger.exports import newest_runs
from watermaster.model.errors import BadInputError, RefusedError

OLD, NEW = "2026-09-10T06:00:00.000Z-aaa", "2026-09-20T06:00:00.000Z-bbb"


def put(root: Path, name: str, told: object = "cost") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(told if isinstance(told, str) else json.dumps(told))


def chosen(root: Path) -> list[str]:
    store = fsspec.filesystem("file")
    names = newest_runs(store, store.find(str(root)))
    return [name.removeprefix(f"{root}/") for name in names]


def data_export(root: Path, run: str, month: str = "2026-09", parts: int = 1) -> None:
    between = f"{run}/" if run else ""
    files = [f"data/BILLING_PERIOD={month}/{between}cur-{n:05}.csv.gz" for n in range(parts)]
    for file in files:
        put(root, f"cur/{file}")
    keys = [f"s3://bills/exports/cur/{file}" for file in files]
    name = f"cur/metadata/BILLING_PERIOD={month}/{between}cur-Manifest.json"
    put(root, name, {"dataFiles": keys, "billingPeriod": month})


def azure(root: Path, run: str, at: str, kind: str = "ActualCost", days: str = "") -> None:
    days = days or "20260901-20260930"
    start, end = (f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00Z" for day in days.split("-"))
    folder = f"{kind}/{days}/{run}"
    put(root, f"{folder}/part_0_0001.csv")
    told = {
        "exportConfig": {"exportName": kind, "type": kind},
        "runInfo": {"submittedTime": at, "startDate": start, "endDate": end},
        "blobs": [{"blobName": f"costs/{folder}/part_0_0001.csv"}],
    }
    put(root, f"{folder}/manifest.json", told)


def test_of_create_new_executions_the_newest_counts(tmp_path: Path) -> None:
    data_export(tmp_path, NEW, parts=2)
    data_export(tmp_path, OLD)
    data_export(tmp_path, OLD, "2026-08")
    found = chosen(tmp_path)
    assert len(found) == 3
    assert sum(NEW in name for name in found) == 2
    assert sum("2026-08" in name for name in found) == 1


def test_of_an_overwritten_export_only_named_files_count(tmp_path: Path) -> None:
    put(tmp_path, "cur/data/BILLING_PERIOD=2026-09/cur-00009.csv.gz")  # of an earlier, longer run
    data_export(tmp_path, "")
    assert chosen(tmp_path) == ["cur/data/BILLING_PERIOD=2026-09/cur-00000.csv.gz"]


def test_the_manifest_of_a_legacy_period_names_its_newest_assembly(tmp_path: Path) -> None:
    for assembly in ("zzz", "aaa"):
        key = f"cur/20260901-20261001/{assembly}/cur-1.csv.gz"
        put(tmp_path, key)
        told = {"assemblyId": assembly, "reportKeys": [f"pre/{key}"], "billingPeriod":
                {"start": "20260901T000000.000Z", "end": "20261001T000000.000Z"}}  # fmt: skip
        put(tmp_path, f"cur/20260901-20261001/{assembly}/cur-Manifest.json", told)
        put(tmp_path, "cur/20260901-20261001/cur-Manifest.json", told)
    later = tmp_path / "cur/20260901-20261001/zzz/cur-Manifest.json"
    os.utime(later, (4e9, 4e9))  # a copy's time says nothing beside the current manifest
    assert chosen(tmp_path) == ["cur/20260901-20261001/aaa/cur-1.csv.gz"]


def test_azure_runs_are_ordered_by_when_they_were_asked_for(tmp_path: Path) -> None:
    azure(tmp_path, "202609100600/f", "2026-09-10T06:00:00.1Z")
    azure(tmp_path, "202609200600/a", "2026-09-20T06:00:00.1Z")
    azure(tmp_path, "202609200600/b", "2026-09-20T06:00:00.1Z", "AmortizedCost")
    assert chosen(tmp_path) == [
        "ActualCost/20260901-20260930/202609200600/a/part_0_0001.csv",
        "AmortizedCost/20260901-20260930/202609200600/b/part_0_0001.csv",
    ]


def test_daily_runs_of_one_month_all_count(tmp_path: Path) -> None:
    azure(tmp_path, "a", "2026-09-02T06:00:00Z", days="20260901-20260901")
    azure(tmp_path, "b", "2026-09-03T06:00:00Z", days="20260902-20260902")
    assert len(chosen(tmp_path)) == 2


def test_runs_that_share_only_some_days_are_refused(tmp_path: Path) -> None:
    azure(tmp_path, "a", "2026-09-02T06:00:00Z", days="20260820-20260910")
    azure(tmp_path, "b", "2026-09-30T06:00:00Z")
    with pytest.raises(RefusedError, match="count twice"):
        chosen(tmp_path)


def test_two_exports_of_one_month_are_refused(tmp_path: Path) -> None:
    data_export(tmp_path / "one", NEW)
    data_export(tmp_path / "two", NEW)
    with pytest.raises(RefusedError, match="count twice"):
        chosen(tmp_path)


def test_two_runs_without_manifests_are_refused(tmp_path: Path) -> None:
    for run in (OLD, NEW):
        put(tmp_path, f"cur/data/BILLING_PERIOD=2026-09/{run}/cur-1.csv.gz")
    with pytest.raises(RefusedError, match="another run of the same period"):
        chosen(tmp_path)
    put(tmp_path / "azure", "cost/20260901-20260930/r1/a.csv")
    put(tmp_path / "azure", "cost/20260901-20260930/r2/a.csv")
    with pytest.raises(RefusedError, match="bring the manifests"):
        chosen(tmp_path / "azure")


def test_a_run_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    data_export(tmp_path, NEW, parts=2)
    (tmp_path / f"cur/data/BILLING_PERIOD=2026-09/{NEW}/cur-00001.csv.gz").unlink()
    with pytest.raises(RefusedError, match="not whole"):
        chosen(tmp_path)
    put(tmp_path, "cur/metadata/x/cur-Manifest.json", '{"dataFiles": [')
    with pytest.raises(BadInputError, match="no JSON"):
        chosen(tmp_path)


def test_plain_folders_are_left_as_they_are(tmp_path: Path) -> None:
    put(tmp_path, "2026-09/a.csv")
    put(tmp_path, "2026-09/b.csv")
    put(tmp_path, "manifest.json", {"name": "a web page"})
    assert len(chosen(tmp_path)) == 3
