"""AWS Cost and Usage Reports, legacy and 2.0, as FOCUS text.

What is billed is `UnblendedCost` of every row, so that a file's total stays its total; what a
commitment covers is spread by AWS's own amortisation columns. A negation row takes back what its
covered rows billed, and costs nothing itself. See docs/reference/aws-cur.md.
"""

from typing import Final

from watermaster.model.errors import BadInputError
from watermaster.model.tables import Table
from watermaster.observe import native_services as services
from watermaster.observe.engine import Text, Truth, ibis
from watermaster.observe.focus_tags import origin
from watermaster.observe.native import (
    Columns,
    columns_of,
    difference,
    is_nonzero,
    mapped,
    one_of,
    plain,
    total,
    utc,
    when,
    word,
)

_NEEDS: Final = ("lineitemlineitemtype", "lineitemunblendedcost", "lineitemusagestartdate")
SAVINGS_PLAN, RESERVED = "SavingsPlanCoveredUsage", "DiscountedUsage"
NEGATION: Final = "SavingsPlanNegation"
PLAN_FEES: Final = ("SavingsPlanRecurringFee", "SavingsPlanUpfrontFee")
CATEGORY: Final = {
    "Tax": "Tax", "Credit": "Credit", "Refund": "Adjustment", "Fee": "Purchase",
    "RIFee": "Purchase", **dict.fromkeys(PLAN_FEES, "Purchase"),
}  # fmt: skip
FREQUENCY: Final = {
    "RIFee": "Recurring", "SavingsPlanRecurringFee": "Recurring", "SavingsPlanUpfrontFee":
    "One-Time", "Fee": "One-Time", "Tax": "One-Time", "Credit": "One-Time", "Refund": "One-Time",
}  # fmt: skip
_USE: Final = ("Usage", SAVINGS_PLAN, RESERVED)
_SPENT: Final = (
    "billbillingperiodstartdate", "billbillingperiodenddate", "billpayeraccountid",
    "billpayeraccountname", "billinvoiceid", "lineitemavailabilityzone", "lineitemcurrencycode",
    "lineitemlegalentity", "lineitemlineitemdescription", "lineitemresourceid",
    "lineitemunblendedcost", "lineitemusageaccountid", "lineitemusageaccountname",
    "lineitemusageamount", "lineitemusagestartdate", "lineitemusageenddate", "resourcetags",
)  # fmt: skip


def is_cur(names: tuple[str, ...]) -> bool:
    """Whether these are the columns of a Cost and Usage Report."""
    return set(_NEEDS) <= {plain(name) for name in names}


def map_cur(table: Table, where: str) -> tuple[Table, list[str]]:
    """A report's rows with FOCUS columns, all text, and what a reader should know.

    table: as delivery.as_text gives it. BadInputError when it is no such report.
    """
    columns, told = columns_of(table)
    if lost := [name for name in _NEEDS if name not in columns]:
        fix = "deliver an AWS Cost and Usage Report; for a FOCUS file use wm ingest focus"
        raise BadInputError(where, f"is no AWS CUR: it lacks {', '.join(lost)}", fix)
    kind = columns.text("lineitemlineitemtype")
    focus = {**_periods(columns), **_accounts(columns), **_costs(columns, kind),
             **_kinds(columns, kind), **_usage(columns, kind), **_things(columns, kind),
             "Tags": _tags(columns)}  # fmt: skip
    tags = [name for name in columns.names if name.startswith("resourcetags")]
    if "splitlineitemparentresourceid" in columns:
        told.append("split cost allocation rows cost 0: the instance they ran on carries the cost")
    return mapped(columns, focus, [*_SPENT, *tags]), told


def _periods(columns: Columns) -> dict[str, Text]:
    start, end = utc(columns.text("lineitemusagestartdate")), columns.text("lineitemusageenddate")
    found = {"ChargePeriodStart": start, "ChargePeriodEnd": utc(end)}
    if "billbillingperiodstartdate" in columns:
        found["BillingPeriodStart"] = utc(columns.text("billbillingperiodstartdate"))
    if "billbillingperiodenddate" in columns:
        found["BillingPeriodEnd"] = utc(columns.text("billbillingperiodenddate"))
    return found


def _accounts(columns: Columns) -> dict[str, Text]:
    seller = columns.text("lineitemlegalentity", "billbillingentity")
    found = {
        "BillingAccountId": columns.text("billpayeraccountid"),
        "BillingAccountName": columns.text("billpayeraccountname", "billpayeraccountid"),
        "SubAccountId": columns.text("lineitemusageaccountid"),
        "SubAccountName": columns.text("lineitemusageaccountname", "lineitemusageaccountid"),
        "InvoiceId": columns.text("billinvoiceid"),
        "InvoiceIssuerName": columns.text("billinvoicingentity", "lineitemlegalentity"),
        "ProviderName": ibis.literal("AWS"),
        "PublisherName": seller,
    }
    if "lineitemcurrencycode" in columns:
        found["BillingCurrency"] = columns.text("lineitemcurrencycode")
        found["PricingCurrency"] = columns.text("lineitemcurrencycode")
    return found


def _costs(columns: Columns, kind: Text) -> dict[str, Text]:
    """The four costs; see the table in docs/reference/aws-cur.md."""
    billed = columns.text("lineitemunblendedcost")
    split = columns.text("splitlineitemparentresourceid").notnull()
    billed = ibis.coalesce(billed, when(split, ibis.literal("0")))
    demand = columns.text("pricingpublicondemandcost")
    nothing = ibis.literal("0")
    effective = ibis.cases(
        (kind == SAVINGS_PLAN, columns.text("savingsplansavingsplaneffectivecost")),
        (kind == RESERVED, columns.text("reservationeffectivecost")),
        (kind == NEGATION, nothing),
        (_is_commitment_fee(columns, kind), _unused(columns, kind)),
        else_=billed,
    )
    return {
        "BilledCost": billed,
        "EffectiveCost": effective,
        "ListCost": ibis.cases(
            (kind == NEGATION, nothing),
            (kind == RESERVED, demand),
            (one_of(kind, _USE), ibis.coalesce(demand, billed)),
            else_=billed,
        ),
        "ContractedCost": ibis.cases(
            (kind == NEGATION, nothing), (kind == RESERVED, demand), else_=billed
        ),
    }


def _is_commitment_fee(columns: Columns, kind: Text) -> Truth:
    """A fee whose cost the covered rows carry: what is paid at once has a commitment's ARN."""
    upfront = (kind == "Fee") & columns.text("reservationreservationarn").notnull()
    return one_of(kind, (*PLAN_FEES, "RIFee")) | upfront.fill_null(False)


def _unused(columns: Columns, kind: Text) -> Text:
    """The part of a commitment's fee that nothing used; NULL where AWS does not say."""
    plan = difference(
        columns.text("savingsplantotalcommitmenttodate"),
        columns.text("savingsplanusedcommitment"),
    )
    reserved = total(
        columns.text("reservationunusedamortizedupfrontfeeforbillingperiod"),
        columns.text("reservationunusedrecurringfee"),
    )
    return ibis.cases(
        (kind == "SavingsPlanRecurringFee", plan), (kind == "RIFee", reserved),
        else_=ibis.literal("0"),
    )  # fmt: skip


def _kinds(columns: Columns, kind: Text) -> dict[str, Text]:
    unused = _is_commitment_fee(columns, kind) & is_nonzero(_unused(columns, kind))
    plan, reserved = (columns.text(name) for name in
                      ("savingsplansavingsplanarn", "reservationreservationarn"))  # fmt: skip
    bought = ibis.coalesce(plan, reserved)
    nothing = ibis.null("string")
    status = ibis.cases(
        (one_of(kind, (SAVINGS_PLAN, RESERVED)), ibis.literal("Used")),
        (unused, ibis.literal("Unused")),
        else_=nothing,
    )
    spot = columns.text("lineitemusagetype").contains("SpotUsage").fill_null(False)
    return {
        "ChargeCategory": unused.ifelse("Usage", word(kind, CATEGORY, ibis.literal("Usage"))),
        "ChargeClass": when(kind == "Refund", ibis.literal("Correction")),
        "ChargeDescription": columns.text("lineitemlineitemdescription", "lineitemusagetype"),
        "ChargeFrequency": word(kind, FREQUENCY, ibis.literal("Usage-Based")),
        "CommitmentDiscountId": bought,
        "CommitmentDiscountCategory": ibis.cases(
            (plan.notnull(), ibis.literal("Spend")), (reserved.notnull(), ibis.literal("Usage")),
            else_=nothing,
        ),
        "CommitmentDiscountType": ibis.cases(
            (plan.notnull(), ibis.literal("Savings Plan")),
            (reserved.notnull(), ibis.literal("Reserved Instance")),
            else_=nothing,
        ),
        "CommitmentDiscountStatus": when(bought.notnull(), status),
        "PricingCategory": ibis.cases(
            (one_of(kind, ("Tax", "Credit", "Refund")), nothing),
            (one_of(kind, (SAVINGS_PLAN, RESERVED, NEGATION)) | unused, ibis.literal("Committed")),
            (spot, ibis.literal("Dynamic")),
            else_=ibis.literal("Standard"),
        ),
    }  # fmt: skip


def _usage(columns: Columns, kind: Text) -> dict[str, Text]:
    use = one_of(kind, _USE)
    priced = use | one_of(kind, ("Fee", "RIFee", *PLAN_FEES))
    amount, unit = columns.text("lineitemusageamount"), columns.text("pricingunit")
    sku = when(priced, columns.text("productsku"))
    demand = ibis.coalesce(
        columns.text("pricingpublicondemandrate"),
        when(kind == "Usage", columns.text("lineitemunblendedrate")),
    )
    return {
        "ConsumedQuantity": when(use, amount),
        "ConsumedUnit": when(use & amount.notnull(), unit),
        "PricingQuantity": when(priced, amount),
        "PricingUnit": when(priced & amount.notnull(), unit),
        "ListUnitPrice": when(use, demand),
        "ContractedUnitPrice": when(
            one_of(kind, ("Usage", SAVINGS_PLAN)), columns.text("lineitemunblendedrate")
        ),
        "SkuId": sku,
        "SkuMeter": when(sku.notnull(), columns.text("lineitemusagetype")),
        "SkuPriceId": when(priced, columns.text("pricingrateid", "pricingratecode")),
    }


def _things(columns: Columns, kind: Text) -> dict[str, Text]:
    code = columns.text("lineitemproductcode")
    region = columns.text("productregioncode", "productregion")
    resource = columns.text("lineitemresourceid")
    family = columns.text("productproductfamily", "productservicecode")
    listed = services.AWS.items()
    where = when(kind.notnull(), columns.text("productlocation"))
    return {
        "ServiceName": ibis.coalesce(
            columns.text("productproductname", "productservicename"), code
        ),
        "ServiceCategory": word(
            code, {name: pair[0] for name, pair in listed}, ibis.literal(services.OTHER[0])
        ),
        "ServiceSubcategory": word(
            code, {name: pair[1] for name, pair in listed}, ibis.literal(services.OTHER[1])
        ),
        "RegionId": region,
        "RegionName": when(region.notnull(), ibis.coalesce(where, region)),
        "AvailabilityZone": columns.text("lineitemavailabilityzone"),
        "ResourceId": resource,
        "ResourceType": when(resource.notnull(), ibis.coalesce(family, code)),
    }


def _tags(columns: Columns) -> Text:
    """Tags as one JSON object; the key of a user's tag is told as the user wrote it."""
    if "resourcetags" in columns:
        return columns.text("resourcetags").re_replace(r'([{,]\s*")user[_:]', r"\1")
    keys = {
        _tag_key(name): columns.table[name]
        for name in columns.table.columns
        if plain(name).startswith("resourcetags")
    }
    if not keys:
        return ibis.null("string")
    return origin(keys.items())


def _tag_key(name: str) -> str:
    for start in ("resourceTags/user:", "resourceTags/", "resource_tags_user_", "resource_tags_"):
        if name.lower().startswith(start.lower()):
            return name[len(start) :]
    return name
