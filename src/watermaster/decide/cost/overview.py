"""The figures of the first page: a month of cost and GPU use, and the finding they make."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from watermaster.decide.cost.activity import activity
from watermaster.decide.cost.by import SUM, Cost, dimension
from watermaster.model.overview import Said, Thing
from watermaster.model.tables import Column, Table, ibis
from watermaster.units.money import compact, signed
from watermaster.units.text import month_name, share, short_month

RULE: Final = "overview/1"
SAME: Final = Decimal("0.005")  # less is no change worth a title


def spend_by_month(allocations: Table, cost: Cost) -> Table:
    """month, currency, and of its cost: total, idle, unallocated, unmeasured, unused."""
    amount, kind = allocations[cost.column], allocations.kind
    unused = allocations.rule.startswith("commitment-unused")

    def part(where: Column) -> Column:
        return amount.sum(where=where).cast(SUM)

    return allocations.group_by(
        month=allocations.billing_month, currency=allocations.billing_currency
    ).agg(
        total=amount.sum().cast(SUM),
        idle=part(kind == "idle"),
        unallocated=part(kind == "unallocated"),
        unmeasured=part(kind == "unmeasured"),
        unused=part(unused),
    )


def spend_by_day(allocations: Table, cost: Cost) -> Table:
    """Cost by day of use (YYYY-MM-DD), activity, and whether it is for use.

    Tax, fees, purchases and credits come once a month and would dwarf the days.
    """
    is_use = ibis.coalesce(allocations.charge_category, "Usage") == "Usage"
    return allocations.group_by(
        day=dimension(allocations, "day"), activity=activity(allocations), is_use=is_use
    ).agg(cost=allocations[cost.column].sum().cast(SUM))


def thing_by_day(allocations: Table, cost: Cost) -> Table:
    """workload, day of use, cost, and cost x utilisation where it was measured."""
    owned = allocations.filter(allocations.workload.notnull())
    amount = owned[cost.column].cast("float64")
    used = owned.utilisation.cast("float64")
    return owned.group_by("workload", day=dimension(owned, "day")).agg(
        cost=owned[cost.column].sum().cast(SUM),
        used=(amount * used).sum(),
        measured=amount.sum(where=used.notnull()),
    )


def unowned(allocations: Table, cost: Cost) -> Table:
    """What nobody owns, the largest first: rule, provider, service, cost."""
    rows = allocations.filter(allocations.kind == "unallocated")
    summed = rows.group_by("rule", "provider", "service").agg(
        cost=rows[cost.column].sum().cast(SUM)
    )
    return summed.order_by(ibis.desc("cost"), "rule", "provider", "service")


def supply_by_month(gpu_supply: Table) -> Table:
    """month, supplied_s: GPU-seconds healthy and open to work."""
    return gpu_supply.group_by(month=gpu_supply.day[:7]).agg(
        supplied_s=gpu_supply.schedulable_s.sum().cast("int64")
    )


def use_by_month(gpu_hours: Table) -> Table:
    """month, reserved_s, and of what was measured: used_s and measured_s."""
    return gpu_hours.group_by(month=gpu_hours.day[:7]).agg(
        reserved_s=gpu_hours.reserved_s.sum().cast("int64"),
        used_s=gpu_hours.used_s.sum().cast("int64"),
        measured_s=gpu_hours.reserved_s.sum(where=gpu_hours.used_s.notnull()).cast("int64"),
        field=gpu_hours.utilisation_field.max(),
    )


def use_by_hour(gpu_hours: Table, gpu_supply: Table) -> Table:
    """platform, hour of day (0..23 UTC), supplied_s, reserved_s (null: none seen)."""
    supplied = gpu_supply.group_by("platform", hour=gpu_supply.hour.hour()).agg(
        supplied_s=gpu_supply.schedulable_s.sum().cast("int64")
    )
    reserved = gpu_hours.group_by("platform", hour=gpu_hours.hour.hour()).agg(
        reserved_s=gpu_hours.reserved_s.sum().cast("int64")
    )
    both = supplied.left_join(reserved, ["platform", "hour"])
    return both.select("platform", "hour", "supplied_s", "reserved_s").order_by("platform", "hour")


def ratio(part: int | Decimal | None, whole: int | Decimal | None) -> Decimal | None:
    """A share, as far as both are known and there is a whole."""
    if part is None or not whole:
        return None
    return Decimal(part) / Decimal(whole)


def finding(
    month: str, now: Decimal, before: Decimal | None, currency: str, so_far: str | None
) -> str:
    """The title of the month: what it cost, against the month before.

    so_far: the last day with cost, while the month is not over.
    """
    if so_far is not None:
        return f"{month_name(month)} has cost {compact(now, currency)} up to {so_far}"
    if before is None:
        return f"{month_name(month)} cost {compact(now, currency)}"
    name, last = short_month(month), short_month(_before(month))
    if abs(now - before) <= abs(before) * SAME:
        return f"{name} cost as much as {last}: {compact(now, currency)}"
    word = "more" if now > before else "less"
    return f"{name} cost {compact(abs(now - before), currency)} {word} than {last}"


def lede(
    total: Decimal, before: Decimal | None, movers: Sequence[Thing], currency: str
) -> list[Said]:
    """What was spent, and what explains the change."""
    said = [Said("Spend was "), Said(compact(total, currency), "strong")]
    if before is None or not movers:
        return [*said, Said(". ")]
    change, first = total - before, movers[0]
    said += [Said(" after "), Said(compact(before, currency), "strong"), Said(". ")]
    part = ratio(first.change, change)
    if part is not None and Decimal("0.1") <= part <= 1:
        way = "rise" if change > 0 else "fall"
        said += [Said(first.name, "strong", first.wanted)]
        return [*said, Said(f" explains {share(part)} of the {way}. ")]
    said += [Said("The largest change is "), Said(first.name, "strong", first.wanted)]
    return [*said, Said(f", {signed(first.change, currency)}. ")]


def lede_of_waste(idle: Decimal | None, unallocated: Decimal | None, currency: str) -> list[Said]:
    """What lay idle and what nobody owns."""
    said = []
    if idle:
        said += [Said(compact(idle, currency), "strong", {"kind": ("idle",)}), Said(" lay idle")]
    if unallocated:
        said += [Said(" and " if said else "")]
        said += [Said(compact(unallocated, currency), "bad", {"kind": ("unallocated",)})]
        said += [Said(" has no owner")]
    return [*said, Said(".")] if said else []


def _before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def month_before(month: str) -> str:
    """The calendar month before a month.

    >>> month_before("2026-01"), month_before("2026-10")
    ('2025-12', '2026-09')
    """
    return _before(month)
