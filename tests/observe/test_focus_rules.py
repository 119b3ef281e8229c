"""The FOCUS rules a file breaks are named, counted and placed; the file is kept."""

import gzip
import json
from pathlib import Path

import pytest

from tests.observe.conftest import Read, Reader
from watermaster.observe.focus_rules import rule_ids

HEAD = (
    "BillingPeriodStart,ChargePeriodStart,BillingCurrency,BilledCost,ChargeCategory,"
    "ListUnitPrice,PricingQuantity,ListCost,RegionId,RegionName,ServiceCategory,"
    "ServiceSubcategory,ProviderName,InvoiceIssuerName,Tags\n"
)
MAY = "2026-05-01T00:00:00Z,2026-05-01T00:00:00Z"
GOOD = f"{MAY},USD,1,Usage,0.5,2,1,eu-1,Frankfurt,Compute,Containers,AWS,AWS,{{}}\n"


def broken(found: Read) -> dict[str, tuple[int, int | None]]:
    return {each.rule: (each.rows, each.first_row) for each in found.delivery.breaks}


def test_a_good_row_breaks_no_rule_that_looks_at_rows(read: Reader) -> None:
    assert {rule for rule, (rows, _) in broken(read(HEAD + GOOD + GOOD)).items() if rows} == set()


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (",Usage,", ",usage,", "ChargeCategory-C-003-M"),
        (",0.5,2,1,", ",0.5,2,1.01,", "ListUnitPrice-C-010-C"),
        (",0.5,2,1,", ",-0.5,-2,1,", "ListUnitPrice-C-008-M"),
        (",0.5,2,1,", ",NULL,2,1,", "ListUnitPrice-C-005-C"),
        (",Usage,", ",Tax,", "PricingQuantity-C-004-C"),
        (",Frankfurt,", ",,", "RegionName-C-005-C"),
        (",eu-1,", ",,", "RegionName-C-004-C"),
        (",Containers,", ",Bots,", "ServiceSubcategory-C-004-M"),
        (",Compute,", ",Computing,", "ServiceCategory-C-003-M"),
        (",AWS,AWS,", ",AWS,Reseller,", "BilledCost-C-005-C"),
        (",USD,", ",usd,", "BillingCurrency-C-003-M"),
        (",{}", ",a=b", "Tags-C-001-M"),
        ("Z,USD", ",USD", "ChargePeriodStart-C-002-M"),
        (",USD,1,", ",USD,x,", "BilledCost-C-001-M"),
    ],
)
def test_each_kind_of_rule_is_placed(read: Reader, old: str, new: str, rule: str) -> None:
    bad = GOOD.replace(old, new)
    assert bad != GOOD
    assert broken(read(HEAD + GOOD + bad + GOOD + bad))[rule] == (2, 2)


def test_a_column_that_every_file_needs_is_missed(read: Reader) -> None:
    found = broken(read(HEAD + GOOD + GOOD))
    assert found["CostAndUsage-D-031-M"] == (0, None)  # EffectiveCost
    assert "CostAndUsage-D-006-M" not in found  # BilledCost


def test_the_publishers_own_sample_breaks_rules_and_is_kept(shared: Path, read: Reader) -> None:
    found = read(shared / "finops" / "focus-1.0-sample" / "focus_sample.csv")
    assert len(found.typed) == 1000
    named = broken(found)
    assert named["ChargePeriodStart-C-002-M"] == (1000, 1)
    assert named["RegionName-C-005-C"] == (2, 444)
    assert named["ContractedUnitPrice-C-009-C"] == (1, 457)


def test_every_rule_is_one_of_the_official_model(shared: Path) -> None:
    packed = shared / "finops" / "focus-models" / "model-1.2.0.1.json.gz"
    model = json.loads(gzip.decompress(packed.read_bytes()))["ModelRules"]
    assert set(rule_ids()) <= set(model)
    of_bills = reachable(model, "CostAndUsage-D-000-M")
    held = sum(rule in of_bills for rule in rule_ids())
    print(f"FOCUS rules checked: {held} of {len(of_bills)} that apply to Cost and Usage")
    assert held == 155


def reachable(model: dict[str, dict[str, object]], root: str) -> set[str]:
    seen, left = set(), [root]
    while left:
        rule = left.pop()
        if rule in seen or rule not in model:
            continue
        seen.add(rule)
        text = json.dumps(model[rule]["ValidationCriteria"])
        left += [other for other in model if f'"{other}"' in text]
    return seen
