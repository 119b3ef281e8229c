"""Where the money flows: from provider through platform and unit to what it went into."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from watermaster.decide.cost.activity import activity
from watermaster.decide.cost.by import SUM, Cost, dimension
from watermaster.model.decision import Decision
from watermaster.model.overview import Link
from watermaster.model.tables import Table, ibis

RULE: Final = "cost-flow/1"
STEPS: Final = ("provider", "platform", "unit", "activity")
MOST: Final = 9  # names of one step that can be drawn apart


def flow(allocations: Table, cost: Cost) -> Decision:
    """Cost by all four steps.

    returns: provider, platform, unit (null: has none), activity, currency, cost decimal(38, 15).
    """
    keys = {name: dimension(allocations, name) for name in STEPS[:-1]}
    summed = allocations.group_by(
        **keys, activity=activity(allocations), currency=allocations.billing_currency
    ).agg(cost=allocations[cost.column].sum().cast(SUM))
    order = [ibis.desc("cost"), *(ibis.asc(name) for name in STEPS), ibis.asc("currency")]
    why = f"The {cost.value} cost of every allocation, from {' to '.join(STEPS)}."
    return Decision(rule=RULE, rows=summed.order_by(order), why=why)


def links(rows: Iterable[Mapping[str, object]]) -> list[Link]:
    """Rows of `flow` as cost between each two neighbouring steps, the largest first."""
    summed: dict[tuple[int, str | None, str | None], Decimal] = defaultdict(Decimal)
    for row in rows:
        amount = row["cost"]
        if isinstance(amount, Decimal):
            for step, (one, other) in enumerate(itertools.pairwise(STEPS)):
                summed[step, _text(row[one]), _text(row[other])] += amount
    found = [
        Link(step=step, start=start, end=end, cost=cost)
        for (step, start, end), cost in summed.items()
    ]
    return sorted(found, key=lambda link: (link.step, -link.cost, str(link.start), str(link.end)))


def folded(found: Sequence[Link], rest: str) -> list[Link]:
    """Links in which the smaller names of a step, beyond MOST, are one name, `rest`."""
    size: dict[tuple[int, str | None], Decimal] = defaultdict(Decimal)
    for link in found:
        size[link.step, link.start] += link.cost
        if link.step == len(STEPS) - 2:
            size[link.step + 1, link.end] += link.cost
    kept: set[tuple[int, str | None]] = set()
    for step in range(len(STEPS)):
        names = sorted((n for n in size if n[0] == step), key=lambda n: (-size[n], str(n[1])))
        kept |= set(names if len(names) <= MOST else names[: MOST - 1])
    summed: dict[tuple[int, str | None, str | None], Decimal] = defaultdict(Decimal)
    for link in found:
        start = link.start if (link.step, link.start) in kept else rest
        end = link.end if (link.step + 1, link.end) in kept else rest
        summed[link.step, start, end] += link.cost
    return [Link(step=s, start=a, end=b, cost=cost) for (s, a, b), cost in summed.items()]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
