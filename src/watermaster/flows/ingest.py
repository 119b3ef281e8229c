"""Take in a delivery of bills: every slice it touches is replaced whole, in one commit."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Final

import ibis
import pyarrow as pa
import sqlalchemy as sa

from watermaster.flows.estate import known_estate
from watermaster.flows.native_bills import Native, native_bills
from watermaster.flows.open import Project
from watermaster.ledger.closes import closed_months
from watermaster.ledger.delivery import (
    Delivered,
    UnsoundError,
    as_text,
    ask,
    delivered,
    sound_text,
)
from watermaster.ledger.files import Written
from watermaster.ledger.head import read_head
from watermaster.ledger.measure import slice_sums, twins
from watermaster.ledger.records import DELIVERIES, SLICES
from watermaster.ledger.write import Work, begin
from watermaster.model.errors import RefusedError
from watermaster.model.events import Notice, Progress
from watermaster.model.ingested import FileIngested, Ingested, SliceIngested
from watermaster.model.resources import Delivery, SourceSpec, SourceType
from watermaster.model.shapes import SHAPES
from watermaster.model.tables import Table
from watermaster.observe.focus import FocusDelivery, FocusOrder, Origin, deliver
from watermaster.observe.focus_values import NULLS

LEAST_SHARE: Final = Decimal("0.5")  # of the rows or cost held before, else refused
MOST_SHARED: Final = 0.5  # of what a file tells of, told by another file of its month too


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """What the caller may say about one delivery."""

    exported_at: dt.datetime | None = None
    is_replacing: bool = False  # also where the delivery is older or much smaller
    is_strict: bool = False  # one rejected row refuses the file
    origin: Origin = Origin.REFUSE


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of a delivery besides its rows."""

    source: str
    exported: Mapping[str, str]  # charge_file to when it was exported
    options: IngestOptions


def ingest_bills(
    project: Project, source: str, spec: SourceSpec, options: IngestOptions
) -> Ingested:
    """Read the bills at the source's location into `charges` and `rejected`."""
    with (
        delivered(project.ledger, spec.location) as files,
        begin(project.ledger, "ingest", project.actor, project.tell) as work,
    ):
        _refuse_twins(files)
        held = _held_months(work, source)
        fresh = [file for file in files if file.charge_file not in held]
        if not fresh:
            return _nothing_new(project, source, len(files))
        if spec.type is SourceType.AZURE_COST and spec.delivery is Delivery.PARTS:
            fresh = files  # which rows of an actual file count turns on the amortised ones
        keys = known_estate(project).tag_columns()
        work.add_columns("charges", dict.fromkeys(keys, "string"))
        order = FocusOrder(
            source=source,
            where="",
            tag_columns=keys,
            currency=spec.currency,
            date_format=spec.date_format,
            zone=spec.time_zone,
            origin=options.origin,
            now=project.ledger.clock().astimezone(dt.UTC).replace(tzinfo=None),
        )
        native = native_bills(project.ledger, spec.type, files)
        found = list(_read(project, fresh, order, spec.delivery, native))
        _refuse_strict(found, options)
        rows = _all_of([bill.typed for _, bill in found])
        typed = work.write("charges", rows, one_slice=_is_one_slice(found, spec.delivery))
        months = {key[1] for key in typed.rows}
        beside = [file for file in files if held.get(file.charge_file, set()) & months]
        if beside and spec.delivery is Delivery.WHOLE_MONTH:
            again = list(_read(project, beside, order, spec.delivery, native))
            rows = _all_of([bill.typed for _, bill in again])
            typed = typed | work.write("charges", rows.filter(rows.billing_month.isin(months)))
        _refuse_runs(work, files, typed)
        told = _Told(source, _exported(files, options), options)
        outcome = _store(work, found, typed, told)
        return replace(outcome, unchanged=len(files) - len(fresh))


def _is_one_slice(found: Sequence[tuple[Delivered, FocusDelivery]], how: Delivery) -> bool:
    """Whether all rows are of one month and part: then no row is sorted to its file."""
    months = {month for _, bill in found for month in bill.months}
    return (
        len(months) == 1 and None not in months and (len(found) == 1 or how is not Delivery.PARTS)
    )


def _refuse_twins(files: Sequence[Delivered]) -> None:
    first: dict[str, str] = {}
    for file in files:
        twin = first.setdefault(file.sha256, file.name)
        if twin != file.name:
            raise RefusedError(
                file.name, f"has the same bytes as {twin}: its cost would count twice", "remove one"
            )


def _refuse_runs(work: Work, files: Sequence[Delivered], typed: Written) -> None:
    """Two month-to-date runs of one export without manifests are told by what they hold."""
    if len(files) < 2:
        return
    names = {file.charge_file: file.name for file in files}
    for first, second, shared in twins(work.ledger, typed.files, SHAPES["charges"].slice_by):
        if shared > MOST_SHARED:
            what = (
                f"tells of {shared:.0%} of the charges that {names[first]} tells of: as two runs of"
                " one export their cost would count twice"
            )
            fix = "leave only the newest; where both count, declare the Source delivery: parts"
            raise RefusedError(names[second], what, fix)


def _nothing_new(project: Project, source: str, count: int) -> Ingested:
    revision = read_head(project.ledger.records).name
    project.tell(Notice(f"{count} files are held already, byte for byte: nothing to do"))
    return Ingested(
        source=source, table="charges", revision=revision, files=[], slices=[], unchanged=count
    )


def _held_months(work: Work, source: str) -> dict[str, set[str]]:
    """Files the source's slices are made of, by the first digits of their sha256: their months."""
    query = sa.select(SLICES.c.period, SLICES.c.delivery).where(
        SLICES.c.table_name == "charges", SLICES.c.source == source
    )
    months: dict[str, set[str]] = {}
    for period, deliveries in work.connection.execute(query):
        for charge_file in deliveries.split():
            months.setdefault(charge_file, set()).add(period)
    return months


def _read(
    project: Project,
    files: Sequence[Delivered],
    order: FocusOrder,
    how: Delivery,
    native: Native,
) -> Iterable[tuple[Delivered, FocusDelivery]]:
    for number, file in enumerate(files):
        project.tell(Progress(number, len(files), "files", file.name))
        part = file.name if how is Delivery.PARTS else ""
        yield file, _bill(project, file, replace(order, where=file.name, part=part), native)
    project.tell(Progress(len(files), len(files), "files"))


def _bill(project: Project, file: Delivered, order: FocusOrder, native: Native) -> FocusDelivery:
    """The bill in a file; rows that cannot even be read are rejected too."""

    def answer(question: Table) -> pa.Table:
        return ask(project.ledger, question)

    def read(rows: Table) -> FocusDelivery:
        focus, told = native.as_focus(rows, file.name)
        bill = deliver(focus, order, answer)
        return replace(bill, notices=[*told, *bill.notices])

    try:
        return read(as_text(project.ledger, file, NULLS))
    except UnsoundError:
        text = sound_text(project.ledger, file, NULLS)
    bill = read(text.rows)
    unsound = text.unsound.select(
        source=ibis.literal(order.source),
        delivery=ibis.literal(file.charge_file),
        file=ibis.literal(file.name),
        row="row",
        column=ibis.null("string"),
        value="value",
        reason="reason",
    )
    return replace(
        bill,
        rejected=bill.rejected.union(unsound),
        rows=bill.rows + text.unsound_rows,
        faulty_rows=bill.faulty_rows + text.unsound_rows,
    )


def _refuse_strict(
    found: Sequence[tuple[Delivered, FocusDelivery]], options: IngestOptions
) -> None:
    for file, bill in found:
        if options.is_strict and bill.faulty_rows:
            raise RefusedError(
                file.name,
                f"{bill.faulty_rows} of {bill.rows} rows are faulty and --strict was given",
                "mend them, or ingest without --strict and see wm ingest rejected",
            )


def _store(
    work: Work,
    found: Sequence[tuple[Delivered, FocusDelivery]],
    typed: Written,
    told: _Told,
) -> Ingested:
    source, exported, options = told.source, told.exported, told.options
    sums = slice_sums(work.ledger, typed.files, SHAPES["charges"].slice_by)
    slices = [
        _compared(
            work,
            source,
            SliceIngested(period=month, part=part, rows=count, cost=sums[_, month, part].cost),
            max(exported[file] for file in sums[_, month, part].files),
            options,
        )
        for (_, month, part), count in sorted(typed.rows.items())
    ]
    _tell_closed(work, [one.period for one in slices])
    work.swap("charges", list(typed.rows), typed)
    rejected = work.write("rejected", _all_of([bill.rejected for _, bill in found]))
    work.swap("rejected", [(source, file.charge_file) for file, _ in found], rejected)
    for one in slices:
        held = sums[source, one.period, one.part].files
        _remember_slice(work, source, one, held, max(exported[file] for file in held))
    for file, bill in found:
        _remember_file(work, source, file, bill, exported[file.charge_file])
    files = [_file(file, bill) for file, bill in found]
    work.detail |= {"source": source, "files": {file.file: file.sha256 for file in files}}
    return Ingested(
        source=source,
        table="charges",
        revision=f"r{work.revision}",
        files=files,
        slices=slices,
        unchanged=0,
    )


def _tell_closed(work: Work, months: Sequence[str]) -> None:
    for month in sorted(closed_months(work.connection) & set(months)):
        text = f"{month} is closed: wm allocate books the difference in the open month"
        work.tell(Notice(text))


def _all_of(tables: Sequence[Table]) -> Table:
    first, *others = tables
    return first.union(*others) if others else first


def _exported(files: Sequence[Delivered], options: IngestOptions) -> dict[str, str]:
    """When each file was exported: as the caller says, else when its store says it was written."""
    if options.exported_at is not None:
        said = options.exported_at.astimezone(dt.UTC).isoformat()
        return {file.charge_file: said for file in files}
    return {
        file.charge_file: dt.datetime.fromtimestamp(int(file.modified_at), tz=dt.UTC).isoformat()
        for file in files
    }


def _compared(
    work: Work, source: str, now: SliceIngested, exported: str, options: IngestOptions
) -> SliceIngested:
    """The slice beside what is held of it; refused when it is older, or shrinks by half."""
    held = work.connection.execute(
        sa.select(SLICES).where(
            SLICES.c.table_name == "charges",
            SLICES.c.source == source,
            SLICES.c.period == now.period,
            SLICES.c.part == now.part,
        )
    ).first()
    if held is None:
        return now
    was_cost, cost = Decimal(held.cost), now.cost or Decimal(0)
    where, fix = f"source {source}, {now.period}", "give --replace if it is really meant"
    if not options.is_replacing and exported < held.exported_at:
        what = f"exported {exported}, older than the delivery held ({held.exported_at})"
        raise RefusedError(where, what, fix)
    shrinks = now.rows < held.rows * LEAST_SHARE or abs(cost) < abs(was_cost) * LEAST_SHARE
    if not options.is_replacing and shrinks:
        what = f"{now.rows} rows, {cost} billed; held are {held.rows} rows, {was_cost}: under half"
        raise RefusedError(where, what, fix)
    return replace(now, was_rows=held.rows, was_cost=was_cost)


def _remember_slice(
    work: Work, source: str, one: SliceIngested, files: Iterable[str], exported: str
) -> None:
    key = {"table_name": "charges", "source": source, "period": one.period, "part": one.part}
    work.connection.execute(
        SLICES.delete().where(*(SLICES.c[name] == value for name, value in key.items()))
    )
    work.connection.execute(
        SLICES.insert().values(
            **key,
            revision=work.revision,
            delivery=" ".join(sorted(files)),
            exported_at=exported,
            rows=one.rows,
            cost=str(one.cost),
        )
    )


def _remember_file(
    work: Work, source: str, file: Delivered, bill: FocusDelivery, exported: str
) -> None:
    work.connection.execute(
        DELIVERIES.insert().values(
            revision=work.revision,
            source=source,
            file=file.name,
            sha256=file.sha256,
            exported_at=exported,
            received_at=work.at(),
            rows=bill.rows,
            rejected=bill.faulty_rows,
            rounding=json.dumps({name: str(gap) for name, gap in bill.rounding.items()}),
            report=json.dumps(
                {
                    "version": bill.version,
                    "notices": bill.notices,
                    "breaks": [asdict(each) for each in bill.breaks],
                }
            ),
        )
    )


def _file(file: Delivered, bill: FocusDelivery) -> FileIngested:
    return FileIngested(
        file=file.name,
        sha256=file.sha256,
        version=bill.version,
        rows=bill.rows,
        rejected=bill.faulty_rows,
        rounding=bill.rounding,
        notices=bill.notices,
    )
