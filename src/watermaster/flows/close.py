"""Close a month: its figures become final, and every later change an adjustment elsewhere."""

import json
from enum import StrEnum

from watermaster.flows.allocate import allocate_months
from watermaster.flows.closed import known_closes, read_month
from watermaster.flows.gaps import TELEMETRY, gaps_of, late_telemetry, rejections_of
from watermaster.flows.open import Project
from watermaster.flows.restate import restate
from watermaster.ledger.closes import AMEND, Closed, closes_of
from watermaster.ledger.head import read_head
from watermaster.ledger.lake import files_at, load, tag
from watermaster.ledger.records import CLOSES, DECISIONS
from watermaster.ledger.write import Work, begin
from watermaster.model.closed import MonthClosed
from watermaster.model.errors import BusyError, NotFoundError, RefusedError, UsageError
from watermaster.model.events import Notice, Step

RULE = "close/1"


class Gaps(StrEnum):
    """What to do about what is not known."""

    REFUSE = "refuse"
    ACCEPT = "accept"


def close_month(project: Project, month: str, gaps: Gaps = Gaps.REFUSE) -> MonthClosed:
    """Make a month final: allocate it once more by itself, keep every snapshot, remember the close.

    Refuses while a source is unsettled or missing, unless the gaps are accepted. A month that is
    closed already stays as it is.
    """
    period = read_month(month)
    closes = known_closes(project)
    if month in closes:
        return _told(project, closes[month])
    if project.ledger.clock() < period.end:
        raise RefusedError(
            month, f"the month is not over before {period.end:%Y-%m-%d} UTC", "close it then"
        )
    open_months = _open_months(project, set(closes))
    if month not in open_months:
        raise NotFoundError(month, "the ledger holds no charges of it", "see wm status")
    found = gaps_of(project, read_head(project.ledger.records), month)
    if found and gaps is Gaps.REFUSE:
        fix = "wait for them, or give --accept-gaps: they are then printed on the statement"
        raise RefusedError(month, "; ".join(found), fix)
    notes = rejections_of(project, month)
    earlier = sorted(one for one in open_months if one < month)
    if earlier:
        notes.append(f"{', '.join(earlier)} still open: an earlier month should be closed first")
    for note in [*found, *notes]:
        project.tell(Notice(note))
    allocated = allocate_months(project, [month])
    return _close(project, month, found, (notes, allocated.revision))


def amend_month(project: Project, month: str, why: str) -> MonthClosed:
    """Book what telemetry that came after the close moves, in the oldest open month."""
    read_month(month)
    close = known_closes(project).get(month)
    if close is None:
        raise RefusedError(month, "the month is not closed", "run wm close without --amend")
    if not why.strip():
        raise UsageError("--why", "an amendment needs a reason", "say why in one sentence")
    if not late_telemetry(project, read_head(project.ledger.records), close):
        return _told(project, close)
    with begin(project.ledger, AMEND, project.actor, project.tell) as work:
        snapshots = {name: work.head.snapshots[name] for name in TELEMETRY}
        _tag(work, snapshots, f"{AMEND}-{month}-{len(close.amended) + 1}")
        _decide(work, AMEND, month, snapshots, why)
        restate(work)
        work.detail |= {"month": month, "why": why}
    return _told(project, known_closes(project)[month])


def _open_months(project: Project, closed: set[str]) -> set[str]:
    head = read_head(project.ledger.records)
    table = load(project.ledger.catalog, "charges")
    return {key[1] for _, key, _ in files_at(table, head.snapshots["charges"])} - closed


def _close(
    project: Project, month: str, gaps: list[str], known: tuple[list[str], str]
) -> MonthClosed:
    notes, revision = known
    with begin(project.ledger, "close", project.actor, project.tell) as work:
        if month in closes_of(work.connection) or work.head.name != revision:
            raise BusyError(month, "the ledger moved while it was allocated", "close it again")
        name = f"close-{month}"
        _tag(work, work.head.snapshots, name)
        row = {
            "id": name,
            "month": month,
            "revision": work.head.revision,
            "at": work.at(),
            "actor": project.actor,
            "snapshots": json.dumps(work.head.snapshots, sort_keys=True),
            "gaps": json.dumps([*gaps, *notes]),
        }
        work.connection.execute(CLOSES.insert().values(**row))
        why = f"The figures of {month} are final; later changes are booked as adjustments."
        _decide(work, "close", month, work.head.snapshots, why)
        work.detail |= {"month": month, "gaps": gaps, "notes": notes}
    close = known_closes(project)[month]
    return MonthClosed(
        id=close.id, month=month, snapshot=f"r{close.revision}", at=close.at, actor=close.actor,
        is_new=True, gaps=gaps, notes=notes,
    )  # fmt: skip


def _tag(work: Work, snapshots: dict[str, int], name: str) -> None:
    """Keep the snapshots for ever; a tag that an unfinished close left is moved by the next."""
    for table, snapshot in sorted(snapshots.items()):
        tag(load(work.ledger.catalog, table), snapshot, name)
        work.tell(Step(f"{work.action}.tagged"))


def _decide(work: Work, action: str, month: str, snapshots: dict[str, int], why: str) -> None:
    work.connection.execute(
        DECISIONS.insert().values(
            revision=work.revision,
            at=work.at(),
            action=action,
            rule=RULE,
            subject=month,
            inputs=json.dumps({"revision": work.head.revision, "snapshots": snapshots}),
            why=why,
        )
    )


def _told(project: Project, close: Closed) -> MonthClosed:
    late = late_telemetry(project, read_head(project.ledger.records), close)
    notes = [
        f"{rows} rows of {name} came after the close and move no money; "
        f"wm close {close.month} --amend --why TEXT books them"
        for name, rows in late.items()
    ]
    for note in notes:
        project.tell(Notice(note))
    return MonthClosed(
        id=close.id,
        month=close.month,
        snapshot=f"r{close.revision}",
        at=close.at,
        actor=close.actor,
        is_new=False,
        gaps=list(close.gaps),
        notes=notes,
        amended=list(close.amended),
    )
