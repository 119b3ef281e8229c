"""Figures of cost, read from the allocations at head."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from watermaster.decide.cost.by import (
    DIMENSIONS,
    TAGS,
    Cost,
    cost_by,
    filtered,
    parts_of_charges,
)
from watermaster.decide.cost.convert import RULE as CONVERT
from watermaster.decide.cost.convert import amount_in
from watermaster.decide.cost.tagged import Tag, declared_tags, tagged, tags_told
from watermaster.flows.closed import View, allocations_of, charge_slices, known_closes
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.flows.sight import sight
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.lake import Slice
from watermaster.ledger.read import read
from watermaster.ledger.records import DECISIONS, DELIVERIES, SLICES
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.estate import tag_column
from watermaster.model.focus_columns import FOCUS_NAMES
from watermaster.model.reports import CostReport
from watermaster.model.shapes import COSTS
from watermaster.model.tables import Table
from watermaster.model.tagging import TagValue
from watermaster.model.why import Part, Why

OWNER: tuple[str, ...] = (
    "workload", "team", "unit", "cost_center", "model", "dataset", "project", "environment",
    "purpose", "stage", "platform", "pool", "accelerator",
)  # fmt: skip
NO_CHARGE: Final = "is no charge of the ledger"
OTHERS: Final = ("Cost", "Price", "Quantity", "_cost", "_price", "_quantity")  # of a whole charge


@dataclass(frozen=True, slots=True, kw_only=True)
class CostQuestion:
    """Which costs, of which months, by what."""

    by: Sequence[str] = ()
    cost: Cost = Cost.EFFECTIVE
    months: Sequence[str] = ()  # billing months; none: all in the ledger
    wanted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    view: View = View.CLOSED
    is_converted: bool = True  # several currencies as the organisation's, where rates allow


def costs(project: Project, question: CostQuestion) -> CostReport:
    """One cost by dimensions."""
    head = read_head(project.ledger.records)
    allocations = allocations_of(project, head, question.months, question.view)
    by = tuple(dict.fromkeys(question.by))
    check_dimensions(allocations, by)
    check_dimensions(allocations, question.wanted, "--filter")
    wanted = filtered(allocations, question.wanted)
    into, said = _into(project, wanted, question)
    meant = tags_told(declared_tags(known_estate(project)), (*by, *question.wanted))
    decision = cost_by(wanted, by, question.cost, into)
    rows = project.ledger.engine.to_pyarrow(decision.rows).to_pylist()
    totals: dict[str, Decimal] = {}
    for row in rows:
        known = row["cost"] if row["cost"] is not None else Decimal(0)
        totals[row["currency"]] = totals.get(row["currency"], Decimal(0)) + known
    only = next(iter(totals)) if len(totals) == 1 else None
    if only is not None:
        rows = [{name: value for name, value in row.items() if name != "currency"} for row in rows]
    return CostReport(
        rule=decision.rule,
        snapshot=head.name,
        why=" ".join([decision.why, *said, *meant, *stale(project, question.months)]),
        cost=question.cost.value,
        by=by,
        currency=only,
        total=totals[only] if only is not None else None,
        totals=totals,
        rows=rows,
    )


def _into(project: Project, rows: Table, question: CostQuestion) -> tuple[str | None, list[str]]:
    """The currency to say costs in (None: each in its own), and a sentence on why."""
    own, cost = project.config.currency, question.cost.column
    asked = rows.aggregate(
        foreign=(rows.billing_currency != own).sum(),
        unknown=(rows[cost].notnull() & amount_in(rows, cost, own).isnull()).sum(),
    )
    found = project.ledger.engine.to_pyarrow(asked).to_pylist()[0]
    if not found["foreign"] or not question.is_converted:
        return None, []
    if found["unknown"]:
        text = f"{found['unknown']} parts have no rate into {own} on their day: not converted."
        return None, [text]
    return own, [f"Converted to {own} by the rate of the day each charge starts ({CONVERT})."]


def largest(project: Project, question: CostQuestion, most: int) -> CostReport:
    """The largest parts of charges, each with the charge it is of; totals over all of them."""
    head = read_head(project.ledger.records)
    allocations = allocations_of(project, head, question.months, question.view)
    check_dimensions(allocations, question.wanted, "--filter")
    rows = filtered(allocations, question.wanted)
    summed = cost_by(rows, (), question.cost)
    listed = project.ledger.engine.to_pyarrow(parts_of_charges(rows, question.cost, most))
    totals = {
        row["currency"]: row["cost"]
        for row in project.ledger.engine.to_pyarrow(summed.rows).to_pylist()
    }
    only = next(iter(totals)) if len(totals) == 1 else None
    return CostReport(
        rule=summed.rule,
        snapshot=head.name,
        why=" ".join([f"The {most} largest parts.", *stale(project, question.months)]),
        cost=question.cost.value,
        by=(),
        currency=only,
        total=totals[only] if only is not None else None,
        totals=totals,
        rows=listed.to_pylist(),
    )


def stale(project: Project, months: Sequence[str]) -> list[str]:
    """A sentence for the months whose bills are newer than their allocation."""
    query = (
        sa.select(SLICES.c.period, sa.func.max(SLICES.c.revision).label("changed"))
        .where(SLICES.c.table_name == "charges")
        .group_by(SLICES.c.period)
    )
    allocated = (
        sa.select(DECISIONS.c.subject, sa.func.max(DECISIONS.c.revision).label("done"))
        .where(DECISIONS.c.action == "allocate")
        .group_by(DECISIONS.c.subject)
    )
    with project.ledger.records.connect() as connection:
        done = {row.subject: row.done for row in connection.execute(allocated)}
        changed = {row.period: row.changed for row in connection.execute(query)}
    behind = sorted(
        month
        for month, revision in changed.items()
        if revision > done.get(month, -1) and (not months or month in months)
    )
    if not behind:
        return []
    return [f"Bills of {', '.join(behind)} are newer than their allocation: run wm allocate."]


def check_dimensions(allocations: Table, names: Iterable[str], where: str = "--by") -> None:
    """UsageError that lists what there is, tags too, where a name is no dimension."""
    for name in names:
        known = name in DIMENSIONS
        if name.startswith(TAGS):
            known = tag_column(name.partition(":")[2]) in allocations.columns
        if not known:
            tags = (c.replace("tag_", "tag:", 1) for c in allocations.columns if c[:4] == "tag_")
            may = ", ".join([*DIMENSIONS, *tags])
            raise UsageError(where, f"there is no dimension {name!r}", f"write one of {may}")


def why(project: Project, charge_file: str, charge_row: int) -> Why:
    """Walk one charge back to the delivered row, and forward to every part and its rule."""
    charge, head = _charge(project, read_head(project.ledger.records), (charge_file, charge_row))
    held = (str(charge["source"]), str(charge["billing_month"]))
    tags = declared_tags(known_estate(project))
    allocations = read(project.ledger, head, "allocations", [held])
    mine = allocations.filter(
        allocations.charge_file == charge_file, allocations.charge_row == charge_row
    )
    mine = tagged(mine, tags)
    rows = project.ledger.engine.to_pyarrow(mine.order_by(mine.ratio.desc(), mine.rule))
    parts = rows.to_pylist()
    shown = _shown(project, parts, f"{charge_file}:{charge_row}")
    told = {
        FOCUS_NAMES.get(name, name): value for name, value in charge.items() if value is not None
    }
    if len(shown) < len(parts):  # what others pay of it is theirs to see
        told = {name: value for name, value in told.items() if not name.endswith(OTHERS)}
    return Why(
        rule="allocate/1",
        snapshot=head.name,
        why=f"Row {charge_row} of {_file_name(project, charge_file)}.",
        charge=told,
        file=_file_name(project, charge_file),
        row=charge_row,
        parts=[_part(row, tags) for row in shown],
    )


def _shown(project: Project, parts: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    """The parts that who asks may see; a charge with none of them is as if it were not there."""
    mine = sight(project)
    shown = [row for row in parts if mine is None or mine.holds(row["team"], row["unit"])]
    if mine is not None and not shown:
        raise NotFoundError(where, NO_CHARGE, "see wm cost show -o wide")
    return shown


def _charge(
    project: Project, head: Head, charge: tuple[str, int]
) -> tuple[dict[str, object], Head]:
    """A charge, and the head it stands at: the newest, else that of the close that billed it."""
    with project.ledger.records.connect() as connection:
        query = sa.select(SLICES.c.source, SLICES.c.period, SLICES.c.part).where(
            SLICES.c.table_name == "charges", SLICES.c.delivery.contains(charge[0])
        )
        held: list[Slice] = [(r.source, r.period, r.part) for r in connection.execute(query)]
    places: list[tuple[Head, list[Slice]]] = [(head, held)]
    for month, close in known_closes(project).items():
        places.append((close.head, charge_slices(project, close.head, month)))
    for place, slices in places:
        charges = read(project.ledger, place, "charges", slices)
        one = charges.filter(charges.charge_file == charge[0], charges.charge_row == charge[1])
        for row in project.ledger.engine.to_pyarrow(one).to_pylist():
            return row, place
    raise NotFoundError(f"{charge[0]}:{charge[1]}", NO_CHARGE, "see wm cost show -o wide")


def _file_name(project: Project, charge_file: str) -> str:
    with project.ledger.records.connect() as connection:
        query = (
            sa.select(DELIVERIES.c.file)
            .where(DELIVERIES.c.sha256.startswith(charge_file))
            .order_by(DELIVERIES.c.id.desc())
        )
        name = connection.execute(query).scalar()
    return str(name) if name else charge_file


def _part(row: Mapping[str, Any], tags: Sequence[Tag]) -> Part:
    return Part(
        kind=str(row["kind"]),
        rule=str(row["rule"]),
        because=because(str(row["kind"]), str(row["rule"])),
        ratio=row["ratio"],
        costs={cost: row[cost] for cost in COSTS},
        owner={name: row[name] for name in OWNER if row[name] is not None},
        utilisation=row["utilisation"],
        tags=[_tag(row, one.key) for one in tags],
    )


def _tag(row: Mapping[str, Any], key: str) -> TagValue:
    stem = tag_column(key).removeprefix("tag_")
    value, raw, source, by = (
        row[f"{kind}_{stem}"] for kind in ("tag", "rawtag", "tagfrom", "tagby")
    )
    return TagValue(key=key, value=value, raw=raw, source=source, because=by)


def because(kind: str, rule: str) -> str:
    """A rule as a sentence for the person who pays."""
    what, _, name = rule.partition(":")
    name, _, detail = name.partition(":")
    sentences = {
        "selector": f"A selector of {name} recognises it.",
        "team": f"A selector of team {name} recognises it.",
        "dataset": f"It is stored at a location of dataset {name}.",
        "transfer": f"It moved data of {name}; split by the bytes each workload moved.",
        "tokens": {
            "measured": f"Asked of model {name}; split by the tokens that were counted.",
            "unallocated": f"Asked of model {name} by keys that no selector takes.",
        }.get(kind, f"Model {name}: no tokens were counted in the time it covers."),
        "rule": f"Shared by allocation rule {name}.",
        "purchase": f"The price of commitment {name}, paid by its owner.",
        "commitment-unused": f"A commitment nobody used{f', {name}' if name else ''}.",
        "commitment": f"A contract, {name}, whose use nobody saw.",
        "no-rule": "No selector, pool or rule recognises it.",
        "ambiguous": "Equally strong selectors of several workloads recognise it.",
        "pool": {
            "measured": f"Work on pool {name}, by reserved GPU-seconds.",
            "idle": f"GPUs of pool {name} that nobody reserved.",
            "unmeasured": f"GPUs of pool {name} whose supply or use was not observed.",
        }.get(kind, f"GPUs of pool {name}: {detail.replace('-', ' ')}."),
    }
    return sentences.get(what, rule)
