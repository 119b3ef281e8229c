"""Tag coverage from a bill to its share, and what is said where nothing is required."""

from decimal import Decimal

import pytest

from watermaster.flows.allocate import allocate_months
from watermaster.flows.cost import CostQuestion
from watermaster.flows.declare import apply, plan
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.flows.tag_coverage import coverage
from watermaster.model.errors import NotFoundError
from watermaster.model.resources import SourceSpec, SourceType

BILL = """BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,Tags
6,6,USD,2026-10-01,2026-10-01,"{""team"": ""search""}"
2,2,USD,2026-10-01,2026-10-02,"{""team"": ""serach""}"
2,2,USD,2026-10-01,2026-10-03,{}
"""
POLICY = """
apiVersion: watermaster/v1
kind: TagPolicy
metadata: {name: tags}
spec:
  tags: [{key: team, required: true, values: [search, ads]}]
"""


@pytest.fixture
def project(tmp_path):
    project = create_project(tmp_path / "home")
    (tmp_path / "bill.csv").write_text(BILL)
    spec = SourceSpec(type=SourceType.FOCUS, location=str(tmp_path / "bill.csv"))
    ingest_bills(project, "bill", spec, IngestOptions())
    return project


def test_a_bill_is_covered_by_the_cost_of_its_allowed_values(project, tmp_path):
    (tmp_path / "tags.yaml").write_text(POLICY)
    apply(project, plan(project, [str(tmp_path / "tags.yaml")]))
    allocate_months(project)
    (row,) = coverage(project, CostQuestion(by=("unit", "month"))).rows
    assert (row["cost"], row["covered"], row["wrong"]) == (10, 6, 2)
    assert (row["coverage"], row["change"]) == (Decimal("0.6"), None)


def test_a_tag_declared_after_the_allocation_is_told_to_need_one(project, tmp_path):
    allocate_months(project)
    (tmp_path / "tags.yaml").write_text(POLICY)
    apply(project, plan(project, [str(tmp_path / "tags.yaml")]))
    found = coverage(project, CostQuestion(by=("month",)))
    assert [row["coverage"] for row in found.rows] == [0]
    assert "No allocation has team yet: run wm allocate." in found.why


def test_no_required_tag_is_told_not_answered_as_full_coverage(project):
    allocate_months(project)
    with pytest.raises(NotFoundError, match="no tag is required"):
        coverage(project, CostQuestion(by=("unit",)))
