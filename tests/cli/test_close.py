"""`wm close` and `wm statement`, driven as a person would."""

import csv
import io
import json
from decimal import Decimal

import openpyxl
import pytest

from watermaster.cli.main import run
from watermaster.flows.allocate import allocate_months
from watermaster.flows.open import create_project, open_project
from watermaster.testing.bills import declare, write_bill


@pytest.fixture
def wm(tmp_path, capsys):
    """Runs `wm` on a ledger with bills of two months; exit code and what it said."""
    home = tmp_path / "home"
    declare(create_project(home))

    def call(*words):
        capsys.readouterr()
        code = run(["--home", str(home), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    for month in ("2024-03", "2024-04"):
        bill = write_bill(tmp_path / f"{month}.csv", month, 30, seed=int(month[-1]))
        assert call("ingest", "focus", str(bill), "--source", f"aws-{month}")[0] == 0
    allocate_months(open_project(home))
    return call


def test_a_month_is_closed_stated_and_booked(wm, tmp_path):
    code, out, _ = wm("close", "2024-03")
    assert code == 0
    assert "2024-03 is closed, at revision" in out
    assert "2024-03 was closed at" in wm("close", "2024-03")[1]
    _, out, _ = wm("statement", "2024-03", "-o", "json")
    found = json.loads(out)
    bills = next(row for row in found["check"] if row["what"] == "bills")
    assert found["close_id"] == "close-2024-03"
    assert sum(Decimal(line["billed"]) for line in found["lines"]) == Decimal(bills["billed"])
    _, out, _ = wm("statement", "2024-03", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert sum(Decimal(row["billed"]) for row in rows) == Decimal(bills["billed"])
    _, out, _ = wm("statement", "2024-03", "--journal", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert sum(Decimal(r["debit"]) - Decimal(r["credit"]) for r in rows) == 0


def test_a_bill_of_a_closed_month_is_taken_in_and_booked(wm, tmp_path):
    assert wm("close", "2024-03")[0] == 0
    late = write_bill(tmp_path / "late.csv", "2024-03", 10, seed=9)
    assert wm("ingest", "focus", str(late), "--source", "late")[0] == 0
    _, out, _ = wm("cost", "by", "month,adjusts", "-o", "json")
    found = json.loads(out)
    months = {(row["month"], row["adjusts"]) for row in found["rows"]}
    assert months == {("2024-03", None), ("2024-04", None), ("2024-04", "2024-03")}
    now = json.loads(wm("cost", "by", "month", "--restated", "-o", "json")[1])
    assert now["total"] == found["total"]


def test_out_decides_the_form_and_a_team_sees_its_own(wm, tmp_path):
    path = tmp_path / "search.xlsx"
    assert wm("statement", "2024-03", "--team", "search", "--out", str(path))[:2] == (0, "")
    assert {row[1] for row in list(openpyxl.load_workbook(path)["Lines"].values)[1:]} == {"search"}
    text = tmp_path / "all.csv"
    assert wm("statement", "2024-03", "--out", str(text))[0] == 0
    assert "search" in text.read_text(encoding="utf-8")
    code, _, err = wm("statement", "2024-03", "-o", "xlsx")
    assert (code, err) == (3, "wm statement: -o xlsx needs a file; add --out FILE.xlsx\n")


def test_what_cannot_be_done_says_what_to_do(wm):
    assert wm("close", "2024-05")[0] == 5
    assert wm("close", "March") == (
        3, "", "MONTH: 'March' is no month; write YYYY-MM, e.g. 2026-09\n"
    )  # fmt: skip
    assert wm("close", "2024-03", "--why", "x")[0] == 3
    assert wm("close", "2024-03", "--amend", "--why", "x")[2] == (
        "2024-03: the month is not closed; run wm close without --amend\n"
    )
    assert wm("statement", "2024-03", "--team", "nobody")[0] == 5
    assert wm("statement", "2024-03", "--journal", "--restated")[0] == 3
