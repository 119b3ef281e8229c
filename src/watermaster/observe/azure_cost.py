"""Azure cost details, actual and amortised, as FOCUS text.

An actual file says what is billed: commitments as purchases, what they cover at 0. An amortised
file says what things cost: covered use at its share, what nobody used as `Unused...` rows. Where
both are there, the amortised one gives every row but the purchases, which the actual one gives.
See docs/reference/azure-cost.md.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from watermaster.model.errors import BadInputError, RefusedError
from watermaster.model.tables import Table
from watermaster.observe import native_services as services
from watermaster.observe.engine import Text, Truth, ibis
from watermaster.observe.focus_faults import Ask, ask_row
from watermaster.observe.native import (
    Columns,
    columns_of,
    is_nonzero,
    mapped,
    one_of,
    plain,
    utc,
    when,
    word,
)

_COST: Final = ("costinbillingcurrency", "pretaxcost", "cost")
_COMMITTED: Final = ("Reservation", "SavingsPlan", "Savings Plan")
_BUYING: Final = ("Purchase", "Refund")
_UNUSED: Final = ("UnusedReservation", "UnusedSavingsPlan")
_US_DATE: Final = r"^(\d\d)/(\d\d)/(\d{4})$"
_CATEGORY: Final = {
    "Purchase": "Purchase", "Refund": "Adjustment", "Adjustment": "Adjustment",
    "RoundingAdjustment": "Adjustment", "Tax": "Tax", "Credit": "Credit",
}  # fmt: skip
_PRICING: Final = {
    "OnDemand": "Standard", "Spot": "Dynamic", **dict.fromkeys(_COMMITTED, "Committed"),
}  # fmt: skip
_FREQUENCY: Final = {
    "OneTime": "One-Time", "Recurring": "Recurring", "UsageBased": "Usage-Based",
}  # fmt: skip
_SPENT: Final = (
    "billingaccountid", "billingaccountname", "billingcurrency", "billingcurrencycode",
    "billingperiodstartdate", "billingperiodenddate", "date", "usagedatetime", "invoiceid",
    "publishername", "subscriptionid", "subscriptionguid", "subscriptionname", "tags",
    "resourceid", "instanceid", "resourcename", "instancename", "servicename", "quantity",
    "chargedescription", "availabilityzone", "costinbillingcurrency",
)  # fmt: skip


class Dataset(StrEnum):
    """Which of Azure's two views of cost a file is."""

    ACTUAL = "actual"
    AMORTISED = "amortised"
    EITHER = "either"  # no commitment in it: both views are the same


def is_azure(names: tuple[str, ...]) -> bool:
    """Whether these are the columns of an Azure cost export."""
    have = {plain(name) for name in names}
    return "metercategory" in have and bool(have & set(_COST)) and "billedcost" not in have


def dataset_of(table: Table, where: str, ask: Ask) -> Dataset:
    """Which dataset a file is: as its path says, else as its rows show."""
    name = where.lower()
    if "amorti" in name or "actual" in name:
        return Dataset.AMORTISED if "amorti" in name else Dataset.ACTUAL
    columns, _ = _columns(table, where)
    kind, committed = _kind(columns), _is_committed(columns)
    buys = committed & one_of(kind, _BUYING)
    spread = one_of(kind, _UNUSED) | (committed & ~buys & is_nonzero(columns.text(*_COST)))
    found = ask_row(ask, columns.table.aggregate(spread=spread.any(), buys=buys.any()))
    if found["spread"]:
        return Dataset.AMORTISED
    return Dataset.ACTUAL if found["buys"] else Dataset.EITHER


def refuse_doubt(datasets: Mapping[str, Dataset]) -> bool:
    """Whether both datasets are there; RefusedError where a file may be of either of them."""
    both = {Dataset.ACTUAL, Dataset.AMORTISED} <= set(datasets.values())
    doubt = [name for name, dataset in datasets.items() if dataset is Dataset.EITHER]
    if both and doubt:
        fix = (
            "put actual and amortised exports in folders with 'actual' and 'amortized' in the name"
        )
        raise RefusedError(
            doubt[0], "may be of the actual or the amortised export: cost could count twice", fix
        )
    return both


def map_cost(
    table: Table, where: str, dataset: Dataset, *, beside: bool
) -> tuple[Table, list[str]]:
    """A file's rows with FOCUS columns, all text, and what a reader should know.

    beside: whether the other dataset is delivered too; then an actual file gives purchases only.
    """
    columns, told = _columns(table, where)
    kind, committed = _kind(columns), _is_committed(columns)
    buys = committed & one_of(kind, _BUYING)
    focus = {
        **_periods(columns), **_accounts(columns), **_costs(columns, dataset, buys),
        **_kinds(columns), **_usage(columns), **_things(columns),
    }  # fmt: skip
    found = mapped(columns, {**focus, "= buys": buys}, _SPENT)
    if beside and dataset is Dataset.ACTUAL:
        found = found.filter(found["= buys"])
    elif dataset is Dataset.ACTUAL:
        told.append("an actual export: what commitments cover has no EffectiveCost; "
                    "deliver the amortised export beside it")  # fmt: skip
    elif dataset is Dataset.AMORTISED and not beside:
        told.append("an amortised export: purchases of commitments are not in it, so BilledCost "
                    "is less than the invoice; deliver the actual export beside it")  # fmt: skip
    return found.drop("= buys").view(), told


def _columns(table: Table, where: str) -> tuple[Columns, list[str]]:
    columns, told = columns_of(table)
    if not any(name in columns for name in _COST) or "metercategory" not in columns:
        fix = "deliver Azure cost details, actual or amortised; for FOCUS use wm ingest focus"
        raise BadInputError(where, "is no Azure cost export: no cost or no MeterCategory", fix)
    return columns, told


def _kind(columns: Columns) -> Text:
    return ibis.coalesce(columns.text("chargetype"), ibis.literal("Usage"))


def _is_committed(columns: Columns) -> Truth:
    held = columns.text("reservationid", "benefitid").notnull()
    model = columns.text("pricingmodel")
    unused = one_of(_kind(columns), _UNUSED)
    return one_of(model, _COMMITTED) | (model.isnull() & held) | unused


def _day(text: Text) -> Text:
    """A date as Azure writes it (month/day/year, or ISO) as FOCUS writes times."""
    iso = text.strip().re_replace(_US_DATE, r"\3-\1-\2")
    return (iso.length() == len("2026-09-01")).ifelse(iso + "T00:00:00Z", utc(iso))


def _day_after(text: Text) -> Text:
    day = _day(text)
    after = day.left(len("2026-09-01")).try_cast("date") + ibis.interval(days=1)
    return ibis.coalesce(after.strftime("%Y-%m-%dT00:00:00Z"), day)


def _periods(columns: Columns) -> dict[str, Text]:
    day = columns.text("date", "usagedatetime", "usagedate")
    found = {"ChargePeriodStart": _day(day), "ChargePeriodEnd": _day_after(day)}
    if "billingperiodstartdate" in columns:
        found["BillingPeriodStart"] = _day(columns.text("billingperiodstartdate"))
    if "billingperiodenddate" in columns:
        found["BillingPeriodEnd"] = _day_after(columns.text("billingperiodenddate"))
    return found


def _accounts(columns: Columns) -> dict[str, Text]:
    account = columns.text("billingaccountid", "billingprofileid", "subscriptionid")
    subscription = columns.text("subscriptionid", "subscriptionguid")
    found = {
        "BillingAccountId": account,
        "BillingAccountName": columns.text("billingaccountname", "billingprofilename"),
        "SubAccountId": subscription,
        "SubAccountName": when(subscription.notnull(), columns.text("subscriptionname")),
        "InvoiceId": columns.text("invoiceid"),
        "InvoiceIssuerName": ibis.literal("Microsoft"),
        "ProviderName": ibis.literal("Microsoft"),
        "PublisherName": ibis.coalesce(columns.text("publishername"), ibis.literal("Microsoft")),
    }
    if {"billingcurrency", "billingcurrencycode", "currency"} & set(columns.names):
        found["BillingCurrency"] = columns.text(
            "billingcurrency", "billingcurrencycode", "currency"
        )
    return found


def _costs(columns: Columns, dataset: Dataset, buys: Truth) -> dict[str, Text]:
    cost, nothing = columns.text(*_COST), ibis.literal("0")
    covered = _is_committed(columns) & ~buys
    unknown = ibis.null("string")
    is_actual = dataset is Dataset.ACTUAL
    demand = columns.text("paygcostinbillingcurrency")
    unused = one_of(_kind(columns), _UNUSED)
    return {
        "BilledCost": cost if is_actual else covered.ifelse(nothing, cost),
        "EffectiveCost": ibis.cases(
            (buys, nothing), (covered, unknown if is_actual else cost), else_=cost
        ),
        "ListCost": ibis.cases(
            (unused, nothing), (covered, demand), else_=ibis.coalesce(demand, cost)
        ),
        "ContractedCost": ibis.cases((unused, nothing), (covered, demand), else_=cost),
    }


def _kinds(columns: Columns) -> dict[str, Text]:
    kind, committed = _kind(columns), _is_committed(columns)
    buys = one_of(kind, _BUYING)
    bought = when(committed, columns.text("benefitid", "reservationid"))
    plan = columns.text("pricingmodel").startswith("Savings").fill_null(False)
    plan |= kind == "UnusedSavingsPlan"
    status = one_of(kind, _UNUSED).ifelse("Unused", when(~buys, ibis.literal("Used")))
    model = word(columns.text("pricingmodel"), _PRICING, ibis.literal("Standard"))
    untold = one_of(kind, ("Tax", "Credit", "Refund", "Adjustment", "RoundingAdjustment"))
    return {
        "ChargeCategory": word(kind, _CATEGORY, ibis.literal("Usage")),
        "ChargeClass": when(kind == "Refund", ibis.literal("Correction")),
        "ChargeDescription": columns.text("chargedescription", "productname", "product",
                                          "metername"),
        "ChargeFrequency": word(
            columns.text("frequency"), _FREQUENCY, ibis.literal("Usage-Based")
        ),
        "CommitmentDiscountId": bought,
        "CommitmentDiscountName": when(
            bought.notnull(), columns.text("benefitname", "reservationname")
        ),
        "CommitmentDiscountCategory": when(bought.notnull(), plan.ifelse("Spend", "Usage")),
        "CommitmentDiscountType": when(
            bought.notnull(), plan.ifelse("Savings Plan", "Reservation")
        ),
        "CommitmentDiscountStatus": when(bought.notnull(), status),
        "PricingCategory": untold.ifelse(
            ibis.null("string"), (committed & ~buys).ifelse("Committed", model)
        ),
    }  # fmt: skip


def _usage(columns: Columns) -> dict[str, Text]:
    kind = _kind(columns)
    use = one_of(kind, ("Usage",))
    priced = use | one_of(kind, ("Purchase", *_UNUSED))
    amount, unit = columns.text("quantity", "usagequantity"), columns.text("unitofmeasure")
    meter = when(priced, columns.text("meterid"))
    return {
        "ConsumedQuantity": when(use, amount),
        "ConsumedUnit": when(use & amount.notnull(), unit),
        "SkuId": meter,
        "SkuMeter": when(meter.notnull(), columns.text("metername", "metersubcategory")),
        "SkuPriceId": when(priced, columns.text("productid", "partnumber", "productidentifier")),
    }


def _things(columns: Columns) -> dict[str, Text]:
    category = columns.text("metercategory")
    region = columns.text("resourcelocationnormalized", "resourcelocation", "location")
    resource = columns.text("resourceid", "instanceid")
    listed = services.AZURE.items()
    kind = resource.re_extract(r"(?i)/providers/([^/]+/[^/]+)", 1).lower().nullif("")
    return {
        "ServiceName": category,
        "ServiceCategory": word(
            category, {name: pair[0] for name, pair in listed}, ibis.literal(services.OTHER[0])
        ),
        "ServiceSubcategory": word(
            category, {name: pair[1] for name, pair in listed}, ibis.literal(services.OTHER[1])
        ),
        "RegionId": region,
        "RegionName": when(region.notnull(), columns.text("resourcelocation", "meterregion")),
        "AvailabilityZone": columns.text("availabilityzone"),
        "ResourceId": resource,
        "ResourceName": when(
            resource.notnull(), ibis.coalesce(columns.text("resourcename", "instancename"),
                                              resource.split("/")[-1])
        ),
        "ResourceType": when(
            resource.notnull(), ibis.coalesce(kind, columns.text("consumedservice"), category)
        ),
        "Tags": columns.text("tags"),
    }  # fmt: skip
