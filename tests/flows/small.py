"""Small ledgers for flow tests: declared, billed and measured without files."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import ibis
import pyarrow as pa

from watermaster.flows.open import Project, create_project
from watermaster.ledger.head import read_head
from watermaster.ledger.read import read
from watermaster.ledger.resources import Recording, Row, append
from watermaster.ledger.write import begin
from watermaster.model.resources import load_resource
from watermaster.model.shapes import COSTS, SHAPES, TIME


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self, now: str) -> None:
        self.now = moment(now)

    def __call__(self) -> dt.datetime:
        return self.now

    def set(self, now: str) -> None:
        self.now = moment(now)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def project_at(home: Path, clock: Clock) -> Project:
    told: list[object] = []
    project = create_project(home, tell=told.append, clock=clock)
    object.__setattr__(project, "told", told)
    return project


def declare(project: Project, *documents: Mapping[str, object], valid_from: str | None = None):
    """Tell the ledger resources, now, as valid from a moment (None: the beginning)."""
    with begin(project.ledger, "apply", "test", project.tell) as work:
        rows = []
        for document in documents:
            found = load_resource({"apiVersion": "watermaster/v1"} | dict(document))
            start = None if valid_from is None else moment(valid_from)
            rows.append(Row(found.kind, found.metadata.name, start, found))
        append(work.connection, rows, Recording(work.revision, project.ledger.clock(), "test"))


def resource(kind: str, name: str, spec: Mapping[str, object], owner: str | None = None):
    return {"kind": kind, "metadata": {"name": name, "owner": owner}, "spec": dict(spec)}


def store(project: Project, table: str, rows: Sequence[Mapping[str, object]]):
    """Let a fact table hold `rows` in place of the slices they lie in."""
    shape = SHAPES[table]
    with begin(project.ledger, "store", "test", project.tell) as work:
        kinds = {n: ("timestamp" if k == TIME else k) for n, k in shape.types.items()}
        schema = ibis.schema(
            {n: ibis.dtype(k) for n, k in kinds.items() if n in set().union(*rows)}
        )
        held = pa.Table.from_pylist([dict(row) for row in rows], schema=schema.to_pyarrow())
        written = work.write(table, ibis.memtable(held, schema=schema))
        work.swap(table, list(written.rows), written)


def charge(source: str, month: str, number: int, cost: str, **more: object) -> dict[str, object]:
    """One bill row; effective is half of billed unless told."""
    start = dt.datetime.fromisoformat(f"{month}-05")
    amount = Decimal(cost)
    costs = dict.fromkeys(COSTS, amount) | {"effective_cost": amount / 2}
    return (
        costs
        | {
            "source": source,
            "billing_month": month,
            "part": "",
            "charge_file": hashlib.sha256(f"{source}{month}".encode()).hexdigest()[:16],
            "charge_row": number,
            "billing_currency": "USD",
            "service_name": "Compute",
            "provider_name": "Cloud",
            "sub_account_id": "a-1",
            "charge_category": "Usage",
            "charge_period_start": start,
            "charge_period_end": start + dt.timedelta(days=1),
        }
        | more
    )


def used(day: str, node: str, hour: int, subject: str, seconds: int, **more: object):
    """One row of gpu_hours."""
    start = dt.datetime.fromisoformat(day) + dt.timedelta(hours=hour)
    return {
        "source": "dcgm", "day": day, "platform": "fra", "node": node, "gpu": None, "hour": start,
        "subject_kind": "pod", "subject_uid": subject, "reserved_s": seconds,
    } | more  # fmt: skip


def supplied(day: str, node: str, hour: int, seconds: int, **more: object):
    """One row of gpu_supply: all of it present, healthy and schedulable."""
    start = dt.datetime.fromisoformat(day) + dt.timedelta(hours=hour)
    amounts = dict.fromkeys(("present_s", "healthy_s", "schedulable_s"), seconds)
    return {
        "source": "dcgm", "day": day, "platform": "fra", "node": node, "gpu": None, "hour": start,
    } | amounts | more  # fmt: skip


def rows_of(project: Project, table: str) -> list[dict[str, object]]:
    """Every row of a fact table at head."""
    head = read_head(project.ledger.records)
    return project.ledger.engine.to_pyarrow(read(project.ledger, head, table)).to_pylist()
