"""Write the charges of own hardware and unbilled commitments, as declared and measured."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import ibis
import pyarrow as pa
import sqlalchemy as sa

from watermaster.decide.cost import own as rule
from watermaster.decide.cost.measure import members
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.closes import closed_months
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.lake import Slice, files_at, load
from watermaster.ledger.read import read
from watermaster.ledger.records import SLICES
from watermaster.ledger.write import Work, begin
from watermaster.model.estate import Estate
from watermaster.model.shapes import CHARGES, TIME
from watermaster.model.tables import Table
from watermaster.units.periods import days_of, months_between, parse_month

TABLE: Final = CHARGES.name
SEEN_IN: Final = {TABLE: 1, "gpu_hours": 1, "gpu_supply": 1}  # table to slice column of its time


@dataclass(frozen=True, slots=True)
class Plan:
    """What differs from the ledger: rows of slices to replace, and slices that are no more."""

    head: Head
    rows: dict[Slice, list[rule.Charge]]
    gone: list[Slice]


def charge_own(project: Project) -> list[Slice]:
    """Bring own charges of every open month up to date; the slices that changed.

    Months are those the ledger knows bills or telemetry of; days are whole and past.
    """
    plan = _plan(project, read_head(project.ledger.records))
    if not plan.rows and not plan.gone:
        return []
    with begin(project.ledger, "own", project.actor, project.tell) as work:
        if work.head.revision != plan.head.revision:
            plan = _plan(project, work.head)
        _write(work, plan)
    return sorted([*plan.rows, *plan.gone])


def _plan(project: Project, head: Head) -> Plan:
    estate = known_estate(project)
    with project.ledger.records.connect() as connection:
        closed = closed_months(connection)
        held = _held(connection)
    if not (held or estate.of("Pool") or estate.of("Commitment")):
        return Plan(head, {}, [])
    months = [month for month in _known_months(project, head) if month not in closed]
    today = project.ledger.clock().date()
    days = [day for month in months for day in days_of(parse_month(month)) if day < today]
    wanted: defaultdict[Slice, list[rule.Charge]] = defaultdict(list)
    for charge in rule.own_charges(estate, days, _energy(project, head, estate, months)):
        wanted[str(charge["source"]), str(charge["billing_month"]), ""].append(charge)
    changed = {key: rows for key, rows in wanted.items() if held.get(key) != _seal(rows)}
    gone = [key for key in held if key not in wanted and key[1] not in closed]
    return Plan(head, changed, gone)


def _held(connection: sa.Connection) -> dict[Slice, str]:
    mine = SLICES.c.source.startswith(rule.PREFIX, autoescape=True)
    query = sa.select(SLICES).where(SLICES.c.table_name == TABLE, mine)
    return {
        (row.source, row.period, row.part): row.delivery.split()[-1]
        for row in connection.execute(query)
    }


def _known_months(project: Project, head: Head) -> list[str]:
    found = set()
    for name, column in SEEN_IN.items():
        for _, key, _ in files_at(load(project.ledger.catalog, name), head.snapshots[name]):
            if not key[0].startswith(rule.PREFIX):
                found.add(key[column][:7])
    return list(months_between(min(found), max(found))) if found else []


def _energy(
    project: Project, head: Head, estate: Estate, months: Sequence[str]
) -> dict[tuple[int, int], rule.Energy]:
    scopes = [one for one in rule.own_scopes(estate) if one.pool.spec.cost.power is not None]
    if not scopes or not months:
        return {}
    use = _telemetry(project, head, "gpu_hours", months)
    supply = _telemetry(project, head, "gpu_supply", months)
    nodes = supply.select("platform", "node", "partition").union(
        use.select("platform", "node", partition=ibis.null("string"))
    )
    engine = project.ledger.engine
    seen = engine.to_pyarrow(nodes.distinct()).to_pylist()
    inside = members(scopes, [(n["platform"], n["node"], n["partition"]) for n in seen], estate)
    rows = engine.to_pyarrow(rule.energy_by_hour(use, inside)).to_pylist()
    return {
        (row["target"], row["hour"]): rule.Energy(row["measured_j"], row["unmetered_s"])
        for row in rows
    }


def _telemetry(project: Project, head: Head, name: str, months: Sequence[str]) -> Table:
    held = files_at(load(project.ledger.catalog, name), head.snapshots[name])
    wanted = sorted({key for _, key, _ in held if key[1][:7] in months})
    return read(project.ledger, head, name, wanted)


def _seal(rows: Sequence[rule.Charge]) -> str:
    text = json.dumps(rows, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _write(work: Work, plan: Plan) -> None:
    slices = [*plan.rows, *plan.gone]
    rows = [charge for held in plan.rows.values() for charge in held]
    written = work.write(TABLE, _as_table(rows)) if rows else None
    work.swap(TABLE, slices, written)
    work.swap("allocations", [key[:2] for key in plan.gone], None)
    for source, month, part in slices:
        named = (SLICES.c.source == source, SLICES.c.period == month, SLICES.c.part == part)
        work.connection.execute(SLICES.delete().where(SLICES.c.table_name == TABLE, *named))
    for (source, month, part), held in plan.rows.items():
        work.connection.execute(
            SLICES.insert().values(
                table_name=TABLE,
                source=source,
                period=month,
                part=part,
                revision=work.revision,
                delivery=f"{held[0]['charge_file']} {_seal(held)}",
                exported_at=work.at(),
                rows=len(held),
                cost=str(sum((Decimal(str(row["billed_cost"])) for row in held), Decimal(0))),
            )
        )
    work.detail |= {"rule": rule.RULE, "slices": ["/".join(key[:2]) for key in slices]}


def _as_table(rows: Sequence[rule.Charge]) -> Table:
    kinds = {
        name: ibis.dtype("timestamp" if kind == TIME else kind)
        for name, kind in CHARGES.types.items()
        if name in set().union(*rows)
    }
    schema = ibis.schema(kinds)
    return ibis.memtable(
        pa.Table.from_pylist(list(rows), schema=schema.to_pyarrow()), schema=schema
    )
