"""`wm ingest aws-cur|azure-cost`: exports as they lie in their buckets, each month once."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.flows.small import Clock, project_at
from tests.observe.test_aws_cur import LINE as CUR
from tests.observe.test_azure_cost import BOUGHT, COVERED, SPREAD, UNUSED
from tests.observe.test_azure_cost import LINE as AZURE
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.model.errors import BadInputError
from watermaster.model.resources import SourceSpec, SourceType


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


def test_a_native_bill_given_as_focus_is_told_which_command_reads_it(tmp_path: Path) -> None:
    project = project_at(tmp_path / "home", Clock("2026-10-02"))
    for name, line in (("aws-cur", CUR), ("azure-cost", AZURE)):
        write(tmp_path / f"{name}.csv", [line])
        with pytest.raises(BadInputError, match=f"wm ingest {name}"):
            billed(project, SourceType.FOCUS, tmp_path / f"{name}.csv")
