"""Accelerators of one type, and what they cost: from bills, or declared."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from watermaster.model.record import Currency, Day, Money, Name, Record, Selector, TimeZone


class Capex(Record):
    """Straight line: (amount - residual) spread over the days of `months` from `from`."""

    amount: Money
    residual: Money = Decimal(0)
    start: Day = Field(alias="from")
    months: int = Field(gt=0, le=240)

    @model_validator(mode="after")
    def _residual_is_a_part(self) -> "Capex":
        if self.residual > self.amount:
            msg = f"residual {self.residual} is over the amount {self.amount}; write less"
            raise ValueError(msg)
        return self


class Tariff(Record):
    """Price of a kilowatt-hour in some hours of the local day; the first that holds counts."""

    price_per_kwh: Money
    hours: list[Annotated[int, Field(ge=0, le=23)]] | None = Field(
        None, min_length=1, description="local hours 0..23; none: all"
    )


class Power(Record):
    """Energy x PUE x tariff. Measured joules where telemetry has them, else rated watts."""

    rated_watts_per_gpu: Decimal = Field(gt=0, description="whole server share, at full load")
    pue: Decimal = Field(Decimal("1.0"), ge=1)
    tariff: list[Tariff] = Field(min_length=1)
    time_zone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _every_hour_has_a_price(self) -> "Power":
        priced = {hour for tariff in self.tariff for hour in tariff.hours or range(24)}
        left = [str(hour) for hour in range(24) if hour not in priced]
        if left:
            msg = f"tariff has no price for the hours {', '.join(left)}; add one without hours"
            raise ValueError(msg)
        return self


class PerMonth(Record):
    """A fixed amount a calendar month, spread over its days."""

    per_month: Money


PARTS: Final = ("capex", "power", "space", "staff")


class PoolCost(Record):
    """Each component EITHER from bills OR declared, never both."""

    bills: list[Selector] = Field([], description="bill rows that are this pool's cost")
    covers: list[Literal["capex", "power", "space", "staff"]] = Field(
        [], description="which components the bills carry; those may not be declared too"
    )
    capex: Capex | None = None
    power: Power | None = None
    space: PerMonth | None = None
    staff: PerMonth | None = None
    currency: Currency = "USD"

    @model_validator(mode="after")
    def _never_both(self) -> "PoolCost":
        both = [part for part in self.covers if getattr(self, part) is not None]
        if both:
            msg = f"{', '.join(both)}: from bills and declared; keep one of the two"
            raise ValueError(msg)
        if self.covers and not self.bills:
            msg = "covers names components but there are no bills; add bills: [selector]"
            raise ValueError(msg)
        declared = [part for part in PARTS if getattr(self, part) is not None]
        if self.bills and declared and not self.covers:
            msg = (
                f"bills are there beside a declared {', '.join(declared)}; "
                "say in covers which components the bills carry"
            )
            raise ValueError(msg)
        return self


class PoolSpec(Record):
    """Accelerators of one type on a Platform. `metadata.owner` pays for what lies idle."""

    platform: Name
    accelerator: str = Field(description="e.g. H100, L40S")
    count: int = Field(gt=0, description="accelerators when complete")
    gpus_per_node: int = Field(8, gt=0)
    nodes: list[str] = Field([], description="node names, shell patterns; none: all of platform")
    partitions: list[str] = Field([], description="partitions or node pools as seen")
    node_resources: dict[str, str] = Field(
        {}, description="node name to the ResourceId its bill carries (provider id)"
    )
    purchase: Literal["owned", "commitment", "on-demand", "spot"] = "owned"
    supply: Literal["observed", "declared"] = Field(
        "observed", description="declared: count x time is taken as supplied, and marked so"
    )
    weights: dict[str, int] = Field(
        {}, description="GPU model to relative weight of its GPU-second, where a node has several"
    )
    cost: PoolCost = PoolCost()
