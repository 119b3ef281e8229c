"""Events to whoever watches security: every row of the audit log once, and refused requests.

How far the log was handed over is kept beside the ledger, one file for each receiver: a receiver
that was away gets what it missed, in order. What it got twice has the same uid.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from watermaster.act.events import hand_over
from watermaster.flows.open import Project
from watermaster.ledger.records import AUDIT
from watermaster.model.config import EventSink
from watermaster.model.errors import WatermasterError
from watermaster.model.ocsf import AuditRow, Refusal, of_refusal, of_row

AT_ONCE: Final = 500
EVERY_S: Final = 1.0
MOST_WAITING: Final = 10_000
LOG: Final = logging.getLogger(__name__)


class Refusals:
    """Refused requests that wait to be told; beyond what is held, the oldest are dropped."""

    def __init__(self) -> None:
        self._held: deque[Refusal] = deque(maxlen=MOST_WAITING)

    def add(self, one: Refusal) -> None:
        """Keep one."""
        self._held.append(one)

    def take(self) -> list[Refusal]:
        """All that wait, the oldest first."""
        taken: list[Refusal] = []
        while self._held and len(taken) < AT_ONCE:
            taken.append(self._held.popleft())
        return taken


def send_events(project: Project, refusals: Refusals | None = None) -> int:
    """Hand over what no receiver has yet; how many. A fault of one is told and holds up no other.

    A receiver new to the settings begins with what happens from then on.
    """
    count = 0
    waiting = refusals.take() if refusals else []
    refused = [of_refusal(one, version("watermaster")) for one in waiting]
    for sink in project.config.events:
        try:
            count += _send_rows(project, sink)
            if refused:
                key = hashlib.sha256(repr(refused).encode()).hexdigest()
                hand_over(sink, refused, key)
                count += len(refused)
        except WatermasterError as error:
            LOG.warning("%s", error)
    return count


def keep_telling(project: Project, refusals: Refusals, wait: Callable[[float], bool]) -> None:
    """Hand over what comes until `wait` says that it is over, and once more then."""
    is_over = False
    while not is_over:
        is_over = wait(EVERY_S)
        try:
            send_events(project, refusals)
        except (OSError, sa.exc.SQLAlchemyError) as error:
            LOG.warning("events are told later: %s", error)


def _send_rows(project: Project, sink: EventSink) -> int:
    mark, count = _mark(project, sink), 0
    newest = _newest(project)
    if not mark.exists():
        _write(mark, newest)
        return 0
    done = int(mark.read_text() or 0)
    while done < newest:
        rows = _rows(project, done)
        if not rows:
            break
        told = [of_row(row, version("watermaster")) for row in rows]
        hand_over(sink, told, f"{mark.name}-{rows[0].seq}-{rows[-1].seq}")
        done, count = rows[-1].seq, count + len(rows)
        _write(mark, done)
    return count


def _mark(project: Project, sink: EventSink) -> Path:
    folder = project.home / "events"
    folder.mkdir(exist_ok=True)
    return folder / hashlib.sha256(sink.to.encode()).hexdigest()[:16]


def _write(mark: Path, seq: int) -> None:
    beside = mark.with_suffix(".new")
    beside.write_text(str(seq))
    beside.replace(mark)


def _newest(project: Project) -> int:
    with project.ledger.records.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.max(AUDIT.c.seq))) or 0)


def _rows(project: Project, after: int) -> list[AuditRow]:
    query = sa.select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(AT_ONCE)
    with project.ledger.records.connect() as connection:
        return [
            AuditRow(seq=row.seq, at=row.at, actor=row.actor, action=row.action,
                     detail=row.detail, hash=row.hash)
            for row in connection.execute(query)
        ]  # fmt: skip
