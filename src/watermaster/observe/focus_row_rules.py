"""FOCUS rules that a value breaks on its own or beside another number, whatever else is null."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from watermaster.observe import focus_rule_table as table
from watermaster.observe.engine import Truth, ibis, strlen
from watermaster.observe.focus_columns import NAMES
from watermaster.observe.focus_faults import Reading
from watermaster.observe.focus_tags import is_object

OURS: Final = {focus: name for name, focus in NAMES.items()}
CLOSE: Final = 1e-6  # how far price x quantity may lie from the cost, relative and absolute
_ISO_BYTES: Final = len("2026-09-01T00:00:00Z")


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on a row and the rules it breaks; two rules may say the same."""

    rules: tuple[str, ...]
    column: str
    broken: Truth
    what: str


def check(column: str, numbers: tuple[str, ...], broken: Truth, what: str) -> Check:
    """A condition under rules of one column."""
    return Check(tuple(rule_id(column, number) for number in numbers), column, broken, what)


def rule_id(column: str, number: str) -> str:
    """The official id of a column's rule: `BilledCost-C-003-M`."""
    return f"{column}-C-{number}"


def row_checks(file: Reading) -> Iterator[Check]:
    """Every such condition that can be looked at in this file; never NULL."""
    for kind in (_formats, _allowed, _numbers):
        yield from kind(file)


def _filled(file: Reading, column: str) -> Truth:
    return file.raw(OURS[column]).notnull()


def _formats(file: Reading) -> Iterator[Check]:
    for column, numbers in table.NUMERIC.items():
        if file.has(OURS[column]):
            unread = _filled(file, column) & file.number(OURS[column]).isnull()
            yield check(column, numbers, unread, f"{column} must be a plain number")
    for column, (kind, layout) in table.TIMES.items():
        if file.has(OURS[column]):
            raw, filled = file.raw(OURS[column]), _filled(file, column)
            unread = filled & file.moment(OURS[column]).isnull()
            yield check(column, (kind,), unread, f"{column} must be a time")
            iso = (strlen(raw) == _ISO_BYTES) & raw.endswith("Z") & raw.contains("T")
            what = f"{column} must be written YYYY-MM-DDThh:mm:ssZ"
            yield check(column, (layout,), filled & ~iso, what)
    for column, numbers in table.CURRENCIES.items():
        if file.has(OURS[column]):
            raw = file.raw(OURS[column])
            code = (strlen(raw) == 3) & (raw.upper() == raw)
            what = f"{column} must be an ISO 4217 code"
            yield check(column, numbers, _filled(file, column) & ~code, what)
    for column, numbers in table.KEY_VALUES.items():
        if file.has(OURS[column]):
            broken = _filled(file, column) & ~is_object(file.raw(OURS[column]))
            yield check(column, numbers, broken, f"{column} must be a JSON object")


def _allowed(file: Reading) -> Iterator[Check]:
    for column, (number, words) in table.ALLOWED.items():
        if file.has(OURS[column]):
            broken = _filled(file, column) & ~_one_of(file.raw(OURS[column]), words)
            what = f"{column} must be one of {', '.join(words)}"
            yield check(column, (number,), broken, what)
    if file.has("service_category"):
        broken = ~_one_of(file.raw("service_category"), tuple(table.SUBCATEGORIES))
        what = "ServiceCategory must be one of the categories FOCUS names"
        filled = _filled(file, "ServiceCategory")
        yield check("ServiceCategory", ("003-M",), filled & broken, what)
        if file.has("service_subcategory"):
            yield from _subcategories(file)


def _subcategories(file: Reading) -> Iterator[Check]:
    column, raw = "ServiceSubcategory", file.raw("service_subcategory")
    held = {
        category: (*words, f"Other ({category})") for category, words in table.SUBCATEGORIES.items()
    }
    filled = _filled(file, column)
    known = tuple(word for words in held.values() for word in words)
    what = "ServiceSubcategory must be one of the subcategories FOCUS names"
    yield check(column, ("003-M",), filled & ~_one_of(raw, known), what)
    category = file.raw("service_category")
    belongs = ibis.cases(
        *((category == name, _one_of(raw, words)) for name, words in held.items()), else_=False
    )
    what = "ServiceSubcategory must belong to its ServiceCategory"
    yield check(column, ("004-M",), filled & ~belongs, what)


def _numbers(file: Reading) -> Iterator[Check]:
    for column, number in table.NOT_NEGATIVE.items():
        if file.has(OURS[column]):
            negative = (file.number(OURS[column]) < 0).fill_null(False)
            yield check(column, (number,), negative, f"{column} must not be negative")
    for rule, price, cost in table.PRODUCTS:
        if all(file.has(OURS[column]) for column in (price, cost, "PricingQuantity")):
            paid, units, unit_price = (
                file.number(OURS[column]).cast("float64")
                for column in (cost, "PricingQuantity", price)
            )
            apart = (unit_price * units - paid).abs() > CLOSE + CLOSE * paid.abs()
            broken = apart.fill_null(False) & ~_is_correction(file)
            yield Check((rule,), cost, broken, f"{price} x PricingQuantity must be {cost}")


def _is_correction(file: Reading) -> Truth:
    if not file.has("charge_class"):
        return ibis.literal(False)
    return (file.raw("charge_class") == "Correction").fill_null(False)


def _one_of(raw: Any, words: tuple[str, ...]) -> Truth:
    """A single CASE, since the engine makes IN a join."""
    return ibis.cases(*((raw == word, True) for word in words), else_=False)
