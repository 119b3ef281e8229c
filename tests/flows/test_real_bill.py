"""Real bills: every cost to the last digit, twice the same, every drop on somebody's account."""

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from watermaster.decide.cost.by import Cost
from watermaster.flows.allocate import allocate_months
from watermaster.flows.cost import CostQuestion, costs, why
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.ledger.head import read_head
from watermaster.ledger.read import read
from watermaster.model.resources import SourceSpec, SourceType

SAMPLE = "finops/focus-1.0-sample/focus_sample.csv"


@pytest.fixture
def project(tmp_path: Path):
    return create_project(tmp_path / "home")


def ingest(project, location):
    spec = SourceSpec(type=SourceType.FOCUS, location=str(location))
    found = ingest_bills(project, "sample", spec, IngestOptions())
    allocate_months(project)
    return found


def exact_sums(path, cost):
    """By service; None where the bill gives no figure at all: missing is not zero."""
    column = cost.value.capitalize() + "Cost"
    known = defaultdict(list)
    with path.open(newline="") as handle:
        for row in csv.DictReader(handle):
            known[row["ServiceName"]] += [Decimal(text) for text in [row[column]] if text != "NULL"]
    return {service: sum(costs) if costs else None for service, costs in known.items()}


def test_costs_by_service_are_the_real_bill_to_the_last_digit(project, shared):
    ingest(project, shared / SAMPLE)
    for cost in Cost:
        report = costs(project, CostQuestion(by=("service",), cost=cost))
        exact = exact_sums(shared / SAMPLE, cost)
        assert {row["service"]: row["cost"] for row in report.rows} == exact
        assert report.total == sum(filter(None, exact.values()))


@pytest.mark.parametrize("version", ["1_2", "1_3"])
@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
def test_generated_bills_are_exact_from_the_file_to_wm_cost_by(project, shared, version, provider):
    name = f"focus_{version}_cost_and_usage_{provider}.parquet"
    path = shared / "finops/focus-toolkit-generated" / name
    (file,) = ingest(project, path).files
    bill = pq.read_table(
        path, columns=["ServiceName", *(c.value.capitalize() + "Cost" for c in Cost)]
    )
    for cost in Cost:
        exact = defaultdict(Decimal)
        for row in bill.select(["ServiceName", cost.value.capitalize() + "Cost"]).to_pylist():
            service, value = row.values()
            exact[service] += Decimal(str(value))  # of a float the shortest text that reads back
        report = costs(project, CostQuestion(by=("service",), cost=cost))
        assert report.total + file.rounding.get(cost.column, Decimal(0)) == sum(exact.values())
        if cost.column not in file.rounding:
            assert {row["service"]: row["cost"] for row in report.rows} == exact


def test_a_real_bill_taken_in_twice_changes_nothing(project, shared):
    ingest(project, shared / SAMPLE)
    before = read_head(project.ledger.records).snapshots["charges"]
    again = ingest(project, shared / SAMPLE)
    assert again.unchanged == 1
    assert read_head(project.ledger.records).snapshots["charges"] == before


def test_a_figure_walks_back_to_its_row_in_the_file(project, shared):
    ingest(project, shared / SAMPLE)
    head = read_head(project.ledger.records)
    charges = read(project.ledger, head, "charges")
    file = project.ledger.engine.to_pyarrow(charges.select("charge_file").limit(1))
    with (shared / SAMPLE).open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    for number in (1, 201, 1000):
        found = why(project, file["charge_file"][0].as_py(), number)
        assert found.charge["BilledCost"] == Decimal(rows[number - 1]["BilledCost"])
        assert found.charge["SkuId"] == rows[number - 1]["SkuId"]
        assert sum(part.ratio for part in found.parts) == 1
