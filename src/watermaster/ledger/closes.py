"""Closed months: what was known when each was closed, and what was amended since."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from watermaster.ledger.head import Head
from watermaster.ledger.records import CLOSES, DECISIONS

AMEND: Final = "amend"


@dataclass(frozen=True, slots=True)
class Closed:
    """One closed month; `revision` is the ledger's when it was closed."""

    id: str
    month: str
    revision: int
    at: str
    actor: str
    snapshots: Mapping[str, int]  # of every fact table, at the close
    gaps: Sequence[str]  # accepted at the close
    telemetry: Mapping[str, int]  # snapshots its work is measured by: the close's or an amendment's
    amended: Sequence[str] = ()  # why, for each amendment

    @property
    def head(self) -> Head:
        """The ledger as it was at the close."""
        return Head(self.revision, dict(self.snapshots))


def closed_months(connection: sa.Connection) -> set[str]:
    """The months that are closed."""
    return set(connection.scalars(sa.select(CLOSES.c.month)))


def closes_of(connection: sa.Connection) -> dict[str, Closed]:
    """Every closed month, by month."""
    amendments = sa.select(DECISIONS).where(DECISIONS.c.action == AMEND).order_by(DECISIONS.c.id)
    amended: dict[str, list[tuple[str, dict[str, int]]]] = {}
    for row in connection.execute(amendments):
        amended.setdefault(row.subject, []).append((row.why, json.loads(row.inputs)["snapshots"]))
    found = {}
    for row in connection.execute(sa.select(CLOSES).order_by(CLOSES.c.month)):
        since = amended.get(row.month, [])
        snapshots = json.loads(row.snapshots)
        found[row.month] = Closed(
            id=row.id,
            month=row.month,
            revision=row.revision,
            at=row.at,
            actor=row.actor,
            snapshots=snapshots,
            gaps=json.loads(row.gaps),
            telemetry=since[-1][1] if since else snapshots,
            amended=[why for why, _ in since],
        )
    return found
