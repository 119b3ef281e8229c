"""Ledger against invoices: every difference is explained or said to be unexplained."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.cost.reconcile import reconcile, unexplained
from watermaster.model.reconciled import Billed, Invoice

D = Decimal


def billed(name, use, tax="0", credit="0", **more):
    return Billed(**{"invoice_id": name, "issuer": "AWS", "currency": "USD", "use": D(use),
                     "tax": D(tax), "credits": D(credit), "adjustments": D(0), "rows": 100}
                  | more)  # fmt: skip


def invoice(name, amount, tax=None, **more):
    return Invoice(**{"invoice_id": name, "issuer": "AWS", "currency": "USD", "amount": D(amount),
                      "tax": None if tax is None else D(tax)} | more)  # fmt: skip


def why(held, paid, rejected=0):
    (line,) = reconcile([held], [paid], rejected)
    return line.why


def test_an_equal_invoice_is_equal_to_the_last_digit():
    assert why(billed("a", "90", "10"), invoice("a", "100")) == "equal to the last digit"


def test_rounding_is_half_a_cent_a_row_and_never_a_dollar():
    assert why(billed("a", "99.996"), invoice("a", "100")).startswith("rounding: 100 rows")
    assert why(billed("a", "99.40"), invoice("a", "100")) == "unexplained"
    assert why(billed("a", "98.90", rows=10**6), invoice("a", "100")) == "unexplained"


def test_tax_and_credits_that_one_side_lacks_explain_the_difference():
    assert "tax of the invoice" in why(billed("a", "100"), invoice("a", "119", "19"))
    assert "tax of the bill" in why(billed("a", "100", "19"), invoice("a", "100"))
    assert "credits" in why(billed("a", "100", credit="-30"), invoice("a", "100"))


def test_what_nothing_explains_is_said_and_summed_by_currency():
    lines = reconcile(
        [billed("a", "100"), billed("b", "50", currency="EUR"), billed("c", "5")],
        [invoice("a", "110"), invoice("b", "40", currency="EUR"), invoice("d", "7")],
        3,
    )
    by_id = {one.invoice_id: one for one in lines}
    assert "3 rows were rejected" in by_id["a"].why
    assert by_id["c"].difference is None
    assert by_id["d"].why == "unexplained; no bill of this invoice was delivered"
    assert unexplained(lines) == {"USD": D(17), "EUR": D(-10)}


def test_a_bill_that_names_no_invoice_meets_the_only_one_of_its_issuer():
    held = billed(None, "100")
    (line,) = reconcile([held], [invoice("a", "100")], 0)
    assert (line.invoice_id, line.difference) == ("a", 0)
    lines = reconcile([held], [invoice("a", "60"), invoice("b", "40")], 0)
    assert sorted(str(one.invoice_id) for one in lines) == ["None", "a", "b"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 999)), max_size=6))
def test_every_invoice_and_every_bill_is_on_one_line(pairs):
    held = [billed(name, str(cost)) for name, cost in dict(pairs).items()]
    paid = [invoice(name, str(cost)) for name, cost in pairs[:3]]
    paid = list({one.invoice_id: one for one in paid}.values())
    lines = reconcile(held, paid, 0)
    assert {one.invoice_id for one in lines} == {one.invoice_id for one in [*held, *paid]}
    assert len(lines) == len({one.invoice_id for one in lines})
