"""A Cost and Usage Report becomes FOCUS: every line item type by hand, every total exact."""

import csv
import gzip
import json
from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend as DuckDB

from tests.observe.conftest import Row, rows_of, text_of
from watermaster.model.errors import BadInputError
from watermaster.observe.aws_cur import is_cur, map_cur
from watermaster.observe.focus import FocusDelivery, FocusOrder, deliver

LINE = {
    "bill/BillingPeriodStartDate": "2026-09-01T00:00:00Z",
    "bill/BillingPeriodEndDate": "2026-10-01T00:00:00Z",
    "bill/PayerAccountId": "1", "bill/InvoiceId": "inv-7", "lineItem/UsageAccountId": "2",
    "lineItem/UsageStartDate": "2026-09-03T04:00:00Z",
    "lineItem/UsageEndDate": "2026-09-03T05:00:00Z",
    "lineItem/LineItemType": "Usage", "lineItem/ProductCode": "AmazonEC2",
    "lineItem/ResourceId": "i-1", "lineItem/UsageType": "BoxUsage:p4d.24xlarge",
    "lineItem/CurrencyCode": "USD", "lineItem/UnblendedCost": "10",
    "pricing/publicOnDemandCost": "12", "resourceTags/user:team": 'v"1"',
    "resourceTags/aws:createdBy": "",
    "reservation/ReservationARN": "", "reservation/EffectiveCost": "",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": "",
    "reservation/UnusedRecurringFee": "", "savingsPlan/SavingsPlanARN": "",
    "savingsPlan/SavingsPlanEffectiveCost": "", "savingsPlan/TotalCommitmentToDate": "",
    "savingsPlan/UsedCommitment": "",
}  # fmt: skip
PLAN = {"savingsPlan/SavingsPlanARN": "arn:sp"}
RESERVED = {"reservation/ReservationARN": "arn:ri"}
LEFT = "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod"
Cur = Callable[..., tuple[FocusDelivery, list[Row]]]


@pytest.fixture
def cur(engine: DuckDB, tmp_path: Path) -> Cur:
    def of(*lines: dict[str, str], path: Path | None = None) -> tuple[FocusDelivery, list[Row]]:
        file = path or tmp_path / "cur.csv"
        if path is None:
            rows = [LINE | line for line in lines]
            with file.open("w", newline="") as handle:
                out = csv.DictWriter(handle, list(dict.fromkeys(k for row in rows for k in row)))
                out.writeheader()
                out.writerows(rows)
        text, _ = map_cur(text_of(engine, file), "cur")
        found = deliver(text, FocusOrder(source="aws", where="cur"), engine.to_pyarrow)
        typed = rows_of(engine, found.typed)
        return found, sorted(typed, key=lambda row: int(str(row["charge_row"])))

    return of


# line item type, its columns: billed, effective, category, status of the commitment
KINDS = [
    ("Usage", {}, "10", "10", "Usage", None),
    ("SavingsPlanCoveredUsage", PLAN | {"savingsPlan/SavingsPlanEffectiveCost": "4.5"},
     "10", "4.5", "Usage", "Used"),
    ("SavingsPlanNegation", PLAN | {"lineItem/UnblendedCost": "-10"}, "-10", "0", "Usage",
     None),
    ("SavingsPlanRecurringFee", PLAN | {"savingsPlan/TotalCommitmentToDate": "10",
     "savingsPlan/UsedCommitment": "9.9"}, "10", "0.1", "Usage", "Unused"),
    ("SavingsPlanRecurringFee", PLAN | {"savingsPlan/TotalCommitmentToDate": "10",
     "savingsPlan/UsedCommitment": "10"}, "10", "0", "Purchase", None),
    ("SavingsPlanUpfrontFee", PLAN, "10", "0", "Purchase", None),
    ("DiscountedUsage", RESERVED | {"lineItem/UnblendedCost": "0",
     "reservation/EffectiveCost": "3.25"}, "0", "3.25", "Usage", "Used"),
    ("RIFee", RESERVED | {LEFT: "0.1", "reservation/UnusedRecurringFee": "0.2"},
     "10", "0.3", "Usage", "Unused"),
    ("RIFee", RESERVED | {LEFT: "0"}, "10", "0", "Purchase", None),
    ("RIFee", RESERVED, "10", None, "Purchase", None),
    ("Fee", RESERVED, "10", "0", "Purchase", None),
    ("Fee", {}, "10", "10", "Purchase", None),
    ("Tax", {}, "10", "10", "Tax", None),
    ("Credit", {"lineItem/UnblendedCost": "-3"}, "-3", "-3", "Credit", None),
    ("Refund", {"lineItem/UnblendedCost": "-3"}, "-3", "-3", "Adjustment", None),
    ("BundledDiscount", {"lineItem/UnblendedCost": "-1"}, "-1", "-1", "Usage", None),
    ("EdpDiscount", {"lineItem/UnblendedCost": "-1"}, "-1", "-1", "Usage", None),
]  # fmt: skip


def test_each_line_item_type(cur: Cur) -> None:
    found, rows = cur(*({"lineItem/LineItemType": kind} | told for kind, told, *_ in KINDS))
    assert found.faulty_rows == 0
    for (kind, told, billed, effective, category, status), row in zip(KINDS, rows, strict=True):
        costs = Decimal(billed), None if effective is None else Decimal(effective)
        assert (row["billed_cost"], row["effective_cost"]) == costs, (kind, told)
        named = row["charge_category"], row["commitment_discount_status"]
        assert named == (category, status), (kind, told)


def test_a_savings_plan_costs_its_fee_however_it_is_used(cur: Cur) -> None:
    covered = {"lineItem/LineItemType": "SavingsPlanCoveredUsage", **PLAN,
               "savingsPlan/SavingsPlanEffectiveCost": "6"}  # fmt: skip
    negated = {"lineItem/LineItemType": "SavingsPlanNegation", "lineItem/UnblendedCost": "-10"}
    fee = {"lineItem/LineItemType": "SavingsPlanRecurringFee", "lineItem/UnblendedCost": "8",
           "savingsPlan/TotalCommitmentToDate": "8", "savingsPlan/UsedCommitment": "6"}  # fmt: skip
    _, rows = cur(covered, negated | PLAN, fee | PLAN)
    for cost in ("billed_cost", "effective_cost"):
        assert sum(Decimal(str(row[cost])) for row in rows) == Decimal(8)


def test_tags_lose_the_users_prefix_and_nothing_else(cur: Cur) -> None:
    _, (row,) = cur({"resourceTags/aws:createdBy": "root"})
    assert json.loads(str(row["tags"])) == {"team": 'v"1"', "aws:createdBy": "root"}


def test_columns_that_focus_has_not_are_kept(cur: Cur) -> None:
    _, (row,) = cur({"lineItem/Operation": "RunInstances", "splitLineItem/SplitCost": ""})
    held = json.loads(str(row["origin"]))
    assert held["lineItem/Operation"] == "RunInstances"
    assert held["lineItem/LineItemType"] == "Usage"
    assert "lineItem/UnblendedCost" not in held


def test_cur_2_names_and_split_rows_are_read(cur: Cur, engine: DuckDB, tmp_path: Path) -> None:
    line = {
        "bill_payer_account_id": "1", "bill_billing_period_start_date": "2026-09-01 00:00:00.000",
        "line_item_usage_start_date": "2026-09-03 04:00:00.000", "line_item_currency_code": "USD",
        "line_item_line_item_type": "Usage", "line_item_unblended_cost": "10",
        "resource_tags": '{"user_team":"llm","aws_created_by":"x"}',
        "split_line_item_parent_resource_id": "", "split_line_item_split_cost": "",
    }  # fmt: skip
    pod = line | {"line_item_unblended_cost": "", "split_line_item_parent_resource_id": "i-1",
                  "split_line_item_split_cost": "4"}  # fmt: skip
    file = tmp_path / "cur2.csv"
    with file.open("w", newline="") as handle:
        out = csv.DictWriter(handle, list(line))
        out.writeheader()
        out.writerows([line, pod])
    found, (node, part) = cur(path=file)
    assert found.faulty_rows == 0
    assert (node["billed_cost"], part["billed_cost"], part["effective_cost"]) == (10, 0, 0)
    assert json.loads(str(part["origin"]))["split_line_item_split_cost"] == "4"
    assert json.loads(str(node["tags"])) == {"team": "llm", "aws_created_by": "x"}


def test_a_cost_that_is_no_number_rejects_its_row(cur: Cur) -> None:
    odd = {"lineItem/LineItemType": "RIFee", LEFT: "much"} | RESERVED
    found, rows = cur(odd, {"lineItem/UnblendedCost": "ten"}, {})
    assert (found.faulty_rows, len(rows)) == (2, 1)


def test_a_focus_file_is_no_cur(engine: DuckDB, tmp_path: Path) -> None:
    path = tmp_path / "focus.csv"
    path.write_text("BilledCost,ChargePeriodStart\n1,2026-09-01\n")
    with pytest.raises(BadInputError, match="no AWS CUR"):
        map_cur(text_of(engine, path), "focus.csv")
    assert not is_cur(("BilledCost",))
    assert is_cur(tuple(LINE))


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Usage", "Tax", "Credit", "RIFee", "SavingsPlanNegation", "Odd"]),
            st.decimals(-1000, 1000, places=18),
        ),
        min_size=1, max_size=40,
    )
)  # fmt: skip
def test_what_is_billed_is_what_the_file_bills(cur: Cur, lines) -> None:
    found, rows = cur(
        *({"lineItem/LineItemType": kind, "lineItem/UnblendedCost": str(cost), LEFT: "0"}
          for kind, cost in lines)
    )  # fmt: skip
    with localcontext(prec=100):
        ours = sum(Decimal(str(row["billed_cost"])) for row in rows)
        total = ours + found.rounding.get("billed_cost", Decimal(0))
        assert total == sum(cost for _, cost in lines)


def test_the_generated_report_is_exact(shared: Path, cur: Cur) -> None:
    path = shared / "finops" / "nise-generated" / "aws_cur" / "September-2026-None.csv.gz"
    found, rows = cur(path=path)
    with gzip.open(path, "rt") as file:
        lines = list(csv.DictReader(file))
    assert (found.faulty_rows, len(rows)) == (0, len(lines))
    with localcontext(prec=100):
        ours = sum(Decimal(str(row["billed_cost"])) for row in rows)
        assert ours + found.rounding["billed_cost"] == sum(
            Decimal(line["lineItem/UnblendedCost"]) for line in lines
        )
        plan = "SavingsPlanCoveredUsage"
        effective = sum(Decimal(str(row["effective_cost"])) for row in rows)
        assert effective + found.rounding["effective_cost"] == sum(
            Decimal(line["savingsPlan/SavingsPlanEffectiveCost" if line["lineItem/LineItemType"]
                         == plan else "lineItem/UnblendedCost"])
            for line in lines
        )  # fmt: skip
    own = {"BilledCost-C-005-C", "SkuPriceId-C-005-C"}  # AWS bills as a seller; nise has no rates
    assert {each.rule for each in found.breaks} <= own
