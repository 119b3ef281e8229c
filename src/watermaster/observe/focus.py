"""FOCUS 1.0 to 1.4 bills: a delivered file as text in, charges and rejected rows out.

The file comes as a table of text (columns as in the file, plus `charge_file` and `charge_row`);
what leaves are lazy expressions. Small questions about the whole file (is every number plain,
which date layout is it, which FOCUS rules does it break) are put through `ask`, one row each,
so that a clean file pays for no case it does not have.

A row with any fault is rejected whole, one line per fault. An absent or empty cost stays NULL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.shapes import CHARGES, COSTS, REJECTED
from watermaster.model.tables import Table
from watermaster.observe import focus_tags as tags
from watermaster.observe import focus_values as values
from watermaster.observe.engine import (
    Text,
    ibis,
)
from watermaster.observe.focus_columns import NAMES, NUMBERS, TEXTS, TIMES, Header, read_header
from watermaster.observe.focus_faults import (
    Ask,
    Fault,
    FocusOrder,
    Origin,
    Reading,
    any_of,
    ask_row,
    faults,
    start_reading,
)
from watermaster.observe.focus_origin import without_origins
from watermaster.observe.focus_parquet import as_text
from watermaster.observe.focus_rules import RuleBreak, tell_breaks
from watermaster.observe.focus_survey import Survey, survey
from watermaster.units.periods import print_month

__all__ = ["Ask", "FocusDelivery", "FocusOrder", "Origin", "RuleBreak", "deliver"]

TAGS: Final = "= tags"
VALUES: Final = "= tag values"
MONTHS: Final = 12
CENTURY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusDelivery:
    """Lazy charges and rejected rows of one file, and what was found on the way."""

    typed: Table  # columns of CHARGES, then one per tag column; times naive in UTC
    rejected: Table  # columns of REJECTED, one row per fault
    version: str
    rows: int
    faulty_rows: int
    months: tuple[str | None, str | None]  # the first and last billing month it may hold
    rounding: dict[str, Decimal]  # cost column -> exact sum - sum as typed, where not 0
    breaks: list[RuleBreak]  # FOCUS rules the file breaks, rejected rows counted
    notices: list[str]


def deliver(text: Table, order: FocusOrder, ask: Ask) -> FocusDelivery:
    """One FOCUS file as charges and rejected rows.

    text: columns as in the file, all text, and charge_file, charge_row (1-based, int64).
    BadInputError when it is no bill or has no currency; RefusedError when it counts twice.
    """
    header = read_header(text.columns, order.where)
    text, told = as_text(text)
    _refuse_no_currency(header, order)
    bare = Reading(text, header, order, layout=order.date_format)
    file = start_reading(bare)
    seen = survey(file, ask)
    file, found, faulty = _second_look(file, bare, seen, ask)
    good = replace(file, text=file.text.filter(~any_of(found))) if faulty else file
    dropped: list[str] = []
    if seen.allocated:
        good, dropped = without_origins(good, ask)
    long = tuple(name for name, most in seen.most.items() if most > values.PLACES)
    odd_tags = bool(seen.odd_tags)
    return FocusDelivery(
        typed=_typed(_tagged(good, odd=odd_tags), long, odd_tags=odd_tags),
        rejected=_rejected(*_where_faulty(file, bare, seen, found if faulty else [])),
        version=header.version,
        rows=seen.rows,
        faulty_rows=faulty,
        months=_months(file, seen),
        rounding=_rounding(good, long, ask),
        breaks=seen.breaks,
        notices=[
            *header.notices,
            *told,
            *dropped,
            *_notices(file, long, odd_tags=odd_tags),
            *tell_breaks(seen.breaks),
        ],
    )


def _refuse_no_currency(header: Header, order: FocusOrder) -> None:
    if "billing_currency" not in header.known and order.currency is None:
        raise BadInputError(
            order.where,
            "has no BillingCurrency column",
            "name the currency of the bill: `currency:` of the Source or --currency",
        )


def _months(file: Reading, seen: Survey) -> tuple[str | None, str | None]:
    """The first and last billing month; unknown where dates needed a second look."""
    if file.slow & set(TIMES) or seen.first is None or seen.last is None:
        return None, None
    return print_month(seen.first), print_month(seen.last)


def _second_look(
    file: Reading, bare: Reading, seen: Survey, ask: Ask
) -> tuple[Reading, list[Fault], int]:
    """The file with what people write read too, the faults that occur, how many rows have any."""
    possible = faults(file)
    slow = {fault.name for fault, rows in zip(possible, seen.looks, strict=True) if rows}
    slow |= {name for name, most in seen.most.items() if most > values.FINEST}
    if not slow:
        found = [fault for fault, rows in zip(possible, seen.faults, strict=True) if rows]
        return file, found, seen.faulty
    layout = file.order.date_format
    if slow & set(TIMES):
        slow |= set(TIMES)
        layout = layout or _layout(bare, ask)
    again = start_reading(replace(bare, slow=frozenset(slow), layout=layout))
    found = [
        fault
        for fault, rows in zip(faults(again), seen.faults, strict=True)
        if rows or fault.name in slow
    ]
    answer = ask_row(ask, again.text.aggregate(faulty=any_of(found).sum()))
    return again, found, _count(answer, "faulty")


def _where_faulty(
    file: Reading, bare: Reading, seen: Survey, found: list[Fault]
) -> tuple[Reading, list[Fault]]:
    """What rejected rows are told from: the few the survey kept, else the file."""
    if file.slow or not found or seen.faulty_rows is None:
        return file, found
    kept = start_reading(replace(bare, text=ibis.memtable(seen.faulty_rows).view()))
    again = zip(faults(kept), seen.faults, strict=True)
    return kept, [fault for fault, rows in again if rows]


def _count(row: Mapping[str, object], name: str) -> int:
    return int(str(row[name] or 0))


def _layout(file: Reading, ask: Ask) -> str | None:
    """The layout of dates with slashes, where the file leaves one reading of them only.

    5/13/25 can only be M/D/YY; when no date of the file tells, none is guessed.
    """
    slashed = [raw.strip() for _, raw in file.raws(TIMES)]
    parts = [
        raw.re_search(r"^\d{1,2}/\d{1,2}/(?:\d\d|\d{4})$").ifelse(
            raw.split("/")[place].try_cast("int64"), ibis.null("int64")
        )
        for raw in slashed
        for place in range(3)
    ]
    if not parts:
        return None
    most = [ibis.greatest(*parts[place::3]).max() for place in range(3)]
    found = ask_row(ask, file.text.aggregate(first=most[0], second=most[1], year=most[2]))
    first, second, year = (_count(found, name) for name in ("first", "second", "year"))
    days = ["%d/%m/"] * (first > MONTHS) + ["%m/%d/"] * (second > MONTHS)
    return days[0] + ("%Y" if year >= CENTURY else "%y") if len(days) == 1 else None


def _tagged(file: Reading, *, odd: bool) -> Reading:
    """The file with `= tags`, canonical JSON, and `= tag`, the values of the tag columns."""
    if not file.has("tags"):
        nothing = ibis.null("string")
        return replace(
            file, text=file.text.mutate({TAGS: nothing, VALUES: ibis.null("array<string>")})
        )
    step = file.text.mutate({TAGS: file.text_of("tags")}).view()
    for reading in tags.READINGS if odd else ():
        step = step.mutate({TAGS: reading(step[TAGS])}).view()
    step = tags.canonical(step, TAGS)
    if keys := [*file.order.tag_columns.values()]:
        step = step.mutate({VALUES: tags.values(step[TAGS], keys)})
    return replace(file, text=step.view())


def _typed(file: Reading, long: tuple[str, ...], *, odd_tags: bool) -> Table:
    start, bill = file.moment("charge_period_start"), file.moment("billing_period_start")
    starts = {
        "charge_period_start": start if file.has("charge_period_start") else bill,
        "billing_period_start": bill if file.has("billing_period_start") else start.truncate("M"),
    }
    columns: dict[str, Any] = {
        "source": ibis.literal(file.order.source),
        "billing_month": starts["billing_period_start"].strftime("%Y-%m"),
        "part": ibis.literal(file.order.part),
        "tags": file.text[TAGS],
        "origin": tags.origin(_unheld(file, long, odd_tags=odd_tags)),
        "charge_file": file.text["charge_file"],
        "charge_row": file.text["charge_row"],
        **{name: file.moment(name) for name in TIMES},
        **starts,
        **{name: file.number(name) for name in NUMBERS},
        **{name: file.text_of(name) for name in TEXTS},
        "billing_currency": file.currency(),
    }
    keyed = {name: file.text[VALUES][place] for place, name in enumerate(file.order.tag_columns)}
    return file.text.select(**{name: columns[name] for name in CHARGES.types}, **keyed)


def _unheld(file: Reading, long: tuple[str, ...], *, odd_tags: bool) -> list[tuple[str, Text]]:
    """What the columns cannot hold: unknown columns, long numbers as text, unreadable tags."""
    fields = [(name, file.text[name]) for name in file.header.unknown]
    for name in long:
        raw = file.raw(name)
        cut = values.is_long(raw)
        fields.append((NAMES[name], cut.ifelse(raw, ibis.null("string"))))
    if odd_tags:
        raw = file.text_of("tags")
        empty = raw.notnull() & file.text[TAGS].isnull() & (raw != "{}")
        fields.append((NAMES["tags"], empty.ifelse(raw, ibis.null("string"))))
    return fields


def _rejected(file: Reading, found: list[Fault]) -> Table:
    """One row per fault; all faults of a row."""
    text = file.text
    kind = "struct<column: string, value: string, reason: string>"
    each = [
        ibis.cases(
            (
                fault.holds,
                ibis.struct(
                    {"column": NAMES[fault.name], "value": fault.value, "reason": fault.reason}
                ).cast(kind),
            ),
            else_=ibis.null(kind),
        )
        for fault in found
    ] or [ibis.null(kind)]
    rows = text.filter(any_of(found)).select(
        source=ibis.literal(file.order.source),
        delivery=text["charge_file"],
        file=ibis.literal(file.order.where),
        row=text["charge_row"],
        fault=ibis.array(each).unnest(),
    )
    rows = rows.filter(rows["fault"].notnull())
    told = rows.mutate(
        column=rows["fault"]["column"],
        value=rows["fault"]["value"].left(200),
        reason=rows["fault"]["reason"],
    )
    return told.select(*REJECTED.types)


def _rounding(file: Reading, long: tuple[str, ...], ask: Ask) -> dict[str, Decimal]:
    """Per cost column: exact sum - sum of the rounded values, to the last digit."""
    costs = [name for name in COSTS if name in long]
    if not costs:
        return {}
    sums: dict[str, Any] = {}
    for name in costs:
        raw = file.raw(name)
        cut = values.is_long(raw)
        for place, taken in enumerate(values.rounding(raw)):
            sums[f"{name}_{place}"] = cut.ifelse(taken, ibis.null(taken.type())).sum()
    found = ask_row(ask, file.text.aggregate(**sums))
    with localcontext(prec=100):
        exact = {
            name: Decimal(str(found[f"{name}_0"] or 0)) * Decimal("1e-15")
            + Decimal(str(found[f"{name}_1"] or 0)) * Decimal("1e-33")
            for name in costs
        }
    return {name: difference for name, difference in exact.items() if difference}


def _notices(file: Reading, long: tuple[str, ...], *, odd_tags: bool) -> list[str]:
    told = [
        f"no {NAMES[name]} column: that cost is unknown for this file, not 0"
        for name in COSTS
        if not file.has(name)
    ]
    if not file.has("charge_period_start"):
        told.append("no ChargePeriodStart column: the billing period's start stands for it")
    if not file.has("billing_period_start"):
        told.append("no BillingPeriodStart column: the month of ChargePeriodStart is taken")
    if long:
        names = ", ".join(NAMES[name] for name in long)
        told.append(f"more than 15 decimals, rounded half up, the text kept in origin: {names}")
    if odd_tags:
        told.append("some Tags are no JSON objects: read as what they look like, else in origin")
    if file.layout and not file.order.date_format:
        told.append(f"dates with slashes can only be {file.layout} in this file")
    return told
