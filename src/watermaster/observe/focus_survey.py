"""What there is to know about a whole file before it is read: one pass over it.

A file has millions of rows and a few hundred ways of being right and wrong. Each row's truths
(which columns are empty, which fault it has, which rule its own values break) are packed into
bits and counted by combination; whatever follows is asked of the combinations.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watermaster.model.tables import Table
from watermaster.observe import focus_values as values
from watermaster.observe.engine import Moment, Truth, any_to_json, first_texts, ibis
from watermaster.observe.focus_columns import KEYS, NUMBERS, TIMES
from watermaster.observe.focus_combinations import Combinations
from watermaster.observe.focus_faults import Ask, Reading, any_of, as_people_write, faults
from watermaster.observe.focus_origin import is_allocated
from watermaster.observe.focus_rules import RuleBreak, broken_rules, truths_of_rules
from watermaster.observe.focus_tags import is_object

MOST_FAULTY: Final = 1000  # rows kept by the first pass; more are read again
_BITS: Final = 62  # of a whole number of 64, the sign apart
_ROWS: Final = "= rows"
_FIRST_ROW: Final = "= first row"
_FAULTY: Final = "= faulty"
_ODD_TAGS: Final = "= odd tags"
_ALLOCATED: Final = "= allocated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the first pass over a file found."""

    rows: int
    faulty: int  # rows with any fault
    faults: list[int]  # rows with each, in the order of `faults`
    looks: list[int]  # of these, rows that look as people write
    breaks: list[RuleBreak]
    most: dict[str, int]  # number column -> the most decimals, 0 for up to 15
    odd_tags: int
    allocated: int
    faulty_rows: pa.Table | None  # their columns that have faults; None where they are many
    first: datetime | None  # of the billing periods' starts
    last: datetime | None


def survey(file: Reading, ask: Ask) -> Survey:
    """Look once at every row."""
    possible = faults(file)
    truths = {
        **truths_of_rules(file),
        **{_fault(place): fault.holds for place, fault in enumerate(possible)},
        **{_look(place): as_people_write(fault) for place, fault in enumerate(possible)},
        _ODD_TAGS: _odd_tags(file),
        _ALLOCATED: is_allocated(file),
    }
    most = {name: values.most_decimals(raw) for name, raw in file.raws(NUMBERS)}
    start = bill_start(file)
    beside = {"first": start.min(), "last": start.max(), _FAULTY: _faulty_texts(file), **most}
    found = ask(_counted(file.text, truths, beside))
    combos = _unpacked(found, list(truths))
    places = range(len(possible))
    any_fault = np.logical_or.reduce([combos.truths[_fault(place)] for place in places])
    faulty = combos.count(any_fault)
    return Survey(
        rows=int(combos.rows.sum()),
        faulty=faulty,
        faulty_rows=_faulty_rows(file, found[_FAULTY], faulty),
        faults=[combos.count(combos.truths[_fault(place)]) for place in places],
        looks=[combos.count(combos.truths[_look(place)]) for place in places],
        breaks=broken_rules(file, combos),
        most={name: pc.max(found[name]).as_py() or 0 for name in most},
        odd_tags=combos.count(combos.truths[_ODD_TAGS]),
        allocated=combos.count(combos.truths[_ALLOCATED]),
        first=pc.min(found["first"]).as_py(),
        last=pc.max(found["last"]).as_py(),
    )


def _counted(text: Table, truths: Mapping[str, Truth], beside: Mapping[str, Any]) -> Table:
    """One row per combination of truths that occurs: masks, how many rows, the first, `beside`."""
    masks = {
        _mask(start): reduce(add, _shifted([*truths.values()][start : start + _BITS]))
        for start in range(0, len(truths), _BITS)
    }
    return text.group_by(**masks).aggregate(
        **{_ROWS: text.count(), _FIRST_ROW: text["charge_row"].min()}, **beside
    )


def _faulty_texts(file: Reading) -> Any:
    """Up to MOST_FAULTY rows that have a fault, as JSON."""
    held = {name: file.text[name] for name in _at_fault(file)}
    text = any_to_json(ibis.struct(held))
    is_faulty = any_of(faults(file))
    return first_texts(is_faulty.ifelse(text, ibis.null("string")), MOST_FAULTY)


def _faulty_rows(file: Reading, texts: pa.ChunkedArray, faulty: int) -> pa.Table | None:
    rows = [json.loads(text) for texts_of_one in texts.to_pylist() for text in texts_of_one or ()]
    if len(rows) < faulty:
        return None
    kinds = {name: pa.string() for name in _at_fault(file)}
    return pa.Table.from_pylist(rows, pa.schema(kinds | {"charge_row": pa.int64()}))


def _at_fault(file: Reading) -> list[str]:
    """The file's columns that faults are looked for in, and which row it is."""
    names = (*NUMBERS, *TIMES, "billing_currency")
    return [*(file.header.known[name] for name in names if file.has(name)), *KEYS]


def _shifted(truths: list[Truth]) -> Iterator[Any]:
    return (truth.ifelse(1 << place, 0).cast("int64") for place, truth in enumerate(truths))


def _unpacked(found: pa.Table, names: list[str]) -> Combinations:
    masks = [found[_mask(start)].to_numpy() for start in range(0, len(names), _BITS)]
    return Combinations(
        rows=found[_ROWS].to_numpy(),
        first_row=found[_FIRST_ROW].to_numpy(),
        truths={
            name: (masks[place // _BITS] >> (place % _BITS)) & 1 == 1
            for place, name in enumerate(names)
        },
    )


def bill_start(file: Reading) -> Moment:
    """The start of a row's billing period; of its charge period where the file has no other."""
    has_bill = file.has("billing_period_start")
    return file.moment("billing_period_start" if has_bill else "charge_period_start")


def _odd_tags(file: Reading) -> Truth:
    if not file.has("tags"):
        return ibis.literal(False)
    return file.raw("tags").notnull() & ~is_object(file.raw("tags"))


def _mask(start: int) -> str:
    return f"= mask {start}"


def _fault(place: int) -> str:
    return f"= fault {place}"


def _look(place: int) -> str:
    return f"= look {place}"
