from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.units.money import MISSING, cents, compact, parse_compact, signed
from watermaster.units.text import change, points, share

amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=6)


@given(amounts, st.sampled_from(["USD", "EUR", "CHF"]))
def test_what_was_printed_reads_back_and_prints_the_same(amount, currency):
    printed = compact(amount, currency)
    read = parse_compact(printed)
    assert read is not None
    if "<" not in printed:
        assert compact(read, currency) == printed
    assert abs(read - amount) <= max(Decimal("0.01"), abs(amount) * Decimal("0.051"))


@given(amounts)
def test_a_difference_always_has_its_sign(amount):
    printed = signed(amount, "USD")
    assert printed == "$0" or printed[0] in "+\u2212"


@given(amounts, amounts)
def test_larger_amounts_never_print_smaller(one, other):
    low, high = sorted([one, other])
    assert parse_compact(compact(low, "USD")) <= parse_compact(compact(high, "USD"))


@pytest.mark.parametrize(
    ("amount", "printed"),
    [
        ("0", "$0"), ("0.001", "<$0.01"), ("0.005", "$0.01"), ("99.994", "$99.99"),
        ("99.999", "$100"), ("999.6", "$1.0\u202fk"), ("9949", "$9.9\u202fk"),
        ("9960", "$10\u202fk"), ("999600", "$1.00\u202fM"), ("108000", "$108\u202fk"),
        ("1834000", "$1.83\u202fM"), ("-41321", "\u2212$41\u202fk"),
    ],
)  # fmt: skip
def test_money_is_shown_in_its_step(amount, printed):
    assert compact(Decimal(amount), "USD") == printed


def test_missing_is_never_zero():
    assert compact(None, "USD") == cents(None, "USD") == share(None) == MISSING


def test_a_currency_without_sign_is_named():
    assert compact(Decimal(41000), "CHF") == "CHF\u202f41\u202fk"


def test_shares_and_their_differences():
    assert share(Decimal("0.0996")) == "10%"
    assert share(Decimal("0.0004")) == "0%"
    assert points(Decimal("0.5"), Decimal("0.5")) == "0 pts"
    assert change(Decimal(5), Decimal(99)) == ""
    assert change(Decimal(-50), Decimal(-100)) == "+50%"
