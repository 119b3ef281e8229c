"""From a bill with wrong tags to costs by what they mean, and back to what was delivered."""

from decimal import Decimal

import pytest

from tests.flows.small import rows_of
from watermaster.flows.allocate import allocate_months
from watermaster.flows.cost import CostQuestion, costs, why
from watermaster.flows.declare import apply, plan
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.flows.tag_coverage import coverage
from watermaster.flows.tag_fix import accept_fixes, choose, propose_fixes, write_fixes
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.resources import SourceSpec, SourceType

BILL = """BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,\
SubAccountId,Tags
6,6,USD,2026-10-01,2026-10-01,a-1,"{""cost-center"": ""CC-104""}"
3,3,USD,2026-10-01,2026-10-02,a-1,"{""cost-center"": ""cc104""}"
2,2,USD,2026-10-01,2026-10-03,a-1,"{""cost_center"": ""CC-200""}"
1,1,USD,2026-10-01,2026-10-04,a-2,"{""CostCentre"": ""cc200""}"
4,4,USD,2026-10-01,2026-10-05,a-2,"{""cost-center"": ""A-1""}"
5,5,USD,2026-10-01,2026-10-06,a-9,{}
"""
POLICY = """
apiVersion: watermaster/v1
kind: TagPolicy
metadata: {name: tags}
spec:
  tags: [{key: cost-center, required: true, values: [CC-104, CC-200, a1, a_1]}]
---
apiVersion: watermaster/v1
kind: Platform
metadata: {name: lab, labels: {cost-center: CC-200}}
spec: {type: cloud, account: a-9}
"""
QUESTION = CostQuestion(by=("tag:cost-center",))


@pytest.fixture
def project(tmp_path):
    project = create_project(tmp_path / "home")
    (tmp_path / "bill.csv").write_text(BILL)
    (tmp_path / "tags.yaml").write_text(POLICY)
    spec = SourceSpec(type=SourceType.FOCUS, location=str(tmp_path / "bill.csv"))
    ingest_bills(project, "bill", spec, IngestOptions())
    apply(project, plan(project, [str(tmp_path / "tags.yaml")]))
    return project


def by_tag(project, name="tag:cost-center"):
    rows = costs(project, CostQuestion(by=(name,))).rows
    return {row[name]: int(row["cost"]) for row in rows}


def test_accepted_repairs_are_what_costs_answer_with_and_the_bill_stays_raw(project, tmp_path):
    before = [row["tags"] for row in rows_of(project, "charges")]
    found = propose_fixes(project)
    assert {one.name: one.meant for one in found.fixes} == {
        "cost-center:cost_center": "cost-center", "cost-center:CostCentre": "cost-center",
        "cost-center=cc104": "CC-104", "cost-center=cc200": "CC-200", "cost-center=A-1": None,
    }  # fmt: skip
    taken = accept_fixes(project, choose(found, ["all"]), tmp_path / "adopted")
    assert taken.resources == ["TagRepair/cost-center-1"]
    allocate_months(project)
    assert by_tag(project) == {"CC-104": 9, "CC-200": 8, "A-1": 4}
    assert by_tag(project, "raw-tag:cost-center") == {None: 8, "CC-104": 6, "A-1": 4, "cc104": 3}
    assert by_tag(project, "tag-from:cost-center") == {"raw": 10, "repaired": 6, "inherited": 5}
    told = costs(project, QUESTION)
    assert "cc104 to CC-104" in told.why
    assert told.total == 21
    assert [row["tags"] for row in rows_of(project, "charges")] == before
    assert [one.name for one in propose_fixes(project).fixes] == ["cost-center=A-1"]


def test_why_names_the_repair_of_one_charge(project, tmp_path):
    accept_fixes(project, choose(propose_fixes(project), ["all"]), tmp_path)
    allocate_months(project)
    charges = {row["effective_cost"]: row for row in rows_of(project, "charges")}
    told = [why(project, charges[cost]["charge_file"], charges[cost]["charge_row"])
            for cost in (3, 1, 5)]  # fmt: skip
    tags = [one.parts[0].tags[0] for one in told]
    assert [(one.value, one.raw, one.source) for one in tags] == [
        ("CC-104", "cc104", "repaired"), ("CC-200", None, "repaired"), ("CC-200", None, "inherited")
    ]  # fmt: skip
    assert tags[0].because == "TagRepair cost-center-1: cc104"


def test_coverage_is_told_as_delivered_and_after(project, tmp_path):
    accept_fixes(project, choose(propose_fixes(project), ["all"]), tmp_path)
    allocate_months(project)
    (row,) = coverage(project, CostQuestion(by=("month",))).rows
    assert [row[name] for name in ("cost", "covered", "wrong", "repaired", "inherited")] == [
        21, 6, 7, 6, 5
    ]  # fmt: skip
    assert (row["coverage"], row["after"]) == (Decimal(6) / 21, Decimal(17) / 21)


def test_a_value_near_to_two_waits_for_a_person_who_says_which(project, tmp_path):
    found = propose_fixes(project, ["2026-10"], ["cost-center"])
    with pytest.raises(UsageError, match="say which: --as"):
        choose(found, ["cost-center=A-1"])
    with pytest.raises(UsageError, match="accept one"):
        choose(found, ["cost-center:CostCentre"], "a1")
    accept_fixes(project, choose(found, ["cost-center=A-1"], "a1"), tmp_path)
    accept_fixes(project, choose(found, ["cost-center=cc104"]), tmp_path)
    allocate_months(project)
    assert by_tag(project)["a1"] == 4
    assert by_tag(project)["CC-104"] == 9


def test_names_nobody_proposed_keys_nobody_declared_and_files_that_are_there_are_refused(
    project, tmp_path
):
    found = propose_fixes(project)
    for wanted in (["cost-center=zz"], ["all", "zz"]):
        with pytest.raises(NotFoundError, match="is not proposed"):
            choose(found, wanted)
    with pytest.raises(NotFoundError, match="no policy names it"):
        propose_fixes(project, keys=["team"])
    (tmp_path / "here.yaml").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write_fixes(project, found.fixes[:1], tmp_path / "here.yaml")
    assert (tmp_path / "here.yaml").read_text() == "mine"


def test_written_repairs_are_yaml_that_applies(project, tmp_path):
    fixes = [one for one in propose_fixes(project).fixes if one.meant]
    write_fixes(project, fixes, tmp_path / "repairs.yaml")
    made = plan(project, [str(tmp_path / "repairs.yaml")])
    assert [f"{one.kind}/{one.name}" for one in made.changes] == ["TagRepair/cost-center-1"]
