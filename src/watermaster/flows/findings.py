"""What does not fit between declared and seen: found, kept by stable id, listed."""

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from watermaster.decide.estate.findings import RULE, dearest_first, findings
from watermaster.flows.estate import known_estate
from watermaster.flows.heard import with_heard
from watermaster.flows.open import Project
from watermaster.flows.scope import estate_month
from watermaster.flows.sight import is_theirs, teams_in_sight
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.things import things_seen
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.records import DECISIONS, FINDINGS
from watermaster.ledger.write import begin
from watermaster.model.errors import NotFoundError
from watermaster.model.estate import live_estate
from watermaster.model.findings import Finding, FindingsReport, read_finding
from watermaster.model.plain import plain

ACTION: Final = "reconcile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which findings are listed; nothing chosen: all that are open."""

    rules: Sequence[str] = ()
    teams: Sequence[str] = ()  # owner or best guess
    closed: bool = False  # also those no longer found


def find(project: Project, month: str | None = None) -> FindingsReport:
    """Hold what is declared beside what was seen in a month (None: the newest), and keep it."""
    head = read_head(project.ledger.records)
    month, _ = estate_month(project, head, month)
    estate = live_estate(known_estate(project))
    seen = with_heard(project, things_seen(project, head, month, estate), estate)
    found = findings(seen, estate)
    with begin(project.ledger, ACTION, project.actor, project.tell) as work:
        _keep(work.connection, found, work.at())
        work.connection.execute(
            DECISIONS.insert().values(
                revision=work.revision, at=work.at(), action=ACTION, rule=RULE, subject=month,
                inputs=json.dumps({"revision": head.revision, "snapshots": head.snapshots}),
                why=_why(found, month),
            )
        )  # fmt: skip
        work.detail |= {"month": month, "rule": RULE, "findings": len(found)}
        revision = f"r{work.revision}"
    return FindingsReport(
        rule=RULE, snapshot=revision, why=_why(found, month), month=month, found=found,
        gaps=source_gaps(project),
    )  # fmt: skip


def found_at(project: Project, head: Head, month: str) -> list[Finding] | None:
    """What the newest reconciliation found, if it was of this month and nothing changed since."""
    newest = (
        sa.select(DECISIONS.c.subject, DECISIONS.c.revision)
        .where(DECISIONS.c.action == ACTION)
        .order_by(DECISIONS.c.id.desc())
        .limit(1)
    )
    with project.ledger.records.connect() as connection:
        last = connection.execute(newest).first()
        if last is None or tuple(last) != (month, head.revision):
            return None
        query = sa.select(FINDINGS.c.found).where(FINDINGS.c.is_open)
        return dearest_first(read_finding(json.loads(text)) for text in connection.scalars(query))


def list_findings(project: Project, chosen: Chosen | None = None) -> FindingsReport:
    """The findings of the newest reconciliation, the dearest first; those of one's own units."""
    asked = chosen or Chosen()
    query = sa.select(FINDINGS) if asked.closed else sa.select(FINDINGS).where(FINDINGS.c.is_open)
    newest = (
        sa.select(DECISIONS)
        .where(DECISIONS.c.action == ACTION)
        .order_by(DECISIONS.c.id.desc())
        .limit(1)
    )
    with project.ledger.records.connect() as connection:
        rows = [read_finding(json.loads(row.found)) for row in connection.execute(query)]
        last = connection.execute(newest).first()
    theirs = teams_in_sight(project)
    found = [
        one
        for one in rows
        if is_theirs(theirs, one.team, one.guess)
        and (not asked.rules or one.rule in asked.rules)
        and (not asked.teams or {one.team, one.guess} & set(asked.teams))
    ]
    month = last.subject if last else ""
    return FindingsReport(
        rule=RULE,
        snapshot=f"r{last.revision}" if last else read_head(project.ledger.records).name,
        why=last.why if last else "Nothing was held beside what is declared yet: wm finding update",
        month=month,
        found=dearest_first(found),
        gaps=source_gaps(project),
    )


def open_ids(project: Project) -> set[str]:
    """Of the findings that the newest reconciliation found."""
    with project.ledger.records.connect() as connection:
        return set(connection.scalars(sa.select(FINDINGS.c.id).where(FINDINGS.c.is_open)))


def kept_findings(project: Project) -> dict[str, tuple[Finding, dt.date | None]]:
    """All findings ever kept, by id, with the day one was last found if it no longer is."""
    with project.ledger.records.connect() as connection:
        rows = connection.execute(sa.select(FINDINGS)).all()
    return {
        row.id: (
            read_finding(json.loads(row.found)),
            None if row.is_open else dt.datetime.fromisoformat(row.last_found_at).date(),
        )
        for row in rows
    }


def show_finding(project: Project, id_: str) -> Finding:
    """One finding by its id, or the first letters of it."""
    with project.ledger.records.connect() as connection:
        rows = list(
            connection.execute(sa.select(FINDINGS).where(FINDINGS.c.id.startswith(id_)).limit(2))
        )
    if len(rows) != 1:
        what = "is no finding" if not rows else "fits several findings"
        raise NotFoundError(f"finding {id_}", what, "see wm finding list for the ids")
    found = read_finding(json.loads(rows[0].found))
    if not is_theirs(teams_in_sight(project), found.team, found.guess):
        raise NotFoundError(f"finding {id_}", "is no finding", "see wm finding list for the ids")
    return found


def _why(found: Sequence[Finding], month: str) -> str:
    rules = len({one.rule for one in found})
    return f"{len(found)} findings of {rules} rules about {month}."


def _keep(connection: sa.Connection, found: Sequence[Finding], now: str) -> None:
    """What is found is open, with the moment it was first; what is not any more is closed."""
    first = dict(connection.execute(sa.select(FINDINGS.c.id, FINDINGS.c.first_found_at)).all())
    connection.execute(FINDINGS.update().values(is_open=False))
    if not found:
        return
    gone = FINDINGS.delete().where(FINDINGS.c.id == sa.bindparam("gone"))
    connection.execute(gone, [{"gone": one.id} for one in found])
    connection.execute(
        FINDINGS.insert(),
        [
            {
                "id": one.id,
                "rule": one.rule,
                "subject": one.subject,
                "first_found_at": first.get(one.id, now),
                "last_found_at": now,
                "is_open": True,
                "found": json.dumps(plain(dataclasses.asdict(one))),
            }
            for one in found
        ],
    )
