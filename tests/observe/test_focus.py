"""One FOCUS file becomes charges and rejected rows; nothing is lost, nothing is guessed."""

import json
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.observe.conftest import Reader
from watermaster.model.errors import BadInputError
from watermaster.model.shapes import CHARGES, REJECTED

HEAD = "BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,BillingCurrency,BilledCost"
MAY = "2026-05-01T00:00:00Z"


def bill(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


def line(cost: str, start: str = MAY, end: str = "2026-05-02T00:00:00Z") -> str:
    return f'{MAY},{start},{end},USD,"{cost}"'


def costs(read: Reader, *texts: str) -> list[object]:
    return [row["billed_cost"] for row in read(bill(*map(line, texts))).typed]


def test_charges_have_the_columns_of_the_ledger_in_order(read: Reader) -> None:
    found = read(bill(line("1"), line("2")), tag_columns={"tag_team": "team"})
    assert found.delivery.typed.columns == (*CHARGES.types, "tag_team")
    assert found.delivery.rejected.columns == tuple(REJECTED.types)


def test_costs_are_read_to_the_last_digit(read: Reader) -> None:
    texts = ["0.1", "-0.000000000000001", "9999999999999.999999999999999", "1.5E+3", " 2. ", "+.5"]
    assert costs(read, *texts) == [Decimal(text.strip()) for text in texts]


def test_the_sixteenth_decimal_is_rounded_half_up_and_told(read: Reader) -> None:
    found = read(bill(line("0.0000000000000005"), line("-1.0000000000000015"), line("4.9e-16")))
    assert [row["billed_cost"] for row in found.typed] == [
        Decimal("1e-15"), Decimal("-1.000000000000002"), Decimal(0),
    ]  # fmt: skip
    assert [json.loads(str(row["origin"]))["BilledCost"] for row in found.typed] == [
        "0.0000000000000005", "-1.0000000000000015", "4.9e-16",
    ]  # fmt: skip
    assert found.delivery.rounding == {
        "billed_cost": Decimal("-5e-16") + Decimal("5e-16") + Decimal("4.9e-16")
    }
    assert any("more than 15 decimals" in notice for notice in found.delivery.notices)


def test_zeros_beyond_the_fifteenth_decimal_are_no_rounding(read: Reader) -> None:
    found = read(bill(line("2.50000000000000000000"), line("1000e-17")))
    assert found.delivery.rounding == {}
    assert [row["origin"] for row in found.typed] == [None, None]


def test_numbers_as_spreadsheets_write_them_are_read_where_they_are_certain(read: Reader) -> None:
    found = read(bill(*map(line, ["$10,000.00 ", "(12.50)", "-$3", "1,234,567", "1,234"])))
    assert [row["billed_cost"] for row in found.typed] == [
        Decimal(10_000), Decimal("-12.5"), Decimal(-3), Decimal(1_234_567),
    ]  # fmt: skip
    assert [(row["row"], row["value"]) for row in found.rejected] == [(5, "1,234")]


def test_null_spellings_are_null_and_never_zero(read: Reader) -> None:
    head = HEAD + ",EffectiveCost,ListCost,ResourceId"
    spellings = ["", "NULL", "null", "N/A", "NaN", "\\N", "None", "<NA>"]
    found = read(bill(*(f"{line('1')},{text},{text},{text}" for text in spellings), head=head))
    assert not found.rejected
    for row in found.typed:
        assert (row["effective_cost"], row["list_cost"], row["resource_id"]) == (None, None, None)


def test_a_byte_order_mark_spaces_and_case_in_names_do_not_matter(read: Reader) -> None:
    head = (
        "\ufeffBilling Period Start,charge_period_start,CHARGEPERIODEND,billingcurrency,Billed-Cost"
    )
    (row,) = read(bill(line("7"), head=head)).typed
    assert (row["billed_cost"], row["billing_month"]) == (Decimal(7), "2026-05")


def test_unknown_columns_are_kept_in_origin(read: Reader) -> None:
    found = read(bill(line("1") + ',9,"a ""b"""', line("1") + ",NULL,", head=HEAD + ",x_B,x_A"))
    assert [row["origin"] for row in found.typed] == ['{"x_A":"a \\"b\\"","x_B":"9"}', None]


def test_a_cost_column_that_is_there_twice_is_refused(read: Reader) -> None:
    with pytest.raises(BadInputError, match="has the column BilledCost twice"):
        read(bill(line("1") + ",2", head=HEAD + ",billed_cost"))


def test_another_column_that_is_there_twice_is_noted_and_kept(read: Reader) -> None:
    found = read(bill(line("1") + ",a,b", head=HEAD + ",SkuId,SKU ID"))
    assert found.typed[0]["sku_id"] == "a"
    assert json.loads(str(found.typed[0]["origin"])) == {"SKU ID": "b"}
    assert any("SkuId is there twice" in notice for notice in found.delivery.notices)


def test_a_file_without_costs_or_months_is_no_bill(read: Reader) -> None:
    with pytest.raises(BadInputError, match=r"bill\.csv: has neither BilledCost nor EffectiveCost"):
        read("ContractId;Cost\n1;2\n")
    with pytest.raises(BadInputError, match="has neither BillingPeriodStart nor ChargePeriod"):
        read("BilledCost,BillingCurrency\n1,USD\n2,USD\n")


def test_a_missing_currency_needs_to_be_named(read: Reader) -> None:
    text = f"BillingPeriodStart,BilledCost\n{MAY},1\n{MAY},2\n"
    with pytest.raises(BadInputError, match="has no BillingCurrency column; name the currency"):
        read(text)
    assert [row["billing_currency"] for row in read(text, currency="EUR").typed] == ["EUR", "EUR"]


def test_a_row_without_currency_takes_the_sources_or_is_rejected(read: Reader) -> None:
    text = bill(line("1"), line("2").replace("USD", "null"))
    assert [row["billing_currency"] for row in read(text, currency="EUR").typed] == ["USD", "EUR"]
    found = read(text)
    assert [row["charge_row"] for row in found.typed] == [1]
    assert [(row["row"], row["column"]) for row in found.rejected] == [(2, "BillingCurrency")]


def test_every_fault_of_a_row_is_told_and_good_rows_are_kept(read: Reader) -> None:
    found = read(bill(line("1"), line("x", start="yesterday"), line("1e13"), line("3")))
    assert [row["charge_row"] for row in found.typed] == [1, 4]
    assert (found.delivery.rows, found.delivery.faulty_rows) == (4, 2)
    told = [(row["row"], row["column"], row["value"]) for row in found.rejected]
    assert told == [
        (2, "BilledCost", "x"),
        (2, "ChargePeriodStart", "yesterday"),
        (3, "BilledCost", "1e13"),
    ]
    reasons = [str(row["reason"]) for row in found.rejected]
    assert reasons[0] == "is no number; write it like -1234.56"
    assert reasons[1] == "is no time of 1990 to 2199; write it like 2026-09-01T00:00:00Z"
    assert reasons[2] == "has more than 13 digits before the point; split the charge"
    assert {(row["delivery"], row["file"]) for row in found.rejected} == {("f" * 16, "bill.csv")}


def test_a_row_without_any_cost_is_rejected(read: Reader) -> None:
    found = read(
        bill(line("1") + ",2", line("") + ",3", line("NULL") + ",", head=HEAD + ",EffectiveCost")
    )
    assert [row["charge_row"] for row in found.typed] == [1, 2]
    assert [(row["row"], row["column"]) for row in found.rejected] == [(3, "BilledCost")]


def test_a_period_that_ends_before_it_starts_is_rejected(read: Reader) -> None:
    found = read(bill(line("1"), line("1", end="2026-04-30T00:00:00Z")))
    assert [(row["row"], row["column"]) for row in found.rejected] == [(2, "ChargePeriodEnd")]


def test_a_bill_of_the_future_is_rejected(read: Reader) -> None:
    text = bill(line("1"), line("1", start="2027-06-03T00:00:00Z", end="2027-06-04T00:00:00Z"))
    assert not read(text).rejected
    (row,) = read(text, now=datetime(2026, 5, 2)).rejected
    assert (row["row"], row["column"]) == (2, "ChargePeriodStart")
    assert "days ahead of now" in str(row["reason"])


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-05-01T06:00:00Z", 6), ("2026-05-01T06:00:00", 6), ("2026-05-01 06:00:00 UTC", 6),
        ("2026-05-01T06:00:00+02:00", 4), ("2026-05-01T06:00:00.000Z", 6), (" 2026-05-01 ", 0),
    ],
)  # fmt: skip
def test_times_are_read_with_and_without_offset(read: Reader, text: str, hour: int) -> None:
    found = read(bill(line("1", start=text), line("2")))
    assert found.typed[0]["charge_period_start"] == datetime(2026, 5, 1, hour)


def test_times_without_offset_are_local_in_the_sources_zone(read: Reader) -> None:
    rows = line("1", start="2026-05-01T02:00:00"), line("2", start="2026-05-01T02:00:00Z")
    found = read(bill(*rows), zone="Europe/Berlin")
    assert [row["charge_period_start"] for row in found.typed] == [
        datetime(2026, 5, 1, 0), datetime(2026, 5, 1, 2),
    ]  # fmt: skip


def test_dates_with_slashes_are_read_only_where_one_reading_is_left(read: Reader) -> None:
    certain = bill(line("1", "5/1/25", "5/31/25"), line("2", "5/2/25", "5/3/25"))
    found = read(certain)
    assert [row["charge_period_start"] for row in found.typed] == [
        datetime(2025, 5, 1), datetime(2025, 5, 2),
    ]  # fmt: skip
    assert any("can only be %m/%d/%y" in notice for notice in found.delivery.notices)
    doubtful = bill(line("1", "5/1/25", "6/1/25"), line("2", "5/2/25", "5/3/25"))
    assert {row["row"] for row in read(doubtful).rejected} == {1, 2}
    told = read(doubtful, date_format="%d/%m/%y")
    assert [row["charge_period_start"] for row in told.typed] == [
        datetime(2025, 1, 5), datetime(2025, 2, 5),
    ]  # fmt: skip


TAGS = [
    ('{"b": "2", "a": "1"}', '{"a":"1","b":"2"}'),
    ("{'b': '2', 'a': 1, 'c': None, 'd': True}", '{"a":1,"b":"2","c":null,"d":true}'),
    ("""{'a': "it's", 'b': 'x, y: z'}""", '{"a":"it\'s","b":"x, y: z"}'),
    ("b=2;a=1", '{"a":"1","b":"2"}'),
    ("{b=2, a=x y}", '{"a":"x y","b":"2"}'),
    ('"b":"2","a":"1"', '{"a":"1","b":"2"}'),
    ('[{"key":"b","value":"2"},{"key":"a","value":"1"}]', '{"a":"1","b":"2"}'),
    ('{"b":"x","a":1,"c":{"z":"y","k":"v"}}', '{"a":1,"b":"x","c":{"z":"y","k":"v"}}'),
    ('{"b":"2","a":1,"c":"3"}', '{"a":1,"b":"2","c":"3"}'),
    ('{"b":"[1","a":"1","a b":"q,"}', '{"a":"1","a b":"q,","b":"[1"}'),
    ('{"a b":"2","a":"1"}', '{"a":"1","a b":"2"}'),
    ('{"b":"x\\"y","a":""}', '{"a":"","b":"x\\"y"}'),
    ("{}", None), ("NULL", None), ("", None),
]  # fmt: skip


def test_tags_of_any_spelling_become_canonical_json(read: Reader) -> None:
    quoted = ['"' + text.replace('"', '""') + '"' for text, _ in TAGS]
    rows = [f"{line('1')},{text}" for text in quoted]
    found = read(bill(*rows, head=HEAD + ",Tags"), tag_columns={"tag_a": "a", "tag_b": "b"})
    assert [row["tags"] for row in found.typed] == [tags for _, tags in TAGS]
    assert [row["tag_b"] for row in found.typed][:4] == ["2", "2", "x, y: z", "2"]
    assert [row["origin"] for row in found.typed] == [None] * len(TAGS)


def test_tags_that_cannot_be_read_are_kept_in_origin(read: Reader) -> None:
    found = read(bill(line("1") + ",gibberish", line("2") + ",", head=HEAD + ",Tags"))
    assert [row["tags"] for row in found.typed] == [None, None]
    assert found.typed[0]["origin"] == '{"Tags":"gibberish"}'


def test_a_tag_key_that_is_there_twice_stops_nothing(read: Reader) -> None:
    row = line("1") + ',"{""a"":""1"",""a"":""2""}"'
    found = read(bill(row, line("2") + ',"{""b"":""1""}"', head=HEAD + ",Tags"))
    assert [row["tags"] for row in found.typed] == ['{"a":"1","a":"2"}', '{"b":"1"}']


def test_tag_keys_with_slashes_and_dots_are_found(read: Reader) -> None:
    key = 'k8s.io/a~"b'
    row = json.dumps({key: "x"}).replace('"', '""')
    text = bill(f'{line("1")},"{row}"', f"{line('2')},", head=HEAD + ",Tags")
    assert [row["tag_k"] for row in read(text, tag_columns={"tag_k": key}).typed] == ["x", None]


def test_an_absent_cost_stays_unknown_and_is_told(read: Reader) -> None:
    found = read(bill(line("1"), line("2")))
    assert [row["effective_cost"] for row in found.typed] == [None, None]
    assert any(notice.startswith("no EffectiveCost column") for notice in found.delivery.notices)


def test_a_missing_period_start_is_taken_from_the_other(read: Reader) -> None:
    rows = ["2026-05-07T00:00:00Z,USD,1", "2026-06-08T00:00:00Z,USD,2"]
    found = read(bill(*rows, head="ChargePeriodStart,BillingCurrency,BilledCost"))
    assert [row["billing_month"] for row in found.typed] == ["2026-05", "2026-06"]
    assert [row["billing_period_start"] for row in found.typed] == [
        datetime(2026, 5, 1), datetime(2026, 6, 1),
    ]  # fmt: skip


AMOUNTS = st.decimals(
    min_value=-(10**13) + 1, max_value=10**13 - 1, allow_nan=False, allow_infinity=False
) | st.floats(-(10.0**12), 10.0**12, allow_subnormal=False).filter(
    lambda x: x == 0 or abs(x) > 1e-30
).map(lambda x: Decimal(repr(x)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(AMOUNTS.filter(lambda x: int(x.as_tuple().exponent) >= -51), min_size=2, max_size=8)
)
def test_what_is_read_and_what_was_rounded_sum_to_the_file_exactly(
    read: Reader, amounts: list[Decimal]
) -> None:
    found = read(bill(*(line(str(amount)) for amount in amounts)))
    assert not found.rejected
    with localcontext(prec=200):
        ours = sum((Decimal(str(row["billed_cost"])) for row in found.typed), Decimal(0))
        assert ours + found.delivery.rounding.get("billed_cost", Decimal(0)) == sum(amounts)
        for row, amount in zip(found.typed, amounts, strict=True):
            assert row["billed_cost"] == amount.quantize(Decimal("1e-15"), ROUND_HALF_UP)
