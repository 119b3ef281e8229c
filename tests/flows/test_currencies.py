"""Two currencies in one ledger: one total where the rates allow, one per currency where not."""

from decimal import Decimal

import pytest

from watermaster.flows.allocate import allocate_months
from watermaster.flows.cost import CostQuestion, costs
from watermaster.flows.declare import apply, plan
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.model.resources import SourceSpec, SourceType

HEAD = "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ServiceName\n"
BILL = HEAD + "".join(
    f"{cost},{cost},{code},2026-10-01,2026-10-0{day},{service}\n"
    for cost, code, day, service in [
        ("10.5", "USD", 1, "S3"),
        ("20.25", "EUR", 2, "S3"),
        ("4", "EUR", 3, "EC2"),
        ("1", "USD", 3, "EC2"),
    ]
)
SHEET = """
apiVersion: watermaster/v1
kind: PriceSheet
metadata: {name: ecb}
spec:
  source: European Central Bank
  currency: USD
  rates:
    - {day: 2026-10-02, currency: EUR, rate: "1.1"}
"""


@pytest.fixture
def project(tmp_path):
    project = create_project(tmp_path / "home")
    (tmp_path / "bill.csv").write_text(BILL)
    spec = SourceSpec(type=SourceType.FOCUS, location=str(tmp_path / "bill.csv"))
    ingest_bills(project, "bill", spec, IngestOptions())
    allocate_months(project)
    return project


def test_without_rates_each_currency_has_its_total(project):
    report = costs(project, CostQuestion(by=("service",)))
    assert (report.total, report.currency) == (None, None)
    assert report.totals == {"USD": Decimal("11.5"), "EUR": Decimal("24.25")}
    assert "2 parts have no rate into USD" in report.why


def test_with_rates_there_is_one_total_and_the_bill_stays_as_it_was(project, tmp_path):
    (tmp_path / "ecb.yaml").write_text(SHEET)
    apply(project, plan(project, [str(tmp_path / "ecb.yaml")]))
    allocate_months(project)
    report = costs(project, CostQuestion(by=("service",)))
    assert (report.currency, report.total) == ("USD", Decimal("38.175"))
    assert {row["service"]: row["cost"] for row in report.rows} == {
        "S3": Decimal("32.775"),
        "EC2": Decimal("5.4"),
    }
    billed = costs(project, CostQuestion(by=("service",), is_converted=False))
    assert billed.totals == {"USD": Decimal("11.5"), "EUR": Decimal("24.25")}
