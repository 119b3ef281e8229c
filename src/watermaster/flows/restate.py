"""Closed months whose bills changed since: allocated as known at the close, and the difference
booked in the oldest open month.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

import ibis

from watermaster.decide.cost import adjust as rule
from watermaster.flows.give import charge_slices, give
from watermaster.ledger.closes import Closed, closes_of
from watermaster.ledger.files import Written
from watermaster.ledger.head import Head
from watermaster.ledger.lake import Slice, files_at, load
from watermaster.ledger.read import read, read_files
from watermaster.ledger.records import DECISIONS
from watermaster.ledger.resources import history
from watermaster.ledger.write import Work
from watermaster.model.estate import Estate
from watermaster.model.tables import Table
from watermaster.units.periods import parse_month, print_month


def restate(work: Work) -> list[str]:
    """Bring the adjustments of every closed month up to date; the months that were restated."""
    closes = closes_of(work.connection)
    if not closes:
        return []
    sizes = charge_slices(work)
    into = open_month(closes, {month for _, month, _ in sizes})
    restated = [close for close in closes.values() if _has_changed(work, close)]
    for close in restated:
        mine = {key: count for key, count in sizes.items() if key[1] == close.month}
        present = _allocate_as_closed(work, close, mine)
        _book(work, close, present, (into, set(closes)))
        _record(work, close, into)
    return [close.month for close in restated]


def open_month(closes: dict[str, Closed], known: set[str]) -> str:
    """The oldest month with bills that is not closed, else the one after the last closed."""
    still_open = known - set(closes)
    return min(still_open) if still_open else print_month(parse_month(max(closes)).end)


def _has_changed(work: Work, close: Closed) -> bool:
    """Whether bills were replaced or work amended since the close, or differences booked."""
    if close.amended or slices_of(work, "adjustments", work.head, 0, close.month):
        return True
    return charge_files(work, work.head, close.month) != charge_files(work, close.head, close.month)


def charge_files(work: Work, head: Head, month: str) -> set[str]:
    """The files a month's bills lie in."""
    table = load(work.ledger.catalog, "charges")
    found = files_at(table, head.snapshots["charges"])
    return {path for path, key, _ in found if key[1] == month}


def slices_of(work: Work, name: str, head: Head, column: int, month: str) -> list[Slice]:
    """The slices of a table whose slice column is `month`."""
    table = load(work.ledger.catalog, name)
    return sorted({k for _, k, _ in files_at(table, head.snapshots[name]) if k[column] == month})


def _allocate_as_closed(work: Work, close: Closed, sizes: dict[Slice, int]) -> Written:
    """The present bills by the rules, estate and telemetry of the close."""
    snapshots = dict(close.telemetry) | {"charges": work.head.snapshots["charges"]}
    as_closed = replace(work, head=Head(work.head.revision, snapshots))
    estate = Estate(tuple(history(work.connection, revision=close.revision)))
    written = give(as_closed, sizes, estate)
    held = slices_of(work, "allocations", work.head, 1, close.month)
    work.swap("allocations", [key for key in held if key not in written.rows], None)
    return written


def _book(work: Work, close: Closed, present: Written, where: tuple[str, set[str]]) -> None:
    into, closed_months = where
    held = slices_of(work, "adjustments", work.head, 0, close.month)
    final = [key for key in held if key[1] in closed_months]
    tags = _tags(work)
    work.add_columns("adjustments", dict.fromkeys(tags, "string"))
    closed = slices_of(work, "allocations", close.head, 1, close.month)
    found = rule.adjust(
        read_files(work.ledger, "allocations", present.files),
        read(work.ledger, close.head, "allocations", closed),
        read(work.ledger, work.head, "adjustments", final),
        tags,
    )
    rows = _placed(found.rows, close, into)
    written = work.write("adjustments", rows, one_slice=True)
    drop = sorted({(close.month, into), *(key for key in held if key not in final)})
    work.swap("adjustments", drop, written)


def _placed(rows: Table, close: Closed, into: str) -> Table:
    names = {
        "adjusts_month": close.month,
        "adjusts_close_id": close.id,
        "billing_month": into,
    }
    return rows.mutate(**{name: ibis.literal(value) for name, value in names.items()})


def _tags(work: Work) -> Sequence[str]:
    schema = load(work.ledger.catalog, "allocations").schema()
    return sorted(field.name for field in schema.fields if field.name.startswith("tag_"))


def _record(work: Work, close: Closed, into: str) -> None:
    inputs = {
        "revision": work.head.revision,
        "charges": work.head.snapshots["charges"],
        "close": close.id,
        "snapshots": dict(close.telemetry),
        "booked_in": into,
    }
    work.connection.execute(
        DECISIONS.insert().values(
            revision=work.revision,
            at=work.at(),
            action="allocate",
            rule=rule.RULE,
            subject=close.month,
            inputs=json.dumps(inputs, sort_keys=True),
            why=rule.WHY,
        )
    )
    restated = work.detail.setdefault("restated", [])
    if isinstance(restated, list):
        restated.append(close.month)
