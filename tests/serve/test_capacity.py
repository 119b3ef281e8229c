"""The page Free and its API say what the flow found, and what nobody told is never free."""

import pytest
from starlette.testclient import TestClient

from tests.flows.small import Clock, declare, project_at, resource, store, supplied, used
from watermaster.serve.app import create_app

DAY = "2026-10-30"


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    project = project_at(tmp_path_factory.mktemp("free") / "home", Clock(f"{DAY}T12:10:00"))
    declare(
        project,
        resource("Team", "infra", {"unit": "IT"}),
        resource("Platform", "fra", {"type": "slurm"}),
        resource("Pool", "big", {"platform": "fra", "accelerator": "H100", "count": 8,
                                 "nodes": ["n*"]}, "infra"),
        resource("Pool", "dark", {"platform": "osl", "accelerator": "L4", "count": 4}),
    )  # fmt: skip
    nodes = ("n1", "<b>x</b>")
    store(project, "gpu_supply", [
        supplied(DAY, node, hour, 8 * 3600, partition=None, model="<i>H100</i>")
        for node in nodes for hour in (10, 11)
    ])  # fmt: skip
    store(project, "gpu_hours", [used(DAY, "n1", hour, "a/b", 3 * 3600) for hour in (10, 11)])
    return TestClient(create_app(project), base_url="http://127.0.0.1")


def test_the_page_tells_free_by_lender_and_gaps_and_no_name_becomes_markup(free):
    page = free.get("/capacity").text
    assert "13 of 16 accelerators are free in 2 pools; 1 of 3 pools tell nothing" in page
    assert "infra</td>" in page
    assert "Nothing told the supply of dark in 7 days" in page
    assert "▲ No data" in page
    assert "<i>H100" not in page
    assert "30 Oct" in page


def test_the_api_tells_what_the_page_shows(free):
    told = free.get("/api/v1/capacity/free?by=team").json()
    assert {(one["team"], one["accelerator"], one["free"]) for one in told["free"]} == {
        ("infra", "H100", 5), (None, "<i>H100</i>", 8), (None, "L4", None)
    }  # fmt: skip
    then = free.get("/api/v1/capacity/free?at=2026-10-30T15:30").json()
    assert {one["free"] for one in then["free"]} == {None}
    assert free.get("/api/v1/capacity/free?by=colour").status_code == 400
    assert free.get("/capacity?at=never").status_code == 400


def test_a_ledger_without_accelerators_says_what_to_connect(first_start):
    assert "No accelerators are seen or declared" in first_start.get("/capacity").text
