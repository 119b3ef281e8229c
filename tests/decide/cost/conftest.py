"""Small estates and small bills, in an engine of their own."""

import datetime as dt
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from watermaster.decide.cost.allocate import allocate, parts
from watermaster.decide.cost.shared import constant_weights
from watermaster.decide.cost.targets import number_targets
from watermaster.model.estate import Estate
from watermaster.model.resources import KINDS, Metadata, Resource, ResourceVersion
from watermaster.model.shapes import CHARGES

RECORDED = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DEFAULTS = {
    "source": "aws",
    "billing_month": "2026-10",
    "charge_file": "0123456789abcdef",
    "billing_currency": "USD",
    "charge_category": "Usage",
    "charge_period_start": dt.datetime(2026, 10, 1),
    "charge_period_end": dt.datetime(2026, 10, 2),
}
WEIGHTS = ibis.schema(
    {"target": "int32", "start_s": "int64", "end_s": "int64", "owner": "int32"}
    | dict.fromkeys(("weight", "used_s", "known_s"), "int64")
)


@pytest.fixture(scope="session")
def engine():
    return ibis.duckdb.connect()


def declared(kind, name, spec, owner=None, start=None, end=None):
    """One version of one resource; start and end are days of 2026 as MM-DD."""

    def moment(day):
        return dt.datetime.fromisoformat(f"2026-{day}T00:00:00+00:00") if day else None

    resource = Resource(
        kind=kind,
        metadata=Metadata(name=name, owner=owner),
        spec=KINDS[kind].model_validate(spec),
    )
    return ResourceVersion(
        resource=resource, valid_from=moment(start), valid_to=moment(end), recorded_at=RECORDED
    )


def team(name, unit="Research", **times):
    return declared("Team", name, {"unit": unit, "costCenter": f"cc-{name}"}, **times)


def workload(name, owner, *selectors, **times):
    spec = {"purpose": "training", "selectors": list(selectors)}
    return declared("Workload", name, spec, owner=owner, **times)


def bill(engine, rows, tags=()):
    """`charges` from rows that name only what matters; `cost` fills all four costs."""
    types = {name: kind.replace("('UTC')", "") for name, kind in CHARGES.types.items()}
    types |= dict.fromkeys(tags, "string")
    full = []
    for number, row in enumerate(rows, start=1):
        cost = Decimal(row.get("cost", 0))
        costs = {
            "billed_cost": cost,
            "effective_cost": cost / 2 if cost == cost.to_integral() else cost,
            "list_cost": -cost,
            "contracted_cost": None,
        }
        held = DEFAULTS | {"charge_row": number} | costs | row
        full.append({name: held.get(name) for name in types})
    table = ibis.memtable(pa.Table.from_pylist(full, schema=ibis.schema(types).to_pyarrow()))
    return engine.create_table("bill", table, overwrite=True)


def given(engine, charges, versions, weigh=lambda targets: []):
    """Allocations of a bill under an estate, as rows by charge and then by rule."""
    targets = number_targets(Estate(tuple(versions)))
    fixed = engine.to_pyarrow(constant_weights(targets.rules)).to_pylist()
    rows = [dict.fromkeys(WEIGHTS) | row for row in [*weigh(targets), *fixed]]
    weights = ibis.memtable(pa.Table.from_pylist(rows, schema=WEIGHTS.to_pyarrow()))
    rows = allocate(charges, parts(weights, targets), targets).rows
    return engine.to_pyarrow(rows.order_by("charge_row", "rule", "kind", "team")).to_pylist()
