"""Shared costs: even, by fixed shares, by cost, by a usage figure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import ibis

from watermaster.decide.cost.targets import Rule
from watermaster.model.resources import SplitBy
from watermaster.model.tables import Table

FIXED_UNITS: Final = Decimal(10) ** 10
KEY: Final = ("target", "start_s", "end_s")
SCHEMA: Final = ibis.schema(
    {"target": "int32", "start_s": "int64", "end_s": "int64", "owner": "int32", "weight": "int64"}
)


def constant_weights(rules: Mapping[int, Rule]) -> Table:
    """Weights that hold at any time: even, and fixed shares (in 1e-10)."""
    rows = []
    for number, held in rules.items():
        shares = held.rule.spec.shares
        if held.rule.spec.split in {SplitBy.EVEN, SplitBy.FIXED}:
            rows += [
                (number, 0, 0, owner, int(shares.get(name, Decimal(1)) * FIXED_UNITS))
                for name, owner in held.owners.items()
            ]
    return ibis.memtable(rows, schema=SCHEMA)


def monthly_weights(
    rules: Mapping[int, Rule], figures: Table, kinds: Mapping[int, str], months: Sequence[int]
) -> Table:
    """Weights by what each owner had in the month; the rule's fallback where nobody had any.

    figures: month (YYYYMM as a number), figure (cost, reserved_s, used_s or bytes), kind (team or
    workload), name, amount int64: one row per month, figure and name.
    kinds: rule number to the figure it goes by; months: all that charges lie in, as YYYYMM.
    """
    rows = [
        (number, kinds[number], held.rule.spec.to_kind, name, owner)
        for number, held in rules.items()
        if number in kinds
        for name, owner in held.owners.items()
    ]
    schema = dict.fromkeys(("figure", "kind", "name"), "string")
    may = ibis.memtable(rows, schema=ibis.schema({"target": "int32"} | schema | {"owner": "int32"}))
    joined = may.inner_join(figures, ["figure", "kind", "name"])
    weighed = joined.filter(joined.amount > 0).select(
        "target",
        start_s=joined.month,
        end_s=ibis.literal(0, "int64"),
        owner=joined.owner,
        weight=joined.amount,
    )
    last = [(number, month, 0, rules[number].fallback, 1) for number in kinds for month in months]
    return weighed.union(ibis.memtable(last, schema=SCHEMA).anti_join(weighed, KEY))


def figure_of(rule: Rule) -> str | None:
    """The figure a rule goes by, None where its weights are constant."""
    spec = rule.rule.spec
    return {SplitBy.COST: "cost", SplitBy.USAGE: spec.figure}.get(spec.split)
