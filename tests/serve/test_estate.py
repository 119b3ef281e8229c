"""The page Estate shows what the flows find, and nothing it is told can become markup."""

import json
import re
from decimal import Decimal

import pytest

from watermaster.flows.inventory import inventory


def rows_of(page):
    table = page.split('aria-label="Workloads"')[1]
    return re.findall(r'class="nm" href="/estate/workload/([^"?]+)', table)


def test_every_declared_workload_is_listed_with_its_cost(client, project):
    page = client.get("/estate?sort=name").text
    found = inventory(project, "2026-10")
    assert sorted(rows_of(page)) == sorted(one.name for one in found.workloads)
    assert len(found.workloads) == 8
    costs = {one.name: one.cost for one in found.workloads}
    assert costs["claims-triage-llm"] > costs["doc-extract"] > 0


def test_the_list_is_filtered_found_and_sorted_without_javascript(client):
    assert rows_of(client.get("/estate?team=claims-ai").text) == [
        "claims-triage-llm", "doc-extract"
    ]  # fmt: skip
    assert rows_of(client.get("/estate?q=chat").text) == ["chat-assist"]
    assert rows_of(client.get("/estate?unit=Retail&sort=name").text) == [
        "chat-assist", "recsys-two-tower"
    ]  # fmt: skip
    first, *_ = rows_of(client.get("/estate?sort=cost").text)
    assert first != rows_of(client.get("/estate?sort=-cost").text)[0]
    assert "No workload matches" in client.get("/estate?q=zz").text


@pytest.mark.parametrize(
    ("rule", "is_there"), [("unowned-resource", True), ("undeclared-workload", True),
                           ("orphaned-volume", False)],
)  # fmt: skip
def test_findings_are_told_by_rule_with_what_to_do(client, rule, is_there):
    page = client.get(f"/estate?rule={rule}").text
    assert ("Everything fits" not in page) == is_there


def test_the_passport_of_a_workload_says_what_runs_and_what_it_cost(client, project):
    page = client.get("/estate/workload/chat-assist").text
    assert "contact/chat-0" in page
    assert "October 2026" in page
    assert "app chat-assist" in page
    answer = client.get("/api/v1/estate/workload/chat-assist").json()
    total = sum(Decimal(cost) for _, cost in answer["months"])
    assert total > Decimal(answer["state"]["cost"]) > 0
    assert client.get("/estate/workload/nobody").status_code == 404


def test_the_api_tells_what_the_page_shows(client):
    told = client.get("/api/v1/estate").json()
    assert {one["name"] for one in told["workloads"]} >= {"chat-assist", "doc-extract"}
    assert Decimal(told["owned"]) < Decimal(told["cost"])
    rules = {one["rule"] for one in told["findings"]}
    assert {"unowned-resource", "undeclared-workload"} <= rules
    assert json.dumps(client.get("/api/v1/findings").json()["found"])


def test_a_namespace_cannot_become_markup(client):
    for path in ("/estate", "/estate?all=1", "/estate?q=<b>&team=<i>", "/estate?rule=<u>"):
        page = client.get(path).text
        assert "<b>ns" not in page
        assert "<i>" not in page
        assert "<u>" not in page


def test_before_the_first_bill_the_page_says_what_to_do(first_start):
    assert "Nothing is in the ledger yet" in first_start.get("/estate").text
