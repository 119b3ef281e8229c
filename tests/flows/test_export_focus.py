"""Allocated costs leave as FOCUS 1.4 and come back as the same money."""

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.flows.small import Clock, declare, project_at, resource
from watermaster.decide.cost.by import Cost
from watermaster.flows.allocate import allocate_months
from watermaster.flows.cost import CostQuestion, costs
from watermaster.flows.export_focus import export_focus
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import Project
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.model.shapes import COSTS
from watermaster.observe.focus_columns import NAMES

HEAD = (
    "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,BillingCurrency,"
    "BilledCost,EffectiveCost,ListCost,ContractedCost,ServiceName,ResourceId,ProviderName,"
    "SubAccountId,ListUnitPrice,PricingQuantity,Tags,x_Line\n"
)
SEP = "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,2026-09-02T00:00:00Z,2026-09-03T00:00:00Z"
BILL = HEAD + "".join(
    f"{SEP},{currency},{cost},{cost},{cost},{cost},{service},{resource},AWS,acc-1,2,5,"
    f'"{{""env"":""p""}}",{place}\n'
    for place, (cost, service, resource, currency) in enumerate(
        [
            ("10.000000000000001", "EC2", "i-1", "USD"),
            ("-3.333333333333333", "Support", "s-1", "USD"),
            ("100", "Support", "s-2", "USD"),
            ("0.07", "=1+1", "i-2", "USD"),
        ]
    )
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = project_at(tmp_path / "home", Clock("2026-10-05"))
    shares = {"alpha": "0.3", "beta": "0.3", "gamma": "0.4"}
    declare(
        made,
        *(resource("Team", name, {"unit": 'R&D "x"'}) for name in shares),
        resource(
            "AllocationRule",
            "support",
            {
                "match": [{"service": "Support"}], "split": "fixed", "shares": shares,
                "to": list(shares), "toKind": "team",
            },
        ),
    )  # fmt: skip
    ingest(made, "aws", tmp_path, BILL)
    allocate_months(made)
    return made


def ingest(project: Project, source: str, folder: Path, bill: str | Path) -> None:
    path = bill if isinstance(bill, Path) else folder / f"{source}.csv"
    if isinstance(bill, str):
        path.write_text(bill)
    spec = SourceSpec(type=SourceType.FOCUS, location=str(path))
    ingest_bills(project, source, spec, IngestOptions())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_parts_sum_to_their_origin_and_ratios_to_one(project: Project, tmp_path: Path) -> None:
    export_focus(project, ["2026-09"], tmp_path / "out.csv")
    parts = defaultdict(list)
    for row in rows_of(tmp_path / "out.csv"):
        parts[row["x_OriginRow"]].append(row)
    origin = [line.split(",") for line in BILL.splitlines()[1:]]
    assert sorted(len(found) for found in parts.values()) == [1, 1, 3, 3]
    for number, found in parts.items():
        assert sum(Decimal(row["x_AllocatedRatio"]) for row in found) == 1
        for cost in COSTS:
            total = sum(Decimal(row[NAMES[cost]]) for row in found)
            assert total == Decimal(origin[int(number) - 1][5])


def test_only_split_charges_carry_allocated_columns(project: Project, tmp_path: Path) -> None:
    export_focus(project, [], tmp_path / "out.csv")
    for row in rows_of(tmp_path / "out.csv"):
        assert row["ListUnitPrice"] == "2.000000000000000"
        assert (row["Tags"], row["SubAccountId"]) == ('{"env":"p"}', "acc-1")
        assert (row["x_ProviderName"], row["ServiceProviderName"]) == ("AWS", "AWS")
        assert row["ChargePeriodStart"] == "2026-09-02T00:00:00Z"
        if row["ServiceName"] != "Support":
            assert row["AllocatedMethodId"] == row["AllocatedMethodDetails"] == ""
            continue
        (element,) = json.loads(row["AllocatedMethodDetails"])["Elements"]
        assert Decimal(str(element["AllocatedRatio"])) == Decimal(row["x_AllocatedRatio"])
        assert row["AllocatedResourceId"] == row["x_Team"]
        told = json.loads(row["AllocatedTags"])
        assert (told["team"], told["unit"]) == (row["x_Team"], 'R&D "x"')
        assert Decimal(row["PricingQuantity"]) == 5 * Decimal(row["x_AllocatedRatio"])


def test_formulas_are_defused_and_numbers_are_not(project: Project, tmp_path: Path) -> None:
    export_focus(project, [], tmp_path / "out.csv")
    rows = rows_of(tmp_path / "out.csv")
    assert "'=1+1" in {row["ServiceName"] for row in rows}
    assert any(row["BilledCost"].startswith("-") for row in rows)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_was_exported_comes_back_as_the_same_money(
    project: Project, tmp_path: Path, kind: str
) -> None:
    before = {cost: costs(project, CostQuestion(cost=cost)).total for cost in Cost}
    written = export_focus(project, ["2026-09"], tmp_path / f"out.{kind}")
    other = project_at(tmp_path / "other", Clock("2026-10-05"))
    ingest(other, "back", tmp_path, written.path)
    allocate_months(other)
    assert {cost: costs(other, CostQuestion(cost=cost)).total for cost in Cost} == before


def test_a_month_without_allocations_and_a_file_of_another_kind_are_told(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match="2026-08: has no allocations"):
        export_focus(project, ["2026-08"], tmp_path / "out.csv")
    with pytest.raises(UsageError, match=r"ends in neither \.csv nor \.parquet"):
        export_focus(project, [], tmp_path / "out.xlsx")


@pytest.mark.parametrize("name", ["nowhere/out.csv", "nowhere/out.parquet"])
def test_a_file_that_cannot_be_written_is_named_and_the_ledger_is_not_blamed(
    name, project, tmp_path
):
    with pytest.raises(UsageError, match="No such file or directory; name a file") as told:
        export_focus(project, (), tmp_path / name)
    assert told.value.where == str(tmp_path / name)


@pytest.mark.parametrize("month", ["2026-9", "2026-13", "9999-12", "September", ""])
def test_a_month_nobody_can_mean_is_refused_everywhere(month, project, tmp_path):
    asks = [
        lambda: costs(project, CostQuestion(months=["2026-09", month])),
        lambda: export_focus(project, [month], tmp_path / "out.csv"),
        lambda: allocate_months(project, [month]),
    ]
    for ask in asks:
        with pytest.raises(UsageError, match="is no month; write YYYY-MM"):
            ask()


def test_a_dimension_asked_twice_counts_once(project):
    once = costs(project, CostQuestion(by=("service", "team")))
    assert costs(project, CostQuestion(by=("service", "team", "service"))) == once
