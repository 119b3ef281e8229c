"""Allocations as people see them: closed months as closed, open ones as they are."""

from collections.abc import Sequence
from enum import StrEnum

import ibis

from watermaster.decide.cost.tagged import declared_tags, tagged
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.flows.sight import in_sight
from watermaster.ledger.closes import Closed, closes_of
from watermaster.ledger.head import Head
from watermaster.ledger.lake import Slice, files_at, load
from watermaster.ledger.read import read, read_files
from watermaster.model.errors import UsageError
from watermaster.model.tables import Table
from watermaster.units.periods import Period, parse_month, print_month


class View(StrEnum):
    """Which state of closed months is asked for."""

    CLOSED = "closed"  # as closed, with later differences as adjustments where they were booked
    RESTATED = "restated"  # as the bills are at present, without adjustments


def known_closes(project: Project) -> dict[str, Closed]:
    """Every closed month, by month."""
    with project.ledger.records.connect() as connection:
        return closes_of(connection)


def closes_at(project: Project, head: Head) -> dict[str, Closed]:
    """The months that were closed at a head."""
    return {m: one for m, one in known_closes(project).items() if one.revision <= head.revision}


def read_month(text: str) -> Period:
    """The period of a month as a person wrote it."""
    try:
        period = parse_month(text)
        if print_month(period.start) == text:
            return period
    except (ValueError, OverflowError):
        pass
    raise UsageError("MONTH", f"{text!r} is no month", "write YYYY-MM, e.g. 2026-09")


def allocations_of(
    project: Project, head: Head, months: Sequence[str] = (), view: View = View.CLOSED
) -> Table:
    """The allocations of some billing months (none: all), with `adjusts_month`.

    A closed month reads from the snapshot of its close; adjustments stand in the month they are
    booked in, without charge, ratio, resource and day. `RESTATED` reads the present. Tags are as
    meant today, with what was delivered beside them (decide/cost/tagged). Of a unit's people only
    their unit's rows are shown (flows/sight).
    """
    return in_sight(project, every_allocation(project, head, months, view))


def every_allocation(
    project: Project, head: Head, months: Sequence[str] = (), view: View = View.CLOSED
) -> Table:
    """The same whoever asks: for what is kept between requests, never to be shown as it is."""
    return tagged(_given(project, head, months, view), declared_tags(known_estate(project)))


def _given(project: Project, head: Head, months: Sequence[str], view: View) -> Table:
    closes = closes_at(project, head) if view is View.CLOSED else {}
    files = files_of(project, head, "allocations", closes, months)
    rows = read_files(project.ledger, "allocations", files)
    rows = rows.mutate(adjusts_month=ibis.null("string"))
    if not closes:
        return rows
    booked = adjustments_of(project, head, months)
    held = booked.schema()
    columns = {
        name: booked[name] if name in held else ibis.null(kind)
        for name, kind in rows.schema().items()
    }
    return rows.union(booked.select(**columns))


def files_of(
    project: Project, head: Head, name: str, closes: dict[str, Closed], months: Sequence[str]
) -> list[str]:
    """The files of `charges` or `allocations` of some months (none: all), each as closed."""
    for month in months:
        read_month(month)
    table = load(project.ledger.catalog, name)
    found = [
        path
        for path, key, _ in files_at(table, head.snapshots[name])
        if key[1] not in closes and (not months or key[1] in months)
    ]
    for month, close in closes.items():
        if not months or month in months:
            held = files_at(table, close.snapshots[name])
            found += [path for path, key, _ in held if key[1] == month]
    return found


def charge_slices(project: Project, head: Head, month: str) -> list[Slice]:
    """The slices of a month's bills at a head."""
    table = load(project.ledger.catalog, "charges")
    return sorted({k for _, k, _ in files_at(table, head.snapshots["charges"]) if k[1] == month})


def adjustments_of(project: Project, head: Head, months: Sequence[str] = ()) -> Table:
    """Adjustments booked in some months (none: all)."""
    table = load(project.ledger.catalog, "adjustments")
    held = {key for _, key, _ in files_at(table, head.snapshots["adjustments"])}
    wanted = sorted(key for key in held if not months or key[1] in months)
    return read(project.ledger, head, "adjustments", wanted)
