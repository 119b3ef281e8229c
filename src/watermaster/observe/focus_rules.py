"""Which FOCUS rules a file breaks: rows and the first row per rule, in one pass over the file.

A broken rule refuses nothing. The ids are those of the official FOCUS 1.2 model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from watermaster.observe import focus_rule_table as table
from watermaster.observe.engine import Truth, ibis, strlen
from watermaster.observe.focus_columns import NAMES
from watermaster.observe.focus_faults import Reading
from watermaster.observe.focus_tags import is_object

CLOSE: Final = 1e-6  # how far price x quantity may lie from the cost, relative and absolute
_OURS: Final = {focus: name for name, focus in NAMES.items()}
_ISO_BYTES: Final = len("2026-09-01T00:00:00Z")


@dataclass(frozen=True, slots=True)
class RuleBreak:
    """One FOCUS rule that a file breaks. A column that is missing has no first row."""

    rule: str  # "BilledCost-C-003-M"
    column: str
    rows: int
    first_row: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on a row and the rules it breaks; two rules may say the same."""

    rules: tuple[str, ...]
    column: str
    broken: Truth
    what: str


def rule_ids() -> list[str]:
    """Every rule that is looked at."""
    by_column = (
        table.NEVER_NULL, table.NUMERIC, table.TIMES, table.CURRENCIES, table.KEY_VALUES,
    )  # fmt: skip
    single = (
        table.NULL_WITHOUT, table.FILLED_WITH, table.NULL_FOR_TAX, table.FILLED_FOR_USE,
        table.NOT_NEGATIVE, table.ALLOWED,
    )  # fmt: skip
    found = {f"CostAndUsage-D-{number}" for number in table.PRESENT.values()}
    for held in by_column:
        found |= {_id(column, number) for column, numbers in held.items() for number in numbers}
    for one in single:
        found |= {_id(column, _number(rule)) for column, rule in one.items()}
    return sorted(found | {rule for rule, _, _ in table.PRODUCTS} | set(_SPECIAL))


def missing_columns(file: Reading) -> list[RuleBreak]:
    """Columns that every file should have and this one has not."""
    newer = file.has("service_provider_name")
    return [
        RuleBreak(f"CostAndUsage-D-{number}", column, 0, None, f"{column} must be in every file")
        for column, number in table.PRESENT.items()
        if not file.has(_OURS[column]) and not (newer and column in table.NOT_SINCE_1_4)
    ]


def questions(flagged: Reading) -> dict[str, Any]:
    """Two aggregates per condition: how many rows break it, and the first of them."""
    row = flagged.text["charge_row"]
    asked: dict[str, Any] = {}
    for place, check in enumerate(checks(flagged)):
        asked[f"n{place}"] = check.broken.sum()
        asked[f"f{place}"] = check.broken.ifelse(row, ibis.null("int64")).min()
    return asked


def answers(flagged: Reading, row: Mapping[str, Any]) -> list[RuleBreak]:
    """The rules that are broken, by id."""
    found = [
        RuleBreak(rule, check.column, int(row[f"n{place}"]), int(row[f"f{place}"]), check.what)
        for place, check in enumerate(checks(flagged))
        if row[f"n{place}"]
        for rule in check.rules
    ]
    return sorted([*missing_columns(flagged), *found], key=lambda broken: broken.rule)


def tell_breaks(breaks: list[RuleBreak]) -> list[str]:
    """One line that says how many; the report of the delivery names each of them."""
    if not breaks:
        return []
    return [f"breaks {len(breaks)} FOCUS rules, and is read all the same: wm ingest rules"]


def flag(file: Reading) -> Reading:
    """The file with one truth per column, whether it is null, and the words rules turn on."""
    text = file.text
    null = {_null(name): file.text_of(name).isnull() for name in file.header.known}
    words = {
        _is(name, word): (file.raw(name) == word).fill_null(False)
        for name, word in _WORDS
        if file.has(name)
    }
    return replace(file, text=text.mutate(**null, **words).view())


_WORDS: Final = (
    ("charge_category", "Usage"),
    ("charge_category", "Purchase"),
    ("charge_category", "Tax"),
    ("charge_class", "Correction"),
    ("commitment_discount_status", "Unused"),
    ("capacity_reservation_status", "Unused"),
    ("charge_frequency", "Usage-Based"),
)


def checks(file: Reading) -> Iterator[Check]:
    """Every condition that can be looked at in this file."""
    for kind in (_nulls, _formats, _pairs, _by_category, _allowed, _numbers, _special):
        yield from kind(file)


def _nulls(file: Reading) -> Iterator[Check]:
    for column, numbers in table.NEVER_NULL.items():
        if file.has(_OURS[column]):
            yield _check(column, numbers, is_null(file, column), f"{column} must not be null")


def _formats(file: Reading) -> Iterator[Check]:
    for column, numbers in table.NUMERIC.items():
        if file.has(_OURS[column]):
            unread = ~is_null(file, column) & file.number(_OURS[column]).isnull()
            yield _check(column, numbers, unread, f"{column} must be a plain number")
    for column, (kind, layout) in table.TIMES.items():
        if file.has(_OURS[column]):
            raw, filled = file.raw(_OURS[column]), ~is_null(file, column)
            unread = filled & file.moment(_OURS[column]).isnull()
            yield _check(column, (kind,), unread, f"{column} must be a time")
            iso = (strlen(raw) == _ISO_BYTES) & raw.endswith("Z") & raw.contains("T")
            what = f"{column} must be written YYYY-MM-DDThh:mm:ssZ"
            yield _check(column, (layout,), filled & ~iso, what)
    for column, numbers in table.CURRENCIES.items():
        if file.has(_OURS[column]):
            raw = file.raw(_OURS[column])
            code = (strlen(raw) == 3) & (raw.upper() == raw)
            what = f"{column} must be an ISO 4217 code"
            yield _check(column, numbers, ~is_null(file, column) & ~code, what)
    for column, numbers in table.KEY_VALUES.items():
        if file.has(_OURS[column]):
            broken = ~is_null(file, column) & ~is_object(file.raw(_OURS[column]))
            yield _check(column, numbers, broken, f"{column} must be a JSON object")


def _pairs(file: Reading) -> Iterator[Check]:
    for column, (number, other) in table.NULL_WITHOUT.items():
        if file.has(_OURS[column]) and file.has(_OURS[other]):
            broken = is_null(file, other) & ~is_null(file, column)
            yield _check(column, (number,), broken, f"{column} must be null where {other} is null")
    for column, (number, other) in table.FILLED_WITH.items():
        if file.has(_OURS[column]) and file.has(_OURS[other]):
            broken = ~is_null(file, other) & is_null(file, column)
            what = f"{column} must not be null where {other} is not null"
            yield _check(column, (number,), broken, what)


def _by_category(file: Reading) -> Iterator[Check]:
    if not file.has("charge_category"):
        return
    tax = said(file, "charge_category", "Tax")
    use = said(file, "charge_category", "Usage") | said(file, "charge_category", "Purchase")
    use &= ~said(file, "charge_class", "Correction")
    for column, number in table.NULL_FOR_TAX.items():
        if file.has(_OURS[column]):
            broken = tax & ~is_null(file, column)
            yield _check(column, (number,), broken, f"{column} must be null for Tax")
    for column, number in table.FILLED_FOR_USE.items():
        if file.has(_OURS[column]):
            broken = use & is_null(file, column)
            what = f"{column} must not be null for Usage and Purchase, corrections apart"
            yield _check(column, (number,), broken, what)


def _allowed(file: Reading) -> Iterator[Check]:
    for column, (number, words) in table.ALLOWED.items():
        if file.has(_OURS[column]):
            broken = ~is_null(file, column) & ~_one_of(file.raw(_OURS[column]), words)
            what = f"{column} must be one of {', '.join(words)}"
            yield _check(column, (number,), broken, what)
    if file.has("service_category"):
        broken = ~_one_of(file.raw("service_category"), tuple(table.SUBCATEGORIES))
        what = "ServiceCategory must be one of the categories FOCUS names"
        filled = ~is_null(file, "ServiceCategory")
        yield _check("ServiceCategory", ("003-M",), filled & broken, what)
        if file.has("service_subcategory"):
            yield from _subcategories(file)


def _subcategories(file: Reading) -> Iterator[Check]:
    column, raw = "ServiceSubcategory", file.raw("service_subcategory")
    held = {
        category: (*words, f"Other ({category})") for category, words in table.SUBCATEGORIES.items()
    }
    filled = ~is_null(file, column)
    known = tuple(word for words in held.values() for word in words)
    what = "ServiceSubcategory must be one of the subcategories FOCUS names"
    yield _check(column, ("003-M",), filled & ~_one_of(raw, known), what)
    category = file.raw("service_category")
    belongs = ibis.cases(
        *((category == name, _one_of(raw, words)) for name, words in held.items()), else_=False
    )
    what = "ServiceSubcategory must belong to its ServiceCategory"
    yield _check(column, ("004-M",), filled & ~belongs, what)


def _numbers(file: Reading) -> Iterator[Check]:
    for column, number in table.NOT_NEGATIVE.items():
        if file.has(_OURS[column]):
            negative = (file.number(_OURS[column]) < 0).fill_null(False)
            yield _check(column, (number,), negative, f"{column} must not be negative")
    for rule, price, cost in table.PRODUCTS:
        if all(file.has(_OURS[column]) for column in (price, cost, "PricingQuantity")):
            paid, units, unit_price = (
                file.number(_OURS[column]).cast("float64")
                for column in (cost, "PricingQuantity", price)
            )
            apart = (unit_price * units - paid).abs() > CLOSE + CLOSE * paid.abs()
            broken = apart.fill_null(False) & ~said(file, "charge_class", "Correction")
            yield Check((rule,), cost, broken, f"{price} x PricingQuantity must be {cost}")


_SPECIAL: Final = (
    "ServiceCategory-C-003-M", "ServiceSubcategory-C-003-M", "ServiceSubcategory-C-004-M",
    "BilledCost-C-005-C", "EffectiveCost-C-005-C", "ChargeFrequency-C-004-C",
    "ConsumedQuantity-C-004-C", "CommitmentDiscountStatus-C-004-C",
    "CommitmentDiscountQuantity-C-005-C", "CommitmentDiscountQuantity-C-007-C",
    "CapacityReservationId-C-005-C", "CapacityReservationStatus-C-004-C",
)  # fmt: skip


def _special(file: Reading) -> Iterator[Check]:
    """Rules that no table above fits."""
    usage, purchase = (said(file, "charge_category", word) for word in ("Usage", "Purchase"))
    unused = said(file, "commitment_discount_status", "Unused")
    discounted = ~is_null(file, "CommitmentDiscountId")
    reserved = ~is_null(file, "CapacityReservationId")
    unused_room = said(file, "capacity_reservation_status", "Unused")
    correction = said(file, "charge_class", "Correction")
    paid = {
        name: (file.number(name) != 0).fill_null(False)
        for name in ("billed_cost", "effective_cost")
        if file.has(name)
    }
    unknown = ibis.literal(False)
    resold = ibis.literal(False)
    if file.has("provider_name") and file.has("invoice_issuer_name"):
        resold = (file.raw("provider_name") != file.raw("invoice_issuer_name")).fill_null(False)
    found = (
        ("BilledCost", "005-C", resold & paid.get("billed_cost", unknown),
         "BilledCost must be 0 where ProviderName is not InvoiceIssuerName"),
        ("EffectiveCost", "005-C", purchase & paid.get("effective_cost", unknown),
         "EffectiveCost must be 0 for Purchase"),
        ("ChargeFrequency", "004-C",
         purchase & said(file, "charge_frequency", "Usage-Based"),
         "ChargeFrequency must not be Usage-Based for Purchase"),
        ("ConsumedQuantity", "004-C",
         (~usage | unused) & ~is_null(file, "ConsumedQuantity"),
         "ConsumedQuantity must be null unless ChargeCategory is Usage and it was used"),
        ("CommitmentDiscountStatus", "004-C",
         discounted & usage & is_null(file, "CommitmentDiscountStatus"),
         "CommitmentDiscountStatus must not be null for Usage with a CommitmentDiscountId"),
        ("CommitmentDiscountQuantity", "005-C",
         (usage | purchase) & discounted & ~correction
         & is_null(file, "CommitmentDiscountQuantity"),
         "CommitmentDiscountQuantity must not be null where there is a CommitmentDiscountId"),
        ("CommitmentDiscountQuantity", "007-C",
         ((~usage & ~purchase) | ~discounted) & ~is_null(file, "CommitmentDiscountQuantity"),
         "CommitmentDiscountQuantity must be null where there is no CommitmentDiscountId"),
        ("CapacityReservationId", "005-C",
         unused_room & ~reserved,
         "CapacityReservationId must not be null where CapacityReservationStatus is Unused"),
        ("CapacityReservationStatus", "004-C",
         reserved & usage & is_null(file, "CapacityReservationStatus"),
         "CapacityReservationStatus must not be null for Usage with a CapacityReservationId"),
    )  # fmt: skip
    for column, number, broken, what in found:
        if file.has(_OURS[column]):
            yield _check(column, (number,), broken, what)


def is_null(file: Reading, column: str) -> Truth:
    """Whether a flagged file's row has no value in a FOCUS column."""
    name = _OURS[column]
    return file.text[_null(name)] if file.has(name) else ibis.literal(True)


def said(file: Reading, name: str, word: str) -> Truth:
    """Whether a flagged file's row says this word."""
    return file.text[_is(name, word)] if file.has(name) else ibis.literal(False)


def _null(name: str) -> str:
    return f"= no {name}"


def _is(name: str, word: str) -> str:
    return f"= {name} {word}"


def _one_of(raw: Any, words: tuple[str, ...]) -> Truth:
    """A single CASE, since the engine makes IN a join."""
    return ibis.cases(*((raw == word, True) for word in words), else_=False)


def _check(column: str, numbers: tuple[str, ...], broken: Truth, what: str) -> Check:
    return Check(tuple(_id(column, number) for number in numbers), column, broken, what)


def _id(column: str, number: str) -> str:
    return f"{column}-C-{number}"


def _number(rule: str | tuple[str, object]) -> str:
    return rule if isinstance(rule, str) else rule[0]
