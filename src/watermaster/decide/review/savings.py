"""What a fix really saved: what it would have cost without it, less what it did cost.

Counterfactual: unit cost before x volume after x price after, by day. Why it is reckoned so, and
what is not a saving: docs/why/what-would-have-been.md.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import numpy as np

from watermaster.decide.review.forecast import Driver, Forecast, Numbers, fit
from watermaster.model.savings import NOTHING, Effect, Interval, Realised

RULE: Final = "savings/1"
BEFORE_DAYS: Final = 56  # at most: whole weeks
LEAST_BEFORE: Final = 14  # fewer days tell of no unit cost
KNOWN: Final = 0.9  # of the days before must have a volume, for it to be the unit
CREEPS: Final = (-0.08, -0.05, -0.025, 0.0, 0.025, 0.05, 0.08)  # of unit cost, a month
CREEP: Final = 0.03  # standard deviation of what is expected of it, before any day was seen
MONTH_DAYS: Final = 30.4375
DAY: Final = "day"
DAY_PRIOR: Final = 0.2  # that cost stands still whatever is asked, before any day was seen
_MICRO: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """One subject by day, nan where a figure is not known; all arrays of one length."""

    first: dt.date
    cost: Numbers
    price: Numbers  # of what it consumes, at any level: only its changes count
    volumes: Mapping[str, Numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """When a fix was done and, perhaps, undone. Neither day counts: it is half of each."""

    on: dt.date
    effect: Effect
    undone: dt.date | None = None


@dataclass(frozen=True, slots=True)
class _Basis:
    """The days before, price relative to them, and what the cost may follow."""

    before: Numbers
    price: Numbers
    is_price_known: bool
    drivers: tuple[Driver, ...]


def realised(daily: Daily, mended: Mended) -> Realised | None:
    """None where fewer than two weeks before, or no day after, can be counted.

    A fix that removes is counted by the day: what nobody can ask any more has no volume, so it is
    what it was. One that lowers is counted by the volume its cost follows; days without volume
    have no unit cost and are not counted.
    """
    basis = _basis(daily, mended)
    if basis is None:
        return None
    figures = daily.cost[basis.before] / basis.price[basis.before]
    if not figures.any():
        return None  # what cost nothing saves nothing that could be told
    weekdays = np.asarray((daily.first.weekday() + np.arange(len(daily.cost))) % 7)
    told = fit(basis.before, figures, weekdays, basis.drivers)
    after = _after(daily, mended, told)
    if not len(after) and mended.undone is None:
        return None
    return _told(daily, mended, basis, (told, after))


def _basis(daily: Daily, mended: Mended) -> _Basis | None:
    days = np.arange(len(daily.cost))
    on = (mended.on - daily.first).days
    known = ~np.isnan(daily.cost)
    before = days[(days < on) & (days >= on - BEFORE_DAYS) & known]
    volumes = {}
    if mended.effect is Effect.LOWERS:
        volumes = dict(_followed(daily, before))
    for volume in volumes.values():
        before = before[volume[before] > 0]
    if len(before) < LEAST_BEFORE:
        return None
    price, is_known = _carried(daily.price)
    price = price / float(price[before].mean())
    return _Basis(before, price, is_known, tuple(_drivers(volumes, before, len(days))))


def _followed(daily: Daily, before: Numbers) -> Iterator[tuple[str, Numbers]]:
    """Volumes that cost may follow: known on most days, and never 0 while it cost."""
    for name, volume in daily.volumes.items():
        held = volume[before]
        known = ~np.isnan(held)
        if known.any() and known.mean() >= KNOWN and (held[known] > 0).all():
            yield name, volume


def _drivers(volumes: Mapping[str, Numbers], before: Numbers, count: int) -> Iterator[Driver]:
    """Each unit, or the day alone, with each creep: nobody knows them before the days are seen.

    The day needs evidence: what is asked less afterwards must not look like a saving.
    """
    units = {name: ((1 - DAY_PRIOR) / len(volumes), held) for name, held in volumes.items()}
    units[DAY] = DAY_PRIOR if volumes else 1.0, np.ones(count)
    months = (np.arange(count) - float(before.mean())) / MONTH_DAYS
    priors = np.exp(-((np.array(CREEPS) / CREEP) ** 2) / 2)
    for name, (likely, volume) in units.items():
        for creep, prior in zip(CREEPS, priors / priors.sum(), strict=True):
            yield Driver(name, volume * np.exp(creep * months), likely * float(prior))


def _carried(price: Numbers) -> tuple[Numbers, bool]:
    """Days without a price have that of the day before; with none at all it never changed."""
    known = np.flatnonzero(~np.isnan(price) & (price > 0))
    if not len(known):
        return np.ones(len(price)), False
    places = np.searchsorted(known, np.arange(len(price)), side="right") - 1
    return price[known[np.maximum(places, 0)]], True


def _after(daily: Daily, mended: Mended, told: Forecast) -> Numbers:
    """The days since the fix, and before it was undone, that can be counted."""
    days = np.arange(len(daily.cost))
    counted = (days > (mended.on - daily.first).days) & ~np.isnan(daily.cost)
    if mended.undone is not None:
        counted &= days < (mended.undone - daily.first).days
    for name in told.by_driver:
        if name != DAY:
            counted &= np.nan_to_num(daily.volumes[name]) > 0
    return days[counted]


def _told(
    daily: Daily, mended: Mended, basis: _Basis, fitted: tuple[Forecast, Numbers]
) -> Realised:
    told, after = fitted
    weights = basis.price[after]
    saving = _interval(told, after, weights, daily.cost[after])
    spent = _money(float(daily.cost[after].sum()))
    would = _money(told.mean(after, weights))
    at_old_price = _money(told.mean(after, np.ones(len(after))))
    before = _money(float(daily.cost[basis.before].mean()) * len(after))
    shares = told.by_driver
    return Realised(
        saving=replace(saving, amount=would - spent),
        by_month=dict(_months(daily, mended, (told, after, weights))),
        before=before,
        volume=at_old_price - before,
        price=would - at_old_price,
        actual=spent,
        unit=max(shares, key=lambda name: (shares[name], name)),
        before_days=len(basis.before),
        after_days=len(after),
        is_price_known=basis.is_price_known,
        why=_why(mended, basis, shares, len(after)),
    )


def _months(
    daily: Daily, mended: Mended, fitted: tuple[Forecast, Numbers, Numbers]
) -> Iterator[tuple[str, Interval]]:
    """Every month since the fix; from the day it was undone nothing is saved."""
    told, after, weights = fitted
    names = np.array([f"{daily.first + dt.timedelta(int(day)):%Y-%m}" for day in after])
    start = (mended.on - daily.first).days + 1
    every = [daily.first + dt.timedelta(day) for day in range(start, len(daily.cost))]
    for name in dict.fromkeys(f"{day:%Y-%m}" for day in every):
        mine = names == name
        if mine.any():
            yield name, _interval(told, after[mine], weights[mine], daily.cost[after[mine]])
        elif mended.undone is not None and name >= f"{mended.undone:%Y-%m}":
            yield name, NOTHING


def _interval(told: Forecast, days: Numbers, weights: Numbers, actual: Numbers) -> Interval:
    if not len(days):
        return NOTHING
    spent = float(actual.sum())
    would = told.quantiles(days, weights, (0.025, 0.1, 0.9, 0.975))
    low95, low, high, high95 = (_money(float(one) - spent) for one in would)
    amount = _money(told.mean(days, weights) - spent)
    return Interval(amount=amount, low=low, high=high, low95=low95, high95=high95)


def _money(amount: float) -> Decimal:
    return Decimal(repr(float(amount))).quantize(_MICRO)


def _why(mended: Mended, basis: _Basis, shares: Mapping[str, float], after: int) -> str:
    units = sorted(shares, key=lambda name: -shares[name])
    per = " and ".join(
        f"{'a day' if name == DAY else f'per unit of {name}'} ({shares[name]:.0%})"
        for name in units
    )  # fmt: skip
    priced = "price and volume apart" if basis.is_price_known else "its price is not known"
    told = f"cost {per} of {len(basis.before)} days before {mended.on}, held against {after} since"
    undone = f"; nothing from {mended.undone} on, when it was undone" if mended.undone else ""
    return f"{told}, {priced}{undone}."
