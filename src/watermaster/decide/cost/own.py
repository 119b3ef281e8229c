"""Own hardware becomes charges in FOCUS terms: one per pool, day and component of its cost.

A day follows the declaration that holds when it begins (UTC).
- capex: straight line, (amount - residual) over the days of its term;
- power: joules x PUE x tariff of the local hour, by hour. An hour with measured energy counts the
  joules measured, and rated watts for GPU-seconds reserved without any; an hour without counts
  rated watts for every GPU of the pool;
- space, staff: the month's amount over the days of the month.
A commitment no bill carries is spread in the same way: `upfront` over its term, `per_month` over
the days of each month. What a pool's bills carry is never declared too: model/resources.py.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final
from zoneinfo import ZoneInfo

from watermaster.decide.cost.claims import commitment_source, own_resource_id
from watermaster.decide.cost.split import due
from watermaster.decide.cost.targets import Scope
from watermaster.model.estate import Estate, holds
from watermaster.model.pools import PerMonth, PoolSpec, Power
from watermaster.model.resources import CommitmentSpec, Resource
from watermaster.model.shapes import COSTS
from watermaster.model.tables import Table, ibis
from watermaster.units.periods import days_of, months_after, parse_month

RULE: Final = "own-cost/1"
PREFIX: Final = "own:"
COMPONENTS: Final = ("capex", "power", "space", "staff", "upfront", "per-month")
ROWS_A_DAY: Final = 10
HOUR_S: Final = 3600
JOULES_A_KWH: Final = 3_600_000
Charge = dict[str, object]


@dataclass(frozen=True, slots=True)
class Energy:
    """What was measured of a pool in one hour."""

    measured_j: int
    unmetered_s: int  # GPU-seconds reserved whose energy was not measured


def own_scopes(estate: Estate) -> list[Scope]:
    """Every version of every pool, numbered as `own_charges` asks for its energy."""
    return [
        Scope(number, version.resource, None, 0, 0, 0, 0)
        for number, version in enumerate(estate.of("Pool"))
    ]


def energy_by_hour(gpu_hours: Table, nodes: Table) -> Table:
    """Energy of each scope: target, hour (hours since 1970), measured_j, unmetered_s.

    gpu_hours: as in model/shapes.py; nodes: platform, node, target. Only hours with a measured
    joule are there.
    """
    inside = gpu_hours.inner_join(nodes, ["platform", "node"])
    placed = inside.mutate(hour=(inside.hour.epoch_seconds() // HOUR_S).cast("int64"))
    found = placed.group_by("target", "hour").agg(
        measured_j=placed.energy_j.sum().cast("int64"),
        unmetered_s=ibis.ifelse(placed.energy_j.isnull(), placed.reserved_s, 0).sum().cast("int64"),
    )
    return found.filter(found.measured_j.notnull())


def own_charges(
    estate: Estate, days: Iterable[dt.date], energy: Mapping[tuple[int, int], Energy]
) -> Iterator[Charge]:
    """The charges of all pools and unbilled commitments on `days`, as rows of `charges`.

    energy: (number of `own_scopes`, hour since 1970) to what was measured then.
    """
    pools = estate.of("Pool")
    commitments = [v for v in estate.of("Commitment") if not v.resource.spec.billed]
    for day in days:
        begun = dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
        for number, version in enumerate(pools):
            if holds(version, begun):
                yield from _pool_day(version.resource, begun, number, energy)
        for version in commitments:
            if holds(version, begun):
                yield from _commitment_day(version.resource, begun)


def _pool_day(
    pool: Resource, begun: dt.datetime, number: int, energy: Mapping[tuple[int, int], Energy]
) -> Iterator[Charge]:
    spec: PoolSpec = pool.spec
    day, cost, name = begun.date(), spec.cost, pool.metadata.name
    source = own_resource_id(name)
    common = {
        "resource_id": source,
        "resource_name": name,
        "resource_type": "GPU pool",
        "service_name": "Own GPU pool",
        "provider_name": "own",
        "publisher_name": "own",
        "invoice_issuer_name": "own",
        "sub_account_id": spec.platform,
        "sub_account_name": spec.platform,
        "sub_account_type": "Platform",
        "billing_currency": cost.currency,
    }
    if cost.capex is not None:
        term = (cost.capex.start, months_after(cost.capex.start, cost.capex.months))
        amount = _straight_line(cost.capex.amount - cost.capex.residual, term, day)
        if term[0] <= day < term[1]:
            yield _charge(source, begun, "capex", amount) | common
    if cost.power is not None:
        joules = _joules(spec, cost.power, begun, number, energy)
        amount, kwh = _power(cost.power, joules)
        used = {"consumed_quantity": kwh, "consumed_unit": "kWh"}
        yield _charge(source, begun, "power", amount) | common | used
    for component, fixed in (("space", cost.space), ("staff", cost.staff)):
        if fixed is not None:
            yield _charge(source, begun, component, _of_month(fixed, day)) | common


def _commitment_day(commitment: Resource, begun: dt.datetime) -> Iterator[Charge]:
    spec: CommitmentSpec = commitment.spec
    day, name = begun.date(), commitment.metadata.name
    term = (spec.start, months_after(spec.start, spec.months))
    if not term[0] <= day < term[1]:
        return
    source = commitment_source(name)
    common = {
        "resource_id": source if spec.pool is None else own_resource_id(spec.pool),
        "resource_name": name,
        "resource_type": "Commitment",
        "service_name": "Commitment",
        "provider_name": spec.provider,
        "publisher_name": spec.provider,
        "invoice_issuer_name": spec.provider,
        "sub_account_id": spec.commitment_id,
        "commitment_discount_id": spec.commitment_id,
        "commitment_discount_name": name,
        "billing_currency": spec.currency,
    }
    if spec.upfront:
        yield _charge(source, begun, "upfront", _straight_line(spec.upfront, term, day)) | common
    if spec.per_month:
        amount = _of_month(PerMonth(per_month=spec.per_month), day)
        yield _charge(source, begun, "per-month", amount) | common


def _charge(source: str, begun: dt.datetime, component: str, amount: Decimal) -> Charge:
    month = begun.strftime("%Y-%m")
    period = parse_month(month)
    row = begun.date().toordinal() * ROWS_A_DAY + COMPONENTS.index(component) + 1
    return dict.fromkeys(COSTS, amount) | {
        "source": source,
        "billing_month": month,
        "part": "",
        "charge_file": hashlib.sha256(source.encode()).hexdigest()[:16],
        "charge_row": row,
        "charge_category": "Usage",
        "charge_frequency": "Usage-Based" if component == "power" else "Recurring",
        "charge_description": component,
        "sku_meter": component,
        "service_category": "Compute",
        "billing_account_id": "own",
        "billing_account_name": "Own hardware and contracts",
        "billing_period_start": _naive(period.start),
        "billing_period_end": _naive(period.end),
        "charge_period_start": _naive(begun),
        "charge_period_end": _naive(begun + dt.timedelta(days=1)),
    }


def _straight_line(amount: Decimal, term: tuple[dt.date, dt.date], day: dt.date) -> Decimal:
    whole, before = (term[1] - term[0]).days, (day - term[0]).days
    return due(amount, before + 1, whole) - due(amount, before, whole)


def _of_month(fixed: PerMonth, day: dt.date) -> Decimal:
    whole = len(list(days_of(parse_month(day.strftime("%Y-%m")))))
    return due(fixed.per_month, day.day, whole) - due(fixed.per_month, day.day - 1, whole)


def _joules(
    spec: PoolSpec,
    power: Power,
    begun: dt.datetime,
    number: int,
    energy: Mapping[tuple[int, int], Energy],
) -> Iterator[tuple[dt.datetime, Decimal]]:
    """Each hour of the day with the joules its GPUs drew."""
    for step in range(24):
        hour = begun + dt.timedelta(hours=step)
        seen = energy.get((number, int(hour.timestamp()) // HOUR_S))
        if seen is None:
            yield hour, power.rated_watts_per_gpu * spec.count * HOUR_S
        else:
            yield hour, seen.measured_j + power.rated_watts_per_gpu * seen.unmetered_s


def _power(power: Power, joules: Iterable[tuple[dt.datetime, Decimal]]) -> tuple[Decimal, Decimal]:
    """Cost and kWh, PUE included, of joules drawn hour by hour."""
    zone = ZoneInfo(power.time_zone)
    cost = drawn = Decimal(0)
    with localcontext(prec=60):
        for hour, amount in joules:
            drawn += amount * power.pue
            cost += amount * power.pue * _price(power, hour.astimezone(zone).hour)
        return _rounded(cost / JOULES_A_KWH), _rounded(drawn / JOULES_A_KWH)


def _price(power: Power, local_hour: int) -> Decimal:
    """The record sees to it that every hour has a tariff; the first that holds counts."""
    holding = (t for t in power.tariff if t.hours is None or local_hour in t.hours)
    return next(holding).price_per_kwh


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("1e-15"), rounding=ROUND_HALF_UP)


def _naive(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=None)
