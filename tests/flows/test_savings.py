"""Expected and realised savings, from bills, GPU hours and requests to the record people read."""

from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from tests.flows.savings_work import (
    DAYS,
    ENDPOINT,
    FIXED,
    POD,
    SHARED,
    UNDONE,
    VOLUME,
    asked_on,
    mend,
    prepare,
    saving,
)
from watermaster.cli.main import run
from watermaster.flows.savings import savings
from watermaster.serve.app import create_app


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    opened = prepare(tmp_path_factory.mktemp("savings") / "home")
    mend(opened, "orphaned-volume", ("aws", "volume", VOLUME), verb="snapshot-delete")
    mend(opened, "orphaned-volume", ("aws", "volume", SHARED), verb="snapshot-delete",
         undone=UNDONE, team="ops")  # fmt: skip
    mend(opened, "oversized-request", ("aws", "endpoint", ENDPOINT), verb="lower-request",
         saving=saving("2000"))  # fmt: skip
    mend(opened, "inactive-gpu", ("fra", "pod", POD), verb="scale")
    return opened


@pytest.fixture(scope="module")
def told(project):
    return {one.subject.rpartition("/")[2]: one for one in savings(project).lines}


def test_a_deleted_volume_saves_what_it_cost_a_day_since(told):
    one = told[VOLUME]
    assert one.allocated.saving.amount == one.cash.saving.amount == Decimal(300)  # 30 days of 10
    assert (one.allocated.unit, one.allocated.after_days, one.by) == ("day", 30, one.finding)
    assert one.expected_allocated == (Decimal(310) * 30 / Decimal("30.4375")).quantize(
        Decimal("0.000001")
    )


def test_a_fix_that_was_undone_saves_nothing_from_that_day(told):
    one = told[SHARED]
    assert one.undone_on == UNDONE
    assert one.allocated.saving.amount == Decimal(190)  # 1 to 19 September
    assert one.allocated.by_month["2026-09"].amount == Decimal(190)


def test_fewer_requests_and_a_dearer_price_are_no_saving_and_no_loss(told):
    one = told[ENDPOINT].allocated
    asked = sum(asked_on(n) for n in range(DAYS - 30, DAYS))
    assert one.unit == "requests"
    assert float(one.saving.amount) == pytest.approx(asked * 0.011, rel=1e-3)
    assert float(one.price) == pytest.approx(asked * 0.002, rel=1e-3)
    assert one.volume < 0
    assert one.before + one.volume + one.price - one.saving.amount == one.actual


def test_what_own_hardware_gives_back_is_allocated_and_no_cash(told):
    one = told[POD.rpartition("/")[2]]
    assert float(one.allocated.saving.amount) == pytest.approx(30 * 3 * 30, rel=0.02)
    assert one.cash.saving.amount == one.cash.saving.high95 == 0


def test_rules_that_promise_too_much_are_told_beside_their_teams(project):
    report = savings(project)
    rules = {one.key: one for one in report.by_rule}
    assert rules["orphaned-volume"].count == 2
    assert rules["orphaned-volume"].allocated.amount == Decimal(490)
    assert {one.key for one in report.by_team} == {"rag", "ops"}
    assert savings(project, rules=["inactive-gpu"], teams=["ops"]).lines == []
    assert report.through.isoformat() == "2026-09-30"
    assert all(line.done_on == FIXED for line in report.lines)


def test_command_and_api_show_the_same_record(project, told, capsys):
    assert run(["--home", str(project.home), "savings", "show", "--by", "rule", "-o", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "rule,findings,expected,saved,low,high,cash,remark"
    assert any(line.startswith("orphaned-volume,2,") for line in lines)
    assert run(["--home", str(project.home), "savings", "show", "-o", "csv"]) == 0
    assert "undone 2026-09-20" in capsys.readouterr().out
    page = TestClient(create_app(project), base_url="http://127.0.0.1")
    rows = page.get("/api/v1/savings", params={"rule": "orphaned-volume"}).json()["lines"]
    saved = [Decimal(row["allocated"]["saving"]["amount"]) for row in rows]
    assert saved == [told[VOLUME].allocated.saving.amount, told[SHARED].allocated.saving.amount]
