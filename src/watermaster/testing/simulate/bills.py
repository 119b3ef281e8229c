"""Bills as the providers deliver them: AWS as FOCUS 1.0 CSV, Azure as FOCUS 1.2 Parquet."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from watermaster.testing.simulate.calendar import DAY_S, HOUR_S
from watermaster.testing.simulate.cloud import MICRO, WHOLE, Bill, Line, share
from watermaster.testing.simulate.plan import Plan, slip
from watermaster.units.periods import parse_month

TAG_NOISE: Final = 0.05  # of rows: tags missing, or misspelt
CURRENCY: Final = "USD"
_NAMES: Final = {"aws": ("AWS", "Amazon Web Services, Inc."), "azure": ("Microsoft", "Microsoft")}


@dataclass(frozen=True, slots=True)
class Rows:
    """Bill rows as arrays: number of the line, which of its tags, period, list amount."""

    line: np.ndarray
    tags: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    micros: np.ndarray


def write_bill(plan: Plan, bill: Bill, told: tuple[str, str], path: Path, turn: int = 0) -> None:
    """One provider's bill of one month; `turn` draws other noise and another order of rows."""
    provider, month = told
    rows = _rows(plan, bill, provider, month, turn)
    columns = _columns(bill.lines, rows, provider, month)
    path.parent.mkdir(parents=True, exist_ok=True)
    if provider == "aws":
        _write_csv(columns, path)
    else:
        pq.write_table(pa.table(columns), path, compression="zstd")


def _rows(plan: Plan, bill: Bill, provider: str, month: str, turn: int) -> Rows:
    days = plan.when.days_of(month)
    mine = [n for n, line in enumerate(bill.lines) if line.provider == provider]
    on = np.array([bill.billed_on[n][days[0] : days[-1] + 1] for n in mine])
    amounts = np.array([bill.daily[n][days[0] : days[-1] + 1] for n in mine])
    place, day = np.nonzero(on)
    line, micros = np.array(mine)[place], amounts[place, day]
    start = plan.when.at(days[0]) + day * DAY_S
    hourly = np.array([one.hourly for one in bill.lines])[line]
    hours = np.where(hourly, 24, 1)
    at = np.repeat(np.arange(len(line)), hours)
    hour = np.arange(len(at)) - np.repeat(np.cumsum(hours) - hours, hours)
    lasts = np.where(hourly, HOUR_S, DAY_S)[at]
    begun = start[at] + hour * lasts
    seed = (plan.order.seed, turn, days[0], provider == "aws")
    dice = np.random.default_rng([int(n) for n in seed])
    tags = np.where(dice.random(len(at)) < TAG_NOISE, dice.integers(1, 3, len(at)), 0)
    held = Rows(line[at], tags, begun, begun + lasts, (micros // hours)[at])
    order = dice.permutation(len(at)) if turn else np.arange(len(at))
    return Rows(*(getattr(held, name)[order] for name in Rows.__dataclass_fields__))


def _columns(lines: Sequence[Line], rows: Rows, provider: str, month: str) -> dict[str, pa.Array]:
    def of(read: Any) -> pa.Array:
        """A text of each line, by row."""
        texts = pa.array([read(line) or None for line in lines], pa.string())
        return texts.take(pa.array(rows.line))

    period, count = parse_month(month), len(rows.line)
    name, publisher = _NAMES[provider]
    bill_start = pa.array(np.full(count, int(period.start.timestamp())))
    bill_end = pa.array(np.full(count, int(period.end.timestamp())))
    found = {
        "AvailabilityZone": pa.nulls(count, pa.string()),
        **_costs(lines, rows),
        "BillingAccountId": pa.repeat("700418230001", count),
        "BillingAccountName": pa.repeat("Halden Group", count),
        "BillingCurrency": pa.repeat(CURRENCY, count),
        "BillingPeriodStart": _moment(bill_start),
        "BillingPeriodEnd": _moment(bill_end),
        "ChargePeriodStart": _moment(pa.array(rows.start_s)),
        "ChargePeriodEnd": _moment(pa.array(rows.end_s)),
        "ChargeCategory": of(lambda line: line.category),
        "ChargeClass": of(lambda line: line.klass),
        "ChargeDescription": of(lambda line: line.description),
        "ChargeFrequency": of(lambda line: line.frequency),
        **_commitments(of),
        **_quantities(lines, rows, of),
        "PricingCategory": of(lambda line: line.pricing),
        "InvoiceIssuerName": pa.repeat(publisher, count),
        "ProviderName": pa.repeat(name, count),
        "PublisherName": pa.repeat(publisher, count),
        "RegionId": of(lambda line: line.region),
        "RegionName": of(lambda line: _REGIONS.get(line.region)),
        "ResourceId": of(lambda line: line.id),
        "ResourceName": of(lambda line: line.id.split("/")[-1]),
        "ResourceType": of(lambda line: line.type),
        "ServiceCategory": of(lambda line: line.group),
        "ServiceName": of(lambda line: line.service),
        "SkuId": of(lambda line: line.sku),
        "SkuPriceId": of(lambda line: line.sku and f"{line.sku}-{line.pricing or 'fee'}"),
        "SubAccountId": of(lambda line: line.account),
        "SubAccountName": of(lambda line: line.account and f"halden-{line.account[-3:]}"),
        "Tags": _tags(lines, rows),
    }
    return found | _own(provider, of, count)


_REGIONS: Final = {"eu-central-1": "Europe (Frankfurt)", "westeurope": "West Europe"}


def _own(provider: str, of: Any, count: int) -> dict[str, pa.Array]:
    """What only one of the providers delivers."""
    if provider == "aws":
        return {
            "x_Operation": of(lambda line: "RunInstances" if line.type else None),
            "x_UsageType": of(lambda line: line.meter),
        }
    return {
        "BillingAccountType": pa.repeat("Billing Account", count),
        "SubAccountType": pa.repeat("Subscription", count),
        "InvoiceId": pa.nulls(count, pa.string()),
        "PricingCurrency": pa.repeat(CURRENCY, count),
        "SkuMeter": of(lambda line: line.meter),
        "x_ResourceGroupName": of(lambda line: "rg-ml" if line.id else None),
    }


def _costs(lines: Sequence[Line], rows: Rows) -> dict[str, pa.Array]:
    found = {"ListCost": _decimal(share(rows.micros, WHOLE))}
    for column, name in (
        ("BilledCost", "billed"), ("EffectiveCost", "effective"), ("ContractedCost", "contracted")
    ):  # fmt: skip
        parts = np.array([getattr(line, name) for line in lines])[rows.line]
        found[column] = _decimal(rows.micros * parts // WHOLE)
    return found


def _commitments(of: Any) -> dict[str, pa.Array]:
    def known(line: Line, text: str) -> str | None:
        return text if line.commitment else None

    return {
        "CommitmentDiscountCategory": of(lambda line: known(line, "Spend")),
        "CommitmentDiscountId": of(lambda line: line.commitment),
        "CommitmentDiscountName": of(lambda line: known(line, line.commitment.split("/")[-1])),
        "CommitmentDiscountStatus": of(lambda line: line.status),
        "CommitmentDiscountType": of(lambda line: known(line, "Compute commitment")),
    }


def _quantities(lines: Sequence[Line], rows: Rows, of: Any) -> dict[str, pa.Array]:
    price = np.array([line.unit_price for line in lines])[rows.line]
    quantity = _decimal(np.abs(rows.micros) * 1000 // price * (MICRO // 1000))
    return {
        "ConsumedQuantity": quantity,
        "ConsumedUnit": of(lambda line: line.unit),
        "PricingQuantity": quantity,
        "PricingUnit": of(lambda line: line.unit),
        "ListUnitPrice": _decimal(price),
        "ContractedUnitPrice": _decimal(
            price * np.array([line.contracted for line in lines])[rows.line] // WHOLE
        ),
    }


def _decimal(micros: np.ndarray) -> pa.Array:
    whole = pa.array(micros.astype(np.int64)).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(Decimal("0.000001"), pa.decimal128(7, 6)))


def _moment(seconds: pa.Array) -> pa.Array:
    return pc.multiply(seconds, 1_000_000).cast(pa.timestamp("us", "UTC"))


def _tags(lines: Sequence[Line], rows: Rows) -> pa.Array:
    """As tagged, missing, or misspelt; lines without a workload stay as they are."""
    texts = [text for line in lines for text in _spellings(line)]
    return pa.array(texts, pa.string()).take(pa.array(rows.line * 3 + rows.tags))


def _spellings(line: Line) -> tuple[str | None, str | None, str | None]:
    own = _json(line.tags)
    if line.workload is None or not line.tags:
        return own, own, own
    return own, None, _json({"workload": slip(line.tags["workload"])})


def _json(tags: Mapping[str, str]) -> str | None:
    return json.dumps(dict(tags), sort_keys=True) if tags else None


def _write_csv(columns: dict[str, pa.Array], path: Path) -> None:
    texts = {}
    for name, values in columns.items():
        if pa.types.is_timestamp(values.type):
            whole = values.cast(pa.timestamp("s", "UTC"))
            texts[name] = pc.strftime(whole, format="%Y-%m-%dT%H:%M:%SZ")
        else:
            texts[name] = values.cast(pa.string())
    with pa.CompressedOutputStream(str(path), "gzip") as out:
        csv.write_csv(pa.table(texts), out)
