"""Slices may come in any order, allocated in between or not: the same ledger."""

import functools
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.flows.allocate import allocate_months
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.model.resources import Delivery, SourceSpec, SourceType
from watermaster.testing.bills import declare, write_bill
from watermaster.testing.export import canonical

SOURCES = {"aws": Delivery.WHOLE_MONTH, "azure": Delivery.PARTS}
MONTHS = ("2026-09", "2026-10")
DELIVERIES = [(source, month) for source in SOURCES for month in MONTHS]


def run(order):
    """Take in deliveries in an order; True between them allocates what is there."""
    folder = Path(tempfile.mkdtemp())
    project = create_project(folder / "home")
    declare(project)
    for step in order:
        if step == "allocate":
            allocate_months(project)
            continue
        source, month = step
        seed = DELIVERIES.index(step)
        path = write_bill(folder / source / f"{month}.csv", month, 15, seed, faulty=seed % 2)
        spec = SourceSpec(type=SourceType.FOCUS, location=str(path), delivery=SOURCES[source])
        ingest_bills(project, source, spec, IngestOptions())
    allocate_months(project)
    found = canonical(project)
    shutil.rmtree(folder)
    return found


@functools.cache
def in_order():
    return run(DELIVERIES)


@settings(max_examples=3)
@given(st.permutations([*DELIVERIES, "allocate", "allocate"]))
def test_any_order_of_deliveries_and_allocations_ends_at_the_same_ledger(order):
    assert run(order) == in_order()
