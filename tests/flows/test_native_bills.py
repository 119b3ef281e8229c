"""`wm ingest aws-cur|azure-cost`: exports as they lie in their buckets, each month once."""

import csv
import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.flows.small import Clock, project_at
from tests.observe.test_aws_cur import LINE as CUR
from tests.observe.test_azure_cost import BOUGHT, COVERED, SPREAD, UNUSED
from tests.observe.test_azure_cost import LINE as AZURE
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.model.errors import BadInputError, RefusedError
from watermaster.model.resources import Delivery, SourceSpec, SourceType


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket where S3 is spoken."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fsspec.filesystem("s3").mkdir("native")
    yield "native"
    server.stop()


def write(path: Path, lines: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as handle:
        out = csv.DictWriter(handle, list(lines[0]))
        out.writeheader()
        out.writerows(lines)


def execution(root: Path, run: str, costs: list[str]) -> None:
    """One month-to-date run of a create-new AWS Data Export."""
    key = f"data/BILLING_PERIOD=2026-09/{run}/cur-00001.csv"
    write(root / key, [CUR | {"lineItem/UnblendedCost": cost} for cost in costs])
    manifest = root / f"metadata/BILLING_PERIOD=2026-09/{run}/cur-Manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"dataFiles": [f"s3://bucket/exports/cur/{key}"]}))


def billed(project, kind: SourceType, location: Path) -> Decimal | None:
    spec = SourceSpec(type=kind, location=str(location))
    (one,) = ingest_bills(project, "bills", spec, IngestOptions()).slices
    return one.cost


def test_two_month_to_date_runs_count_once(tmp_path: Path) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    execution(tmp_path / "cur", "2026-09-10T06:00:00.000Z-f", ["10"])
    assert billed(project, SourceType.AWS_CUR, tmp_path / "cur") == 10
    execution(tmp_path / "cur", "2026-09-20T06:00:00.000Z-a", ["10", "5.5"])
    assert billed(project, SourceType.AWS_CUR, tmp_path / "cur") == Decimal("15.5")


def test_actual_and_amortised_exports_are_one_bill(tmp_path: Path) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    write(tmp_path / "az/actual/a.csv", [AZURE, AZURE | COVERED, AZURE | BOUGHT])
    write(tmp_path / "az/amortized/a.csv", [AZURE, AZURE | SPREAD, AZURE | UNUSED])
    assert billed(project, SourceType.AZURE_COST, tmp_path / "az") == 10 + 90


def test_an_amortised_export_that_comes_later_as_a_part_counts_no_use_twice(tmp_path: Path) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    spec = SourceSpec(
        type=SourceType.AZURE_COST, location=str(tmp_path / "az"), delivery=Delivery.PARTS
    )
    write(tmp_path / "az/actual/a.csv", [AZURE, AZURE | COVERED, AZURE | BOUGHT])
    ingest_bills(project, "bills", spec, IngestOptions())
    write(tmp_path / "az/amortized/a.csv", [AZURE, AZURE | SPREAD, AZURE | UNUSED])
    again = IngestOptions(is_replacing=True)
    parts = ingest_bills(project, "bills", spec, again).slices
    assert sum(one.cost or 0 for one in parts) == 10 + 90


def test_runs_of_a_cur_2_as_parquet_in_a_bucket_count_once(tmp_path: Path, bucket: str) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    store = fsspec.filesystem("s3")
    for run, days in (("2026-09-10T06:00:00.000Z-f", 9), ("2026-09-20T06:00:00.000Z-a", 19)):
        lines = month_to_date(range(1, days + 1), "0.10")
        names = {name: name.replace("/", "_").lower() for name in lines[0]}
        columns = {names[name]: [line[name] for line in lines] for name in names}
        costs = pa.array([Decimal("0.10")] * len(lines), pa.decimal128(38, 2))
        days_of = pa.array([dt.datetime.fromisoformat(line["lineItem/UsageStartDate"][:-1])
                            for line in lines], pa.timestamp("ms"))  # fmt: skip
        columns |= {"lineitem_unblendedcost": costs, "lineitem_usagestartdate": days_of}
        path = tmp_path / "part.parquet"
        pq.write_table(pa.table(columns), path)
        key = f"data/BILLING_PERIOD=2026-09/{run}/part-00001.parquet"
        store.put_file(str(path), f"{bucket}/exports/cur/{key}")
        told = json.dumps({"dataFiles": [f"s3://{bucket}/exports/cur/{key}"]}).encode()
        manifest = f"metadata/BILLING_PERIOD=2026-09/{run}/cur-Manifest.json"
        store.pipe_file(f"{bucket}/exports/cur/{manifest}", told)
    spec = SourceSpec(type=SourceType.AWS_CUR, location=f"s3://{bucket}/exports/cur")
    (one,) = ingest_bills(project, "bills", spec, IngestOptions()).slices
    assert (one.rows, one.cost) == (38, Decimal("3.80"))


def test_a_native_bill_given_as_focus_is_told_which_command_reads_it(tmp_path: Path) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    for name, line in (("aws-cur", CUR), ("azure-cost", AZURE)):
        write(tmp_path / f"{name}.csv", [line])
        with pytest.raises(BadInputError, match=f"wm ingest {name}"):
            billed(project, SourceType.FOCUS, tmp_path / f"{name}.csv")


def month_to_date(days: range, cost: str) -> list[dict[str, str]]:
    return [
        CUR
        | {
            "lineItem/UsageStartDate": f"2026-09-{day:02}T00:00:00Z",
            "lineItem/UsageEndDate": f"2026-09-{day + 1:02}T00:00:00Z",
            "lineItem/ResourceId": f"i-{number}",
            "lineItem/UnblendedCost": cost,
        }
        for day in days
        for number in (1, 2)
    ]


def test_two_flat_month_to_date_files_are_never_added_up(tmp_path: Path) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    write(tmp_path / "cur/0910.csv", month_to_date(range(1, 10), "10"))
    write(tmp_path / "cur/0920.csv", month_to_date(range(1, 20), "10.01"))
    with pytest.raises(RefusedError, match="two runs of one export"):
        billed(project, SourceType.AWS_CUR, tmp_path / "cur")
    (tmp_path / "cur/0910.csv").unlink()
    assert billed(project, SourceType.AWS_CUR, tmp_path / "cur") == Decimal("10.01") * 38


def test_parts_of_one_run_are_added_up(tmp_path: Path) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    write(tmp_path / "cur/1.csv", month_to_date(range(1, 10), "10"))
    write(tmp_path / "cur/2.csv", month_to_date(range(9, 20), "10"))
    assert billed(project, SourceType.AWS_CUR, tmp_path / "cur") == 10 * 2 * 20
