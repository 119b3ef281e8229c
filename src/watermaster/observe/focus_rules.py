"""Which FOCUS rules a file breaks: rows and the first row per rule.

A broken rule refuses nothing. The ids are those of the official FOCUS 1.2 model. Rules are
looked at per combination of truths (which columns are null, which words a row says, which of
`row_checks` it breaks), of which a file has few.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from watermaster.observe import focus_rule_table as table
from watermaster.observe.engine import Truth
from watermaster.observe.focus_combinations import Combinations, Held
from watermaster.observe.focus_faults import Reading
from watermaster.observe.focus_row_rules import OURS, row_checks, rule_id


@dataclass(frozen=True, slots=True)
class RuleBreak:
    """One FOCUS rule that a file breaks. A column that is missing has no first row."""

    rule: str  # "BilledCost-C-003-M"
    column: str
    rows: int
    first_row: int | None
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
        found |= {rule_id(column, number) for column, numbers in held.items() for number in numbers}
    for one in single:
        found |= {rule_id(column, _number(rule)) for column, rule in one.items()}
    return sorted(found | {rule for rule, _, _ in table.PRODUCTS} | set(_SPECIAL))


def missing_columns(file: Reading) -> list[RuleBreak]:
    """Columns that every file should have and this one has not."""
    newer = file.has("service_provider_name")
    return [
        RuleBreak(f"CostAndUsage-D-{number}", column, 0, None, f"{column} must be in every file")
        for column, number in table.PRESENT.items()
        if not file.has(OURS[column]) and not (newer and column in table.NOT_SINCE_1_4)
    ]


def broken_rules(file: Reading, combos: Combinations) -> list[RuleBreak]:
    """The rules that are broken, by id."""
    found = missing_columns(file)
    for place, check in enumerate(row_checks(file)):
        held = combos.holds(_broken(place))
        found += _breaks(combos, held, check.rules, check.column, check.what)
    for kind in (_nulls, _pairs, _by_category, _special):
        for column, numbers, held, what in kind(file, combos):
            rules = tuple(rule_id(column, number) for number in numbers)
            found += _breaks(combos, held, rules, column, what)
    return sorted(found, key=lambda broken: broken.rule)


def _breaks(
    combos: Combinations, held: Held, rules: tuple[str, ...], column: str, what: str
) -> list[RuleBreak]:
    if not held.any():
        return []
    rows, first = combos.count(held), combos.first(held)
    return [RuleBreak(rule, column, rows, first, what) for rule in rules]


def tell_breaks(breaks: list[RuleBreak]) -> list[str]:
    """One line that says how many; the report of the delivery names each of them."""
    if not breaks:
        return []
    return [f"breaks {len(breaks)} FOCUS rules, and is read all the same: wm ingest rules"]


_RESOLD: Final = "= resold"
_Check: TypeAlias = tuple[str, tuple[str, ...], Held, str]  # column, rules, broken, what


def truths_of_rules(file: Reading) -> dict[str, Truth]:
    """What the rules turn on, by row; never NULL."""
    null = {_null(name): file.raw(name).isnull() for name in file.header.known}
    words = {
        _is(name, word): (file.raw(name) == word).fill_null(False)
        for name, word in _WORDS
        if file.has(name)
    }
    paid = {
        _paid(name): (file.number(name) != 0).fill_null(False)
        for name in ("billed_cost", "effective_cost")
        if file.has(name)
    }
    resold = {}
    if file.has("provider_name") and file.has("invoice_issuer_name"):
        issuer = file.raw("invoice_issuer_name")
        resold = {_RESOLD: (file.raw("provider_name") != issuer).fill_null(False)}
    by_row = {_broken(place): one.broken for place, one in enumerate(row_checks(file))}
    return {**null, **words, **paid, **resold, **by_row}


_WORDS: Final = (
    ("charge_category", "Usage"),
    ("charge_category", "Purchase"),
    ("charge_category", "Tax"),
    ("charge_class", "Correction"),
    ("commitment_discount_status", "Unused"),
    ("capacity_reservation_status", "Unused"),
    ("charge_frequency", "Usage-Based"),
)


def _nulls(file: Reading, combos: Combinations) -> Iterator[_Check]:
    for column, numbers in table.NEVER_NULL.items():
        if file.has(OURS[column]):
            yield (column, numbers, is_null(combos, column), f"{column} must not be null")


def _pairs(file: Reading, combos: Combinations) -> Iterator[_Check]:
    for column, (number, other) in table.NULL_WITHOUT.items():
        if file.has(OURS[column]) and file.has(OURS[other]):
            broken = is_null(combos, other) & ~is_null(combos, column)
            yield (column, (number,), broken, f"{column} must be null where {other} is null")
    for column, (number, other) in table.FILLED_WITH.items():
        if file.has(OURS[column]) and file.has(OURS[other]):
            broken = ~is_null(combos, other) & is_null(combos, column)
            what = f"{column} must not be null where {other} is not null"
            yield (column, (number,), broken, what)


def _by_category(file: Reading, combos: Combinations) -> Iterator[_Check]:
    if not file.has("charge_category"):
        return
    tax = said(combos, "charge_category", "Tax")
    use = said(combos, "charge_category", "Usage") | said(combos, "charge_category", "Purchase")
    use &= ~said(combos, "charge_class", "Correction")
    for column, number in table.NULL_FOR_TAX.items():
        if file.has(OURS[column]):
            broken = tax & ~is_null(combos, column)
            yield (column, (number,), broken, f"{column} must be null for Tax")
    for column, number in table.FILLED_FOR_USE.items():
        if file.has(OURS[column]):
            broken = use & is_null(combos, column)
            what = f"{column} must not be null for Usage and Purchase, corrections apart"
            yield (column, (number,), broken, what)


_SPECIAL: Final = (
    "ServiceCategory-C-003-M", "ServiceSubcategory-C-003-M", "ServiceSubcategory-C-004-M",
    "BilledCost-C-005-C", "EffectiveCost-C-005-C", "ChargeFrequency-C-004-C",
    "ConsumedQuantity-C-004-C", "CommitmentDiscountStatus-C-004-C",
    "CommitmentDiscountQuantity-C-005-C", "CommitmentDiscountQuantity-C-007-C",
    "CapacityReservationId-C-005-C", "CapacityReservationStatus-C-004-C",
)  # fmt: skip


def _special(file: Reading, combos: Combinations) -> Iterator[_Check]:
    """Rules that no table above fits."""
    usage, purchase = (said(combos, "charge_category", word) for word in ("Usage", "Purchase"))
    unused = said(combos, "commitment_discount_status", "Unused")
    discounted = ~is_null(combos, "CommitmentDiscountId")
    reserved = ~is_null(combos, "CapacityReservationId")
    unused_room = said(combos, "capacity_reservation_status", "Unused")
    correction = said(combos, "charge_class", "Correction")
    found = (
        ("BilledCost", "005-C", combos.holds(_RESOLD) & combos.holds(_paid("billed_cost")),
         "BilledCost must be 0 where ProviderName is not InvoiceIssuerName"),
        ("EffectiveCost", "005-C", purchase & combos.holds(_paid("effective_cost")),
         "EffectiveCost must be 0 for Purchase"),
        ("ChargeFrequency", "004-C",
         purchase & said(combos, "charge_frequency", "Usage-Based"),
         "ChargeFrequency must not be Usage-Based for Purchase"),
        ("ConsumedQuantity", "004-C",
         (~usage | unused) & ~is_null(combos, "ConsumedQuantity"),
         "ConsumedQuantity must be null unless ChargeCategory is Usage and it was used"),
        ("CommitmentDiscountStatus", "004-C",
         discounted & usage & is_null(combos, "CommitmentDiscountStatus"),
         "CommitmentDiscountStatus must not be null for Usage with a CommitmentDiscountId"),
        ("CommitmentDiscountQuantity", "005-C",
         (usage | purchase) & discounted & ~correction
         & is_null(combos, "CommitmentDiscountQuantity"),
         "CommitmentDiscountQuantity must not be null where there is a CommitmentDiscountId"),
        ("CommitmentDiscountQuantity", "007-C",
         ((~usage & ~purchase) | ~discounted) & ~is_null(combos, "CommitmentDiscountQuantity"),
         "CommitmentDiscountQuantity must be null where there is no CommitmentDiscountId"),
        ("CapacityReservationId", "005-C",
         unused_room & ~reserved,
         "CapacityReservationId must not be null where CapacityReservationStatus is Unused"),
        ("CapacityReservationStatus", "004-C",
         reserved & usage & is_null(combos, "CapacityReservationStatus"),
         "CapacityReservationStatus must not be null for Usage with a CapacityReservationId"),
    )  # fmt: skip
    for column, number, broken, what in found:
        if file.has(OURS[column]):
            yield (column, (number,), broken, what)


def is_null(combos: Combinations, column: str) -> Held:
    """Whether the rows of a combination have no value in a FOCUS column."""
    return combos.holds(_null(OURS[column]), absent=True)


def said(combos: Combinations, name: str, word: str) -> Held:
    """Whether the rows of a combination say this word."""
    return combos.holds(_is(name, word))


def _null(name: str) -> str:
    return f"= no {name}"


def _paid(name: str) -> str:
    return f"= {name} paid"


def _broken(place: int) -> str:
    return f"= broken {place}"


def _is(name: str, word: str) -> str:
    return f"= {name} {word}"


def _number(rule: str | tuple[str, object]) -> str:
    return rule if isinstance(rule, str) else rule[0]
