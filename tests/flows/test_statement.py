"""Statements sum to the bills; journals balance."""

from decimal import Decimal

import openpyxl
import pytest

from tests.flows.small import Clock, charge, declare, project_at, resource, store
from watermaster.flows.allocate import allocate_months
from watermaster.flows.close import Gaps, close_month
from watermaster.flows.closed import View
from watermaster.flows.statement import StatementQuestion, journal_of, statement_of
from watermaster.flows.statement_xlsx import write_xlsx
from watermaster.model.errors import NotFoundError


def workload(name, account, owner):
    spec = {"purpose": "training", "selectors": [{"account": account}]}
    return resource("Workload", name, spec, owner)


def bill(month, chat, train):
    return [
        charge("aws", month, 1, chat),
        charge("aws", month, 2, train, sub_account_id="a-2", service_name="=cmd()"),
        charge("aws", month, 3, "7", sub_account_id="a-9"),
        charge("aws", month, 4, "-2", sub_account_id="a-2", charge_category="Credit"),
        charge("aws", month, 5, "4", sub_account_id="a-1", billing_currency="EUR"),
    ]


@pytest.fixture
def project(tmp_path):
    held = project_at(tmp_path / "home", Clock("2026-11-05T10:00:00"))
    declare(
        held,
        resource("Team", "research", {"unit": "labs", "costCenter": "1100"}),
        resource("Team", "web", {"unit": "shop", "costCenter": "2200"}),
        workload("chat", "a-1", "web"),
        workload("train", "a-2", "research"),
        resource("Source", "aws", {"type": "focus", "location": "/x"}),
        resource("Source", "azure", {"type": "focus", "location": "/y"}),
    )
    for month in ("2026-09", "2026-10"):
        store(held, "charges", bill(month, "10", "30.000000000000002"))
    allocate_months(held)
    return held


def restated(project):
    close_month(project, "2026-09", Gaps.ACCEPT)
    store(project, "charges", bill("2026-09", "13", "30"))
    allocate_months(project)


def ask(project, month, **more):
    return statement_of(project, StatementQuestion(month=month, **more))


def amount(found, what, currency="USD"):
    return next((row.effective, row.billed) for row in [*found.totals, *found.check]
                if (row.what, row.currency) == (what, currency))  # fmt: skip


def test_the_kinds_of_a_month_sum_to_its_bills(project):
    found = ask(project, "2026-09")
    assert amount(found, "direct") == (
        Decimal("19.000000000000001"),
        Decimal("38.000000000000002"),
    )
    assert amount(found, "unallocated") == (Decimal("3.5"), 7)
    assert amount(found, "bills") == amount(found, "statement") == amount(found, "total")
    assert amount(found, "difference") == (0, 0)
    assert amount(found, "total", "EUR") == (2, 4)
    assert "the month is open: figures may change" in found.notes


def test_a_closed_statement_stays_and_prints_its_gaps(project):
    close_month(project, "2026-09", Gaps.ACCEPT)
    before = ask(project, "2026-09")
    store(project, "charges", bill("2026-09", "13", "30"))
    allocate_months(project)
    assert ask(project, "2026-09") == before
    assert before.close_id == "close-2026-09"
    assert "source azure: no bill of 2026-09" in before.gaps
    assert amount(ask(project, "2026-09", view=View.RESTATED), "bills")[1] == 48


def test_adjustments_are_lines_of_their_own_in_the_open_month(project):
    restated(project)
    found = ask(project, "2026-10")
    lines = {(one.workload, one.billed) for one in found.lines if one.adjusts_month == "2026-09"}
    assert lines == {("chat", Decimal(3)), ("train", Decimal("-0.000000000000002"))}
    assert amount(found, "adjustments")[1] == Decimal("2.999999999999998")
    assert amount(found, "difference") == (0, 0)
    total = amount(found, "bills")[1] + Decimal("2.999999999999998")
    assert amount(found, "total")[1] == total


def test_a_team_sees_its_own_lines_and_the_check_of_the_whole(project):
    found = ask(project, "2026-09", team="research")
    assert {line.workload for line in found.lines} == {"train"}
    assert amount(found, "total")[1] == Decimal("28.000000000000002")
    assert amount(found, "bills")[1] == Decimal("45.000000000000002")
    assert {line.team for line in ask(project, "2026-09", unit="shop").lines} == {"web"}
    with pytest.raises(NotFoundError, match="2026-09: nothing to state for team nobody"):
        ask(project, "2026-09", team="nobody")


def test_bills_newer_than_their_allocation_are_told(project):
    store(project, "charges", bill("2026-10", "99", "1"))
    found = ask(project, "2026-10")
    assert amount(found, "difference")[1] != 0
    assert "the bills are not allocated in full yet: run wm allocate" in found.notes


def test_debits_equal_credits_and_name_the_cost_centre(project):
    restated(project)
    journal = journal_of(project, StatementQuestion(month="2026-10"))
    for row in journal.totals:
        assert row["debit"] == row["credit"]
    assert {row["currency"] for row in journal.totals} == {"USD", "EUR"}
    assert all(entry.debit >= 0 and entry.credit >= 0 for entry in journal.entries)
    own = [e for e in journal.entries if e.adjusts_month is None and e.account.startswith("cost")]
    net = {}
    for entry in own:
        if entry.currency == "USD":
            net[entry.cost_center] = net.get(entry.cost_center, 0) + entry.debit - entry.credit
    assert net == {"1100": Decimal("28.000000000000002"), "2200": Decimal(10), None: Decimal(7)}
    credit = [e for e in own if e.cost_center == "1100" and e.credit]
    assert [(e.credit, e.account) for e in credit] == [(Decimal(2), "cost:Compute")]
    adjusted = [e for e in journal.entries if e.adjusts_month == "2026-09"]
    assert len(adjusted) == 4
    assert adjusted[0].text == "adjustment of 2026-09, direct, =cmd()"


def test_the_workbook_reads_back_and_runs_no_formula(project, tmp_path):
    restated(project)
    path = tmp_path / "statement.xlsx"
    found = ask(project, "2026-10")
    write_xlsx(found, path)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Lines", "Totals", "Check", "About"]
    head, *rows = list(book["Lines"].values)
    assert head == ("unit", "team", "workload", "kind", "account", "service", "currency",
                    "effective", "billed", "adjusts month")  # fmt: skip
    assert len(rows) == len(found.lines)
    assert {cell.data_type for row in book["Lines"].iter_rows() for cell in row} <= {"s", "n"}
    assert "'=cmd()" in {row[5] for row in rows}
    assert book["Lines"]["I2"].number_format == "#,##0.00;[Red]-#,##0.00"
    assert sum(row[8] for row in rows if row[6] == "EUR") == 4
    journal = tmp_path / "journal.xlsx"
    write_xlsx(journal_of(project, StatementQuestion(month="2026-10")), journal)
    assert openpyxl.load_workbook(journal).sheetnames == ["Entries", "Totals", "About"]
    again = tmp_path / "again.xlsx"
    write_xlsx(found, again)
    assert again.read_bytes() == path.read_bytes()
