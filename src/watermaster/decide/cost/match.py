"""Which claim a row meets: one equi-join per distinct set of term keys, never a CASE per selector.

Two equal matches with different targets are AMBIGUOUS: left unallocated and reported.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby, pairwise
from operator import or_
from typing import Final

import ibis

from watermaster.decide.cost.claims import Claim, Order
from watermaster.model.tables import Column, Table

NOBODY: Final = 0
AMBIGUOUS: Final = 1
BEGINNING: Final = dt.datetime.fromisoformat("0001-01-01")  # naive UTC, as inside rules
FOREVER: Final = dt.datetime.fromisoformat("9999-12-31")


@dataclass(frozen=True, slots=True)
class Lookup:
    """All claims of one order, rank and set of term keys, as one small table."""

    order: Order
    rank: tuple[int, int]
    keys: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], dt.datetime, dt.datetime, int], ...]

    @property
    def is_timeless(self) -> bool:
        """Whether every claim holds for ever, so that no time has to be compared."""
        return all(row[1] == BEGINNING and row[2] == FOREVER for row in self.rows)


def lookups(claims: Iterable[tuple[Claim, int]]) -> list[Lookup]:
    """Claims with the number of their target, as lookups, the strongest first."""

    def by_strength(claim: Claim) -> tuple[int, int, int]:
        return (claim.order, -claim.rank[0], -claim.rank[1])

    def key(item: tuple[Claim, int]) -> tuple[tuple[int, int, int], tuple[str, ...]]:
        return by_strength(item[0]), tuple(name for name, _ in item[0].terms)

    found = []
    for (_, keys), group in groupby(sorted(claims, key=key), key=key):
        held = list(group)
        first = held[0][0]
        found.append(Lookup(first.order, first.rank, keys, tuple(_rows(held))))
    return found


def _rows(
    held: Sequence[tuple[Claim, int]],
) -> Iterable[tuple[tuple[str, ...], dt.datetime, dt.datetime, int]]:
    by_values: defaultdict[tuple[str, ...], list[tuple[dt.datetime, dt.datetime, int]]]
    by_values = defaultdict(list)
    for claim, target in held:
        values = tuple(value for _, value in claim.terms)
        start, end = naive(claim.start, BEGINNING), naive(claim.end, FOREVER)
        by_values[values].append((start, end, target))
    for values, spans in sorted(by_values.items()):
        for start, end, target in _disjoint(spans):
            yield values, start, end, target


def _disjoint(
    spans: Sequence[tuple[dt.datetime, dt.datetime, int]],
) -> Iterable[tuple[dt.datetime, dt.datetime, int]]:
    """Cut overlapping spans into pieces; where several targets hold, the piece is ambiguous."""
    if len(spans) == 1:
        return spans
    edges = sorted({edge for start, end, _ in spans for edge in (start, end)})
    pieces = []
    for start, end in pairwise(edges):
        held = {target for first, last, target in spans if first <= start and end <= last}
        if held:
            pieces.append((start, end, held.pop() if len(held) == 1 else AMBIGUOUS))
    return pieces


def naive(moment: dt.datetime | None, default: dt.datetime) -> dt.datetime:
    """A moment as rules compare it: naive UTC; None becomes `default`."""
    return default if moment is None else moment.astimezone(dt.UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read for claims.

    columns: term key to the column that holds it; moment: the column of the time.
    only: a condition the rows of an order must meet besides, e.g. that a row is data transfer.
    otherwise: the target of rows that meet the condition of an order but none of its claims.
    """

    columns: Mapping[str, str]
    moment: str
    only: Mapping[Order, Column] = field(default_factory=dict)
    otherwise: Mapping[Order, int] = field(default_factory=dict)


def match(rows: Table, found: Sequence[Lookup], how: Reading) -> Table:
    """Add `target` int32: the target of the strongest claim each row meets, NOBODY if none."""
    usable = [one for one in found if all(key in how.columns for key in one.keys)]
    joined = rows
    for number, one in enumerate(usable):
        joined = _join(joined, one, how, f"_claim{number}")
    levels = [
        (order, _level([joined[f"_claim{number}"] for number, _ in group], order, how.only))
        for (order, _), group in groupby(
            enumerate(usable), key=lambda at: (at[1].order, at[1].rank)
        )
    ]
    levels += [
        (order, ibis.ifelse(how.only[order], _number(target), None))
        for order, target in how.otherwise.items()
    ]
    first_that_holds = [claim for _, claim in sorted(levels, key=lambda level: level[0])]
    target = ibis.coalesce(*first_that_holds, _number(NOBODY))
    return joined.select(*(joined[name] for name in rows.columns), target=target)


def _level(claims: Sequence[Column], order: Order, only: Mapping[Order, Column]) -> Column:
    """One strength: its claim, or AMBIGUOUS where several differ."""
    if len(claims) == 1:
        best = claims[0]
    else:
        least, greatest = ibis.least(*claims), ibis.greatest(*claims)
        best = ibis.ifelse(least == greatest, least, _number(AMBIGUOUS))
        best = ibis.ifelse(reduce(or_, (c.notnull() for c in claims)), best, None)
    return ibis.ifelse(best.notnull() & only[order], best, None) if order in only else best


def _join(rows: Table, one: Lookup, how: Reading, name: str) -> Table:
    keys = [f"{name}_{number}" for number in range(len(one.keys))]
    plain = [(*values, start, end, target) for values, start, end, target in one.rows]
    schema = dict.fromkeys(keys, "string") | {
        f"{name}_start": "timestamp",
        f"{name}_end": "timestamp",
        name: "int32",
    }
    small = ibis.memtable(plain, schema=ibis.schema(schema))
    on = [rows[how.columns[term]] == small[key] for term, key in zip(one.keys, keys, strict=True)]
    if not one.is_timeless:
        on += [rows[how.moment] >= small[f"{name}_start"], rows[how.moment] < small[f"{name}_end"]]
    joined = rows.left_join(small, on)
    return joined.select(*(rows[column] for column in rows.columns), small[name])


def _number(value: int) -> Column:
    return ibis.literal(value, type="int32")


Spans = dict[tuple[str, ...], list[tuple[dt.datetime, dt.datetime, int]]]


def index(found: Sequence[Lookup]) -> list[tuple[Lookup, Spans]]:
    """Lookups made ready for `match_one`."""
    ready = []
    for one in found:
        spans: Spans = defaultdict(list)
        for values, start, end, target in one.rows:
            spans[values].append((start, end, target))
        ready.append((one, spans))
    return ready


def match_one(
    ready: Sequence[tuple[Lookup, Spans]], terms: Mapping[str, str | None], moment: dt.datetime
) -> int:
    """The same rule for one thing at hand, e.g. a pod: its target, NOBODY or AMBIGUOUS."""
    for _, group in groupby(ready, key=lambda at: (at[0].order, at[0].rank)):
        met = {
            target
            for one, spans in group
            for start, end, target in spans.get(tuple(terms.get(k) or "" for k in one.keys), ())
            if start <= moment < end
        }
        if met:
            return met.pop() if len(met) == 1 else AMBIGUOUS
    return NOBODY
