"""Where the ledger stands: its revision, its months, and the age of what each source delivered."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

import sqlalchemy as sa

from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.head import head_of
from watermaster.ledger.lock import holder_now
from watermaster.ledger.read import read
from watermaster.ledger.records import AUDIT, CLOSES, DECISIONS, DELIVERIES, SLICES
from watermaster.ledger.resources import RESOURCES
from watermaster.model.checkup import MonthState, MonthStatus, SourceStatus, Status

Slices = list[sa.Row[tuple[object, ...]]]


def status(project: Project) -> Status:
    """All of it at one revision."""
    with project.ledger.records.connect() as connection:
        head = head_of(connection)
        slices = list(connection.execute(sa.select(SLICES)).all())
        last = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(1)).first()
        rows = read(project.ledger, head, "rejected").select("source", "delivery", "row").distinct()
        counted = project.ledger.engine.to_pyarrow(rows.group_by("source").agg(n=rows.count()))
        rejected = {row["source"]: row["n"] for row in counted.to_pylist()}
        return Status(
            revision=head.name,
            changed_at=last.at if last else None,
            changed_by=f"{last.actor}, {last.action}" if last else None,
            writer=holder_now(project.ledger.lock_path),
            months=_months(connection, slices),
            sources=_sources(project, connection, slices, rejected),
        )


def _months(connection: sa.Connection, slices: Slices) -> list[MonthStatus]:
    held: defaultdict[str, Slices] = defaultdict(list)
    for one in slices:
        if one.table_name == "charges":
            held[one.period].append(one)
    closes = {row.month: row.at for row in connection.execute(sa.select(CLOSES))}
    allocated = _allocated(connection)
    estate = connection.scalar(sa.select(sa.func.max(RESOURCES.c.revision))) or 0
    telemetry = [one for one in slices if one.table_name not in {"charges", "allocations"}]
    return [
        _month(
            month,
            held.get(month, []),
            allocated.get(month),
            closes.get(month),
            {"estate": estate, "telemetry": _newest(telemetry, month)},
        )
        for month in sorted(held.keys() | closes.keys())
    ]


def _allocated(connection: sa.Connection) -> dict[str, int]:
    query = sa.select(DECISIONS.c.subject, sa.func.max(DECISIONS.c.revision))
    rows = connection.execute(
        query.where(DECISIONS.c.action == "allocate").group_by(DECISIONS.c.subject)
    )
    return dict(rows.all())


def _newest(telemetry: Iterable[sa.Row[tuple[object, ...]]], month: str) -> int:
    """The newest revision at which a day of the month was taken in."""
    return max((one.revision for one in telemetry if one.period[:7] == month), default=0)


def _month(
    month: str, slices: Slices, allocated: int | None, closed: str | None, beside: dict[str, int]
) -> MonthStatus:
    changed = {"bills": max((one.revision for one in slices), default=0)} | beside
    newer = [what for what, at in changed.items() if allocated is not None and at > allocated]
    return MonthStatus(
        month=month,
        state=_state(allocated, closed, newer),
        sources=sorted({one.source for one in slices}),
        charges=sum(one.rows for one in slices),
        billed=_billed(slices),
        allocated_at=None if allocated is None else f"r{allocated}",
        closed_at=closed,
        newer=[] if closed else newer,
    )


def _state(allocated: int | None, closed: str | None, newer: list[str]) -> MonthState:
    if closed:
        return MonthState.CLOSED
    if allocated is None:
        return MonthState.UNALLOCATED
    return MonthState.STALE if newer else MonthState.CURRENT


def _billed(slices: Slices) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for one in slices:
        if one.cost not in {None, "None"}:
            sums[one.source] = sums.get(one.source, Decimal(0)) + Decimal(one.cost)
    return dict(sorted(sums.items()))


def _sources(
    project: Project, connection: sa.Connection, slices: Slices, rejected: dict[str, int]
) -> list[SourceStatus]:
    declared = {version.resource.metadata.name for version in known_estate(project).of("Source")}
    query = sa.select(DELIVERIES.c.source, sa.func.max(DELIVERIES.c.received_at))
    received = dict(connection.execute(query.group_by(DELIVERIES.c.source)).all())
    held: defaultdict[str, Slices] = defaultdict(list)
    for one in slices:
        held[one.source].append(one)
        if one.table_name != "charges":  # telemetry has no files: a slice tells when it was taken
            received[one.source] = max(received.get(one.source, ""), one.exported_at)
    now = project.ledger.clock()
    return [
        SourceStatus(
            source=name,
            is_declared=name in declared,
            tables=sorted({one.table_name for one in held[name]}),
            newest=max((one.period for one in held[name]), default=None),
            delivered_at=received.get(name),
            exported_at=max((one.exported_at for one in held[name]), default=None),
            age_s=_age_s(received.get(name), now),
            rejected=rejected.get(name, 0),
        )
        for name in sorted(declared | held.keys() | received.keys() | rejected.keys())
    ]


def _age_s(received: str | None, now: dt.datetime) -> int | None:
    if received is None:
        return None
    return int((now - dt.datetime.fromisoformat(received)).total_seconds())
