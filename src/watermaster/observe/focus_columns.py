"""Which column of a delivered file is which FOCUS column, and which FOCUS version it speaks.

Names are matched without regard to case, spaces, underscores, hyphens and a byte order mark:
`BilledCost`, `billed_cost` and `Billed Cost` are one. What matches nothing is kept in `origin`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from watermaster.model.errors import BadInputError
from watermaster.model.focus_columns import FOCUS_COLUMNS, FOCUS_NAMES
from watermaster.model.shapes import COSTS

NAMES: Final = {**FOCUS_NAMES, "tags": "Tags"}
NUMBERS: Final = {name: kind for name, kind, _ in FOCUS_COLUMNS if kind.startswith("decimal")}
TIMES: Final = tuple(name for name, kind, _ in FOCUS_COLUMNS if kind.startswith("timestamp"))
TEXTS: Final = tuple(name for name, kind, _ in FOCUS_COLUMNS if kind == "string")
KEYS: Final = ("charge_file", "charge_row")

# The columns each version brought; the newest one seen names the version of the file.
SINCE: Final = {
    "1.4": ("commitment_program_eligibility_details", "invoice_detail_id"),
    "1.3": (
        "allocated_method_id", "allocated_method_details", "allocated_resource_id",
        "allocated_resource_name", "allocated_tags", "contract_applied", "host_provider_name",
        "service_provider_name",
    ),
    "1.2": (
        "billing_account_type", "sub_account_type", "invoice_id", "pricing_currency",
        "pricing_currency_contracted_unit_price", "pricing_currency_effective_cost",
        "pricing_currency_list_unit_price",
    ),
    "1.1": (
        "capacity_reservation_id", "capacity_reservation_status", "commitment_discount_quantity",
        "commitment_discount_unit", "service_subcategory", "sku_meter", "sku_price_details",
    ),
}  # fmt: skip
_MUST_BE_ONE: Final = (*COSTS, *TIMES, "billing_currency")


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one file. `known`: our name to the file's; `unknown`: kept in origin."""

    known: dict[str, str]
    unknown: tuple[str, ...]
    version: str
    notices: tuple[str, ...]


def read_header(names: Iterable[str], where: str) -> Header:
    """Match the file's column names; BadInputError when they cannot be a bill."""
    by_plain = {_plain(focus): name for name, focus in NAMES.items()}
    known: dict[str, str] = {}
    unknown: list[str] = []
    twice: list[tuple[str, str]] = []
    for column in names:
        if column in KEYS:
            continue
        name = by_plain.get(_plain(column))
        copy = by_plain.get(_plain(re.sub(r"_\d+$", "", column)))
        if name is not None and name not in known:
            known[name] = column
            continue
        unknown.append(column)
        if name is not None or (copy in known and re.search(r"_\d+$", column)):
            twice.append((name or str(copy), column))
    _refuse_missing(known, where)
    return Header(known, tuple(unknown), _version(known), _twice(twice, known, where))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _version(known: Iterable[str]) -> str:
    have = set(known)
    return next((version for version, names in SINCE.items() if have & set(names)), "1.0")


def _refuse_missing(known: dict[str, str], where: str) -> None:
    if not {"billed_cost", "effective_cost"} & set(known):
        raise BadInputError(
            where,
            "has neither BilledCost nor EffectiveCost",
            "deliver a FOCUS Cost and Usage file (other FOCUS datasets are not bills), "
            "and check the delimiter and the header line",
        )
    if not {"billing_period_start", "charge_period_start"} & set(known):
        raise BadInputError(
            where,
            "has neither BillingPeriodStart nor ChargePeriodStart",
            "add at least one of the two, so that each row belongs to a month",
        )


def _twice(found: list[tuple[str, str]], known: dict[str, str], where: str) -> tuple[str, ...]:
    for name, column in found:
        if name in _MUST_BE_ONE:
            raise BadInputError(
                where,
                f"has the column {NAMES[name]} twice ({known[name]} and {column})",
                "keep the one that holds the bill and remove the other",
            )
    return tuple(
        f"column {NAMES[name]} is there twice: {known[name]} is read, {column} is kept in origin"
        for name, column in found
    )
