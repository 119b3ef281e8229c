"""What a monitoring system may know of the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from watermaster.decide.cost.by import Cost, cost_by
from watermaster.decide.cost.overview import supply_by_month, use_by_month
from watermaster.flows.closed import allocations_of
from watermaster.flows.open import Project
from watermaster.flows.overview import days_of
from watermaster.flows.scope import month_sizes, usual_month
from watermaster.flows.source_ages import source_states
from watermaster.ledger.head import Head, read_head

Samples = Sequence[tuple[Mapping[str, str], int | Decimal]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One gauge: its name, what it means, its samples by labels."""

    name: str
    told: str
    samples: Samples


def ledger_metrics(project: Project) -> list[Metric]:
    """Revision, age of each source, and cost and GPU-seconds of the newest month."""
    head = read_head(project.ledger.records)
    states = source_states(project)
    ages = [({"source": s.source, "table": s.table}, s.age_s) for s in states]
    rows = [({"source": s.source, "table": s.table}, s.rows) for s in states]
    found = [
        Metric("watermaster_ledger_revision", "Revision of the ledger.", [({}, head.revision)]),
        Metric("watermaster_source_age_seconds", "Age of the newest delivery held.", ages),
        Metric("watermaster_source_rows", "Rows held.", rows),
    ]
    sizes = month_sizes(project, head)
    if not sizes:
        return found
    month = usual_month(sizes)
    return [*found, _cost(project, head, month), *_gpu(project, head, month)]


def _cost(project: Project, head: Head, month: str) -> Metric:
    rows = allocations_of(project, head, [month])
    summed = cost_by(rows, ("unit", "kind"), Cost.EFFECTIVE).rows
    samples = [
        (
            {"month": month, "unit": row["unit"] or "", "kind": row["kind"] or "",
             "currency": row["currency"] or ""},
            row["cost"],
        )
        for row in project.ledger.engine.to_pyarrow(summed).to_pylist()
        if row["cost"] is not None
    ]  # fmt: skip
    return Metric("watermaster_cost", "Effective cost of the newest bill month.", samples)


def _gpu(project: Project, head: Head, month: str) -> list[Metric]:
    rows: dict[str, Any] = {}
    engine = project.ledger.engine
    for table in (
        supply_by_month(days_of(project, head, "gpu_supply", {month})),
        use_by_month(days_of(project, head, "gpu_hours", {month})),
    ):
        for row in engine.to_pyarrow(table).to_pylist():
            rows |= row
    told = {
        "supplied_s": ("supplied", "GPU-seconds healthy and open to work"),
        "reserved_s": ("reserved", "GPU-seconds reserved"),
        "used_s": ("used", "GPU-seconds reserved x utilisation"),
    }
    return [
        Metric(
            f"watermaster_gpu_{name}_seconds", f"{what}, newest month.",
            [({"month": month}, rows[column])],
        )
        for column, (name, what) in told.items()
        if rows.get(column) is not None
    ]  # fmt: skip
