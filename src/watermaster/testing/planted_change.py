"""Two months of cost with one planted cause of change amid noise."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from watermaster.model.moved import Cause

SUBJECTS: Final = 40
SKUS: Final = 12
NOISE: Final = 0.03  # standard deviation of the volume of each line
CAUSES: Final = (Cause.PRICE, Cause.VOLUME, Cause.MIX, Cause.NEW, Cause.GONE)


@dataclass(frozen=True, slots=True)
class Planted:
    """What was planted, and the rows that show it, as decide/review/moved.quantities has them."""

    cause: Cause
    subject: str  # of a price: the SKU
    rows: list[Mapping[str, Any]]


def planted_change(seed: int) -> Planted:
    """Forty workloads that each pay for one to four SKUs of a shared list, with noise.

    The cause goes to a workload of the dearer half (a price to a SKU it pays): +-15% to 40% of a
    price, a volume by 1.5 to 3 or to a half and less, half or more of the units moved between the
    cheapest SKU and one of the dearest, or all its cost come or gone.
    """
    dice = random.Random(seed)
    cause = CAUSES[seed % len(CAUSES)]
    price = {f"sku-{n:02}": round(dice.uniform(0.5, 12), 4) for n in range(SKUS)}
    lines = {
        f"work-{n:02}": {
            sku: dice.lognormvariate(5.5, 0.8)
            for sku in dice.sample(sorted(price), dice.randint(1, 4))
        }
        for n in range(SUBJECTS)
    }
    cost = {name: sum(price[sku] * q for sku, q in held.items()) for name, held in lines.items()}
    dear = sorted(cost, key=lambda name: -cost[name])[: SUBJECTS // 2]
    subject = dice.choice(dear)
    then = {name: dict(held) for name, held in lines.items()}
    now = {
        name: {sku: q * max(0.2, dice.gauss(1, NOISE)) for sku, q in held.items()}
        for name, held in lines.items()
    }
    new_price = dict(price)
    told = subject
    if cause is Cause.PRICE:
        told = max(lines[subject], key=lambda sku: price[sku] * lines[subject][sku])
        new_price[told] *= 1 + dice.choice((-1, 1)) * dice.uniform(0.15, 0.4)
    elif cause is Cause.VOLUME:
        factor = dice.choice((dice.uniform(1.5, 3), dice.uniform(0.2, 0.5)))
        now[subject] = {sku: q * factor for sku, q in now[subject].items()}
    elif cause is Cause.MIX:
        _mixed(dice, price, then[subject], now[subject])
    elif cause is Cause.NEW:
        then[subject] = {}
    else:
        now[subject] = {}
    return Planted(cause, told, _rows(then, now, price, new_price))


def _mixed(
    dice: random.Random, price: Mapping[str, float], then: dict[str, float], now: dict[str, float]
) -> None:
    """Half or more of the units go from the cheapest SKU to one of the dearest, or back."""
    low = min(price, key=lambda sku: price[sku])
    dearer = sorted(price, key=lambda sku: -price[sku])
    high = dice.choice(dearer[:3])  # of twelve, far above the cheapest
    units = sum(then.values())
    then.clear()
    now.clear()
    share = dice.uniform(0.5, 0.8)
    first, second = (low, high) if dice.random() < 0.5 else (high, low)
    then |= {first: units * 0.9, second: units * 0.1}
    now |= {first: units * (0.9 - share), second: units * (0.1 + share)}


def _rows(
    then: Mapping[str, Mapping[str, float]],
    now: Mapping[str, Mapping[str, float]],
    price: Mapping[str, float],
    new_price: Mapping[str, float],
) -> list[Mapping[str, Any]]:
    return [
        {
            "workload": name, "kind": None, "team": None, "pool": None, "service_of": None,
            "currency": "USD", "provider": "aws", "service": "Compute", "sku": sku,
            "pricing": "Standard", "unit": "Hours",
            "cost_before": _exact(then[name].get(sku, 0.0) * price[sku]),
            "cost_now": _exact(now[name].get(sku, 0.0) * new_price[sku]),
            "quantity_before": _exact(then[name].get(sku, 0.0)),
            "quantity_now": _exact(now[name].get(sku, 0.0)),
        }
        for name in then
        for sku in sorted({*then[name], *now[name]})
    ]  # fmt: skip


def _exact(value: float) -> Decimal:
    return Decimal(str(round(value, 9)))
