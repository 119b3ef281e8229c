"""Azure cost details, actual and amortised, become FOCUS; together nothing counts twice."""

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from ibis.backends.duckdb import Backend as DuckDB

from tests.observe.conftest import Row, rows_of, text_of
from watermaster.model.errors import BadInputError, RefusedError
from watermaster.observe.azure_cost import Dataset, dataset_of, is_azure, map_cost, refuse_doubt
from watermaster.observe.focus import FocusDelivery, FocusOrder, deliver

LINE = {
    "BillingAccountId": "1", "BillingPeriodStartDate": "09/01/2026",
    "BillingPeriodEndDate": "09/30/2026", "Date": "09/30/2026", "SubscriptionId": "s",
    "SubscriptionName": "llm", "MeterCategory": "Virtual Machines", "MeterId": "m",
    "ResourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/"
    "virtualMachines/gpu-1",
    "ChargeType": "Usage", "PricingModel": "OnDemand", "Quantity": "1", "UnitOfMeasure": "1 Hour",
    "CostInBillingCurrency": "10", "BillingCurrencyCode": "EUR", "ReservationId": "",
    "PaygCostInBillingCurrency": "12", "tags": '"team":"llm","a":"b"', "Frequency": "UsageBased",
}  # fmt: skip
COVERED = {"PricingModel": "Reservation", "ReservationId": "r", "CostInBillingCurrency": "0"}
BOUGHT = COVERED | {"ChargeType": "Purchase", "CostInBillingCurrency": "90"}
SPREAD = COVERED | {"CostInBillingCurrency": "2"}
UNUSED = COVERED | {"ChargeType": "UnusedReservation", "CostInBillingCurrency": "1"}
TAX = {"ChargeType": "Tax", "PricingModel": "", "CostInBillingCurrency": "3"}
Azure = Callable[..., tuple[FocusDelivery, list[Row]]]


def file_of(folder: Path, *lines: dict[str, str]) -> Path:
    path = folder / "cost.csv"
    with path.open("w", newline="") as handle:
        out = csv.DictWriter(handle, list(LINE))
        out.writeheader()
        out.writerows(LINE | line for line in lines)
    return path


@pytest.fixture
def azure(engine: DuckDB, tmp_path: Path) -> Azure:
    def of(
        *lines: dict[str, str], dataset: Dataset, beside: bool = False
    ) -> tuple[FocusDelivery, list[Row]]:
        rows = text_of(engine, file_of(tmp_path, *lines))
        text, _ = map_cost(rows, "cost", dataset, beside=beside)
        found = deliver(text, FocusOrder(source="azure", where="cost"), engine.to_pyarrow)
        typed = rows_of(engine, found.typed)
        return found, sorted(typed, key=lambda row: int(str(row["charge_row"])))

    return of


def costs(rows: list[Row]) -> list[tuple[object, object]]:
    return [(row["billed_cost"], row["effective_cost"]) for row in rows]


def test_an_actual_file_bills_purchases(azure: Azure) -> None:
    found, rows = azure({}, COVERED, BOUGHT, TAX, dataset=Dataset.ACTUAL)
    assert found.faulty_rows == 0
    assert costs(rows) == [(10, 10), (0, None), (90, 0), (3, 3)]
    assert [row["charge_category"] for row in rows] == ["Usage", "Usage", "Purchase", "Tax"]
    first = rows[0]
    assert str(first["charge_period_end"]) == str(first["billing_period_end"])
    assert (first["billing_month"], first["billing_currency"]) == ("2026-09", "EUR")
    assert (first["resource_name"], first["tags"]) == ("gpu-1", '{"a":"b","team":"llm"}')
    assert first["resource_type"] == "microsoft.compute/virtualmachines"


def test_an_amortised_file_spreads_them(azure: Azure) -> None:
    found, rows = azure({}, SPREAD, UNUSED, TAX, dataset=Dataset.AMORTISED)
    assert found.faulty_rows == 0
    assert costs(rows) == [(10, 10), (0, 2), (0, 1), (3, 3)]
    status = [row["commitment_discount_status"] for row in rows]
    assert status == [None, "Used", "Unused", None]


def test_both_together_bill_the_invoice_and_spread_the_commitment(azure: Azure) -> None:
    _, bought = azure({}, COVERED, BOUGHT, TAX, dataset=Dataset.ACTUAL, beside=True)
    _, spread = azure({}, SPREAD, UNUSED, TAX, dataset=Dataset.AMORTISED, beside=True)
    together = costs(bought + spread)
    assert sum(Decimal(str(billed)) for billed, _ in together) == 10 + 90 + 3
    assert sum(Decimal(str(effective)) for _, effective in together) == 10 + 2 + 1 + 3


def test_which_dataset_a_file_is(engine: DuckDB, tmp_path: Path) -> None:
    def of(where: str, *lines: dict[str, str]) -> Dataset:
        return dataset_of(text_of(engine, file_of(tmp_path, *lines)), where, engine.to_pyarrow)

    assert of("a.csv", {}, COVERED, BOUGHT) is Dataset.ACTUAL
    assert of("a.csv", {}, UNUSED) is Dataset.AMORTISED
    assert of("a.csv", SPREAD) is Dataset.AMORTISED
    assert of("a.csv", {}) is Dataset.EITHER
    assert of("x/AmortizedCost/a.csv", {}) is Dataset.AMORTISED


def test_a_file_of_either_beside_both_is_refused() -> None:
    both = {"a": Dataset.ACTUAL, "b": Dataset.AMORTISED}
    assert refuse_doubt(both)
    assert not refuse_doubt({"a": Dataset.ACTUAL, "c": Dataset.EITHER})
    with pytest.raises(RefusedError, match="count twice"):
        refuse_doubt(both | {"c": Dataset.EITHER})


def test_a_focus_file_is_no_azure_export(engine: DuckDB, tmp_path: Path) -> None:
    path = tmp_path / "focus.csv"
    path.write_text("BilledCost,ChargePeriodStart\n1,2026-09-01\n")
    with pytest.raises(BadInputError, match="no Azure cost export"):
        map_cost(text_of(engine, path), "focus.csv", Dataset.ACTUAL, beside=False)
    assert is_azure(tuple(LINE))
    assert not is_azure(("BilledCost", "MeterCategory"))
