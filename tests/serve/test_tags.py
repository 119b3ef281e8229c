"""The page Tags and its API say what the flows found, and no tag becomes markup."""

from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from watermaster.flows.allocate import allocate_months
from watermaster.flows.declare import apply, plan
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.serve.app import create_app

BILL = """BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,Tags
6,6,USD,2026-09-01,2026-09-01,"{""team"": ""search""}"
4,4,USD,2026-09-01,2026-09-01,{}
6,6,USD,2026-10-01,2026-10-01,"{""team"": ""search""}"
1,1,USD,2026-10-01,2026-10-02,"{""team"": ""serach""}"
2,2,USD,2026-10-01,2026-10-02,"{""Team"": ""ads""}"
1,1,USD,2026-10-01,2026-10-03,"{""team"": ""<i>search</i>""}"
"""
POLICY = """
apiVersion: watermaster/v1
kind: TagPolicy
metadata: {name: tags}
spec:
  tags: [{key: team, required: true, values: [search, ads]}]
"""
REPAIR = """
apiVersion: watermaster/v1
kind: TagRepair
metadata: {name: team-1}
spec: {key: team, values: {serach: search}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tags")
    (folder / "bill.csv").write_text(BILL)
    (folder / "tags.yaml").write_text(POLICY + "---" + REPAIR)
    return folder


@pytest.fixture(scope="module")
def tagged(home):
    project = create_project(home / "home")
    spec = SourceSpec(type=SourceType.FOCUS, location=str(home / "bill.csv"))
    ingest_bills(project, "bill", spec, IngestOptions())
    apply(project, plan(project, [str(home / "tags.yaml")]))
    allocate_months(project)
    return TestClient(create_app(project), base_url="http://127.0.0.1")


def test_the_page_tells_coverage_delivered_and_after_with_the_change(tagged):
    page = tagged.get("/tags?month=2026-10").text
    assert "70%" in page
    assert "60% as delivered" in page
    assert "+10 pts" in page
    assert "wm tag fix --month 2026-10" in page


def test_near_misses_are_told_with_what_they_should_be_and_never_as_markup(tagged):
    page = tagged.get("/tags?month=2026-10").text
    assert "Team</td>" in page
    assert "<i>search" not in page
    assert "No near miss" in tagged.get("/tags?month=2026-09").text


def test_the_api_tells_what_the_page_shows(tagged):
    told = tagged.get("/api/v1/tags/coverage?by=month&month=2026-10").json()
    (row,) = told["rows"]
    assert (Decimal(row["coverage"]), Decimal(row["after"])) == (Decimal("0.6"), Decimal("0.7"))
    fixes = tagged.get("/api/v1/tags/fix?month=2026-10").json()["fixes"]
    assert (fixes[0]["name"], fixes[0]["meant"]) == ("team:Team", "team")
    assert tagged.get("/api/v1/tags/fix?key=nobody").status_code == 404
    assert tagged.get("/api/v1/tags/coverage?by=nothing").status_code == 400


def test_without_a_policy_the_page_says_what_to_declare(client, first_start):
    assert "No tag is required" in client.get("/tags").text
    assert "Nothing is in the ledger yet" in first_start.get("/tags").text
