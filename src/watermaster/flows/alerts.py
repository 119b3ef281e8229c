"""Alerts: computed, told once while they last, acknowledged, silenced with an end."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from watermaster.decide.cost.by import Cost, cost_by
from watermaster.decide.review.alerts import of_costs, of_findings
from watermaster.flows.closed import allocations_of
from watermaster.flows.decide_finding import tell_findings
from watermaster.flows.open import Project
from watermaster.flows.scope import month_sizes
from watermaster.flows.send import alerts_message, channels, send
from watermaster.flows.sight import is_theirs, teams_in_sight
from watermaster.flows.source_gaps import source_gaps
from watermaster.ledger.alerts import alert_states, put_alerts
from watermaster.ledger.head import read_head
from watermaster.ledger.note import note
from watermaster.model.channels import Alert, AlertState, ChannelSpec
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.units.text import day_name

FIRING: Final = "firing"
ACKNOWLEDGED: Final = "acknowledged"
ENDED: Final = "ended"
SETTLED: Final = dt.timedelta(days=2)  # a day's cost still comes in for so long
ALL: Final = Decimal(0)


def run_alerts(project: Project) -> list[AlertState]:
    """Look what holds now, send what is new to who wants it, end what does not hold any more."""
    now = project.ledger.clock()
    held = alert_states(project.ledger.records)
    current = {one.key: one for one in _current(project)}
    states, fresh = [], []
    for key, alert in current.items():
        was = held.get(key)
        if was is None or was.state == ENDED:
            made = AlertState(alert=alert, first_at=now, last_at=now, state=FIRING, actor=None,
                              silent_until=was.silent_until if was else None)  # fmt: skip
            if made.silent_until is None or made.silent_until <= now:
                fresh.append(alert)
        else:
            made = replace(was, alert=alert, last_at=now)
        states.append(made)
    ended = [replace(one, state=ENDED, last_at=now) for key, one in held.items()
             if key not in current and one.state != ENDED]  # fmt: skip
    changed = [one for one in states if one != held.get(one.alert.key)]
    if changed or ended:
        detail = {"firing": len(states), "new": len(fresh), "ended": len(ended)}
        with note(project.ledger, "alerts", project.actor, detail) as connection:
            put_alerts(connection, [*changed, *ended])
    _send(project, fresh, now)
    return list_alerts(project)


def list_alerts(
    project: Project, every: Sequence[str] = (FIRING, ACKNOWLEDGED)
) -> list[AlertState]:
    """Alerts of these states, the dearest first; those of one's own units."""
    theirs = teams_in_sight(project)
    found = [one for one in alert_states(project.ledger.records).values()
             if one.state in every and is_theirs(theirs, one.alert.team)]  # fmt: skip
    return sorted(found, key=lambda one: (-(one.alert.amount or 0), one.alert.key))


def acknowledge(project: Project, key: str) -> AlertState:
    """Say that somebody is at it."""
    held = _named(project, key)
    return _put(project, "alert-acknowledged",
                replace(held, state=ACKNOWLEDGED, actor=project.actor))  # fmt: skip


def silence(project: Project, key: str, until: dt.datetime) -> AlertState:
    """Send nothing about it until a moment, also if it ends and comes again."""
    if until <= project.ledger.clock():
        raise UsageError(f"alert {key}", f"{day_name(until.date())} is past", "name a later moment")
    held = _named(project, key)
    return _put(project, "alert-silenced",
                replace(held, silent_until=until, actor=project.actor))  # fmt: skip


def _put(project: Project, action: str, state: AlertState) -> AlertState:
    detail = {"key": state.alert.key, "until": state.silent_until}
    with note(project.ledger, action, project.actor, detail) as connection:
        put_alerts(connection, [state])
    return state


def _named(project: Project, key: str) -> AlertState:
    states = alert_states(project.ledger.records)
    found = [one for name, one in states.items() if name.startswith(key) or name.endswith(key)]
    if len(found) != 1:
        what = "is none" if not found else "fits several"
        raise NotFoundError(f"alert {key}", what, "see wm alert list for the keys")
    return found[0]


def _current(project: Project) -> list[Alert]:
    """What holds now, whoever wants to hear it: the least of all channels is the threshold."""
    specs: list[ChannelSpec] = [one.spec for one in channels(project) if "alert" in one.spec.sends]
    least = min((one.least for one in specs), default=ALL)
    told = tell_findings(project)
    found = list(of_findings(told.found, told.standing, told.savings, least))
    return [*found, *_moved(project, least)]


def _moved(project: Project, least: Decimal) -> Iterable[Alert]:
    """Of the newest day whose cost is in; silent while any source is, since it may be its."""
    head = read_head(project.ledger.records)
    months = list(month_sizes(project, head))[:3]
    if not months or source_gaps(project):
        return []
    rows = allocations_of(project, head, months)
    by = cost_by(rows.filter(rows.charge_category == "Usage"), ("team", "day"), Cost.EFFECTIVE).rows
    told: list[dict[str, Any]] = project.ledger.engine.to_pyarrow(by).to_pylist()
    by_team: dict[str, dict[dt.date, Decimal]] = {}
    limit = (project.ledger.clock() - SETTLED).date()
    for row in told:
        day = dt.date.fromisoformat(str(row["day"])[:10]) if row["day"] else None
        if row["team"] and day and day <= limit:
            by_team.setdefault(row["team"], {})[day] = row["cost"] or Decimal(0)
    days = [day for held in by_team.values() for day in held]
    if not days:
        return []
    return of_costs(by_team, max(days), told[0]["currency"], least)


def _send(project: Project, fresh: Sequence[Alert], now: dt.datetime) -> None:
    address = project.config.sign_in.public_url if project.config.sign_in else ""
    for channel in channels(project):
        spec: ChannelSpec = channel.spec
        mine = [one for one in fresh if _wants(spec, one)]
        if mine:
            send(project, channel, alerts_message(spec, mine, now, address))


def _wants(spec: ChannelSpec, alert: Alert) -> bool:
    return (
        "alert" in spec.sends
        and (not spec.alerts or alert.kind in spec.alerts)
        and (not spec.teams or alert.team in spec.teams)
        and (alert.amount is None or alert.amount >= spec.least)
        and alert.currency in {None, spec.currency}
    )
