"""Alerts by their key, and every try to send something."""

import datetime as dt
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.records import ALERTS, SENT
from watermaster.model.channels import Alert, AlertKind, AlertState, Sent
from watermaster.model.plain import plain


def alert_states(records: sa.Engine) -> dict[str, AlertState]:
    """All alerts that were ever told, by key."""
    with records.connect() as connection:
        return {row.key: _state(row) for row in connection.execute(sa.select(ALERTS))}


def put_alerts(connection: sa.Connection, states: Iterable[AlertState]) -> None:
    """Keep these states in place of what was held of their keys."""
    for one in states:
        connection.execute(ALERTS.delete().where(ALERTS.c.key == one.alert.key))
        connection.execute(
            ALERTS.insert().values(
                key=one.alert.key, kind=one.alert.kind.value, first_at=one.first_at.isoformat(),
                last_at=one.last_at.isoformat(), state=one.state, actor=one.actor,
                silent_until=one.silent_until.isoformat() if one.silent_until else None,
                told=json.dumps(plain(one.alert)),
            )
        )  # fmt: skip


def remember_sent(records: sa.Engine, sent: Sent) -> None:
    """Add one try."""
    with records.begin() as connection:
        connection.execute(
            SENT.insert().values(
                at=sent.at.isoformat(), channel=sent.channel, what=sent.what,
                sha256=sent.sha256, fault=sent.fault,
            )
        )  # fmt: skip


def sent_so_far(records: sa.Engine, channel: str | None = None) -> list[Sent]:
    """All tries (of one channel), the oldest first."""
    query = sa.select(SENT).order_by(SENT.c.id)
    if channel is not None:
        query = query.where(SENT.c.channel == channel)
    with records.connect() as connection:
        return [
            Sent(at=dt.datetime.fromisoformat(row.at), channel=row.channel, what=row.what,
                 sha256=row.sha256, fault=row.fault)
            for row in connection.execute(query)
        ]  # fmt: skip


def _state(row: Any) -> AlertState:
    told = json.loads(row.told)
    amount = told["amount"]
    told |= {"kind": AlertKind(told["kind"]), "amount": None if amount is None else Decimal(amount)}
    return AlertState(
        alert=Alert(**told), first_at=dt.datetime.fromisoformat(row.first_at),
        last_at=dt.datetime.fromisoformat(row.last_at), state=row.state, actor=row.actor,
        silent_until=dt.datetime.fromisoformat(row.silent_until) if row.silent_until else None,
    )  # fmt: skip
