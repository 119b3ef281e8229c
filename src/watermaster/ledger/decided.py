"""What people decided on findings: appended, never changed; the newest counts."""

import datetime as dt
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.records import FINDING_DECISIONS
from watermaster.model.decided import FindingDecision, Saving, Verb
from watermaster.model.findings import read_finding
from watermaster.model.plain import plain


def append_decisions(connection: sa.Connection, made: Iterable[FindingDecision]) -> None:
    """Add them; they are part of the transaction of `connection`."""
    rows = [
        {
            "finding": one.finding.id, "at": one.at.isoformat(), "actor": one.actor,
            "verb": one.verb.value, "team": one.team, "why": one.why,
            "due": one.due.isoformat() if one.due else None,
            "told": json.dumps({"finding": plain(one.finding), "saving": plain(one.saving)}),
        }
        for one in made
    ]  # fmt: skip
    connection.execute(FINDING_DECISIONS.insert(), rows)


def decisions_on(records: sa.Engine, finding: str | None = None) -> list[FindingDecision]:
    """All decisions (on one finding), the oldest first."""
    query = sa.select(FINDING_DECISIONS).order_by(FINDING_DECISIONS.c.id)
    if finding is not None:
        query = query.where(FINDING_DECISIONS.c.finding == finding)
    with records.connect() as connection:
        return [_read(row) for row in connection.execute(query)]


def _read(row: Any) -> FindingDecision:
    told = json.loads(row.told)
    return FindingDecision(
        finding=read_finding(told["finding"]),
        verb=Verb(row.verb),
        team=row.team,
        due=dt.date.fromisoformat(row.due) if row.due else None,
        why=row.why,
        at=dt.datetime.fromisoformat(row.at),
        actor=row.actor,
        saving=_saving(told["saving"]),
    )


def _saving(told: dict[str, Any] | None) -> Saving | None:
    if told is None:
        return None
    start = told["cash_from"]
    words = {"currency", "basis"}
    held: dict[str, Any] = {
        name: value if name in words else Decimal(value)
        for name, value in told.items()
        if name != "cash_from"
    }
    return Saving(**held, cash_from=dt.date.fromisoformat(start) if start else None)
