"""Tickets about findings, and what was last heard of each."""

import dataclasses
import datetime as dt

import sqlalchemy as sa

from watermaster.ledger.records import TICKETS
from watermaster.model.tickets import Ticket, TicketState


def tickets(records: sa.Engine, finding: str | None = None) -> list[Ticket]:
    """All of them (about one finding), the newest first."""
    query = sa.select(TICKETS).order_by(TICKETS.c.id.desc())
    if finding is not None:
        query = query.where(TICKETS.c.finding == finding)
    with records.connect() as connection:
        return [_read(row) for row in connection.execute(query).mappings()]


def add_ticket(connection: sa.Connection, asked: Ticket) -> Ticket:
    """Keep that a ticket is asked for, before anybody is asked; answers it with its number."""
    values = {name: value for name, value in _row(asked).items() if name != "id"}
    key = connection.execute(TICKETS.insert().values(**values)).inserted_primary_key
    return dataclasses.replace(asked, id=key[0] if key else 0)


def put_ticket(connection: sa.Connection, heard: Ticket) -> None:
    """Keep what was heard of one."""
    connection.execute(TICKETS.update().where(TICKETS.c.id == heard.id).values(**_row(heard)))


def _row(ticket: Ticket) -> dict[str, object]:
    told = dataclasses.asdict(ticket)
    return told | {
        "state": ticket.state.value,
        "at": ticket.at.isoformat(),
        "looked_at": ticket.looked_at and ticket.looked_at.isoformat(),
    }


def _read(row: sa.RowMapping) -> Ticket:
    moments = {
        name: row[name] and dt.datetime.fromisoformat(row[name]) for name in ("at", "looked_at")
    }
    told = dict(row) | moments | {"state": TicketState(row["state"]), "actor": row["actor"] or ""}
    return Ticket(**told)
