"""`wm reconcile`, driven as a person would."""

import json

import pytest

from tests.flows.small import Clock, charge, project_at, store
from watermaster.cli.main import run

MONTH = "2026-09"


@pytest.fixture
def home(tmp_path):
    project = project_at(tmp_path / "home", Clock("2026-10-05T08:00:00"))
    store(project, "charges", [
        charge(source, MONTH, n, cost, invoice_id=invoice, invoice_issuer_name=source.upper(),
               charge_category=category)
        for source, invoice in (("aws", "INV-1"), ("azure", "INV-2"))
        for n, (cost, category) in enumerate(
            [("100", "Usage"), ("20", "Purchase"), ("19", "Tax"), ("-5", "Credit")], 1)
    ])  # fmt: skip
    return tmp_path / "home"


def wm(home, *words):
    return run(["--home", str(home), *words])


def test_bills_and_invoices_are_held_side_by_side(home, tmp_path, capsys):
    paid = tmp_path / "paid.csv"
    paid.write_text("invoice_id,currency,amount,tax\nINV-1,USD,134,19\nINV-2,USD,115,\n")
    assert wm(home, "reconcile", MONTH, "--invoices", str(paid), "-o", "json") == 0
    found = {one["invoice_id"]: one for one in json.loads(capsys.readouterr().out)["lines"]}
    assert found["INV-1"]["why"] == "equal to the last digit"
    assert found["INV-1"]["credits"].startswith("-5")
    assert "tax of the bill" in found["INV-2"]["why"]


def test_an_unexplained_difference_is_the_exit_code(home, tmp_path, capsys):
    paid = tmp_path / "paid.csv"
    paid.write_text("invoice_id,currency,amount\nINV-1,USD,150\nINV-9,USD,7\n")
    assert wm(home, "reconcile", MONTH, "--invoices", str(paid)) == 2
    assert "unexplained: 23.00 USD" in capsys.readouterr().out
    assert wm(home, "reconcile", MONTH) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [("id,amount\n", "has no column currency, invoice_id"),
     ("invoice_id,currency,amount\nA,USD,12,5\n", ""),
     ("invoice_id,currency,amount\nA,USD,twelve\n", "paid.csv:2: amount 'twelve' is no amount"),
     ("invoice_id,currency,amount\nA,USD,\n", "paid.csv:2: is not whole")],
)  # fmt: skip
def test_a_faulty_invoice_is_told_with_its_line(home, tmp_path, capsys, text, told):
    paid = tmp_path / "paid.csv"
    paid.write_text(text)
    code = wm(home, "reconcile", MONTH, "--invoices", str(paid))
    assert (code == 1) == bool(told)
    assert told in capsys.readouterr().err
    assert wm(home, "reconcile", "2020-01") == 5
