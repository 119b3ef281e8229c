"""Fixes and their steps: what was planned, approved, done and undone. Written before and after."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.records import FIX_STEPS, FIXES, SWITCHES
from watermaster.model.acts import Fix, FixPlan, FixState, Remedy, Step, StepDone, StepState, World
from watermaster.model.plain import plain

FIXING = "fixes"


def add_fix(connection: sa.Connection, fix: Fix) -> None:
    """Keep a plan and its steps, all of them pending."""
    connection.execute(
        FIXES.insert().values(
            id=fix.id, finding=fix.plan.finding, target=fix.plan.target, state=fix.state.value,
            planned_at=fix.planned_at.isoformat(), plan=json.dumps(plain(fix.plan)),
            digest=fix.plan.digest,
        )
    )  # fmt: skip
    rows = [
        {"fix": fix.id, "number": number, "state": StepState.PENDING.value,
         "at": fix.planned_at.isoformat(), "before": "{}", "after": "{}"}
        for number in range(len(fix.plan.steps))
    ]  # fmt: skip
    connection.execute(FIX_STEPS.insert(), rows)


def set_fix(connection: sa.Connection, id_: str, state: FixState, **told: Any) -> None:
    """Move a fix on. told: approved_at, approved_by, ended_at, fault."""
    values = {k: v.isoformat() if isinstance(v, dt.datetime) else v for k, v in told.items()}
    connection.execute(FIXES.update().where(FIXES.c.id == id_).values(state=state.value, **values))


def set_step(
    records: sa.Engine, place: tuple[str, int], state: StepState, at: dt.datetime, **told: World
) -> None:
    """Move one step on. place: fix and number; told: before, after."""
    values = {name: json.dumps(plain(world)) for name, world in told.items()}
    same = (FIX_STEPS.c.fix == place[0]) & (FIX_STEPS.c.number == place[1])
    with records.begin() as connection:
        connection.execute(
            FIX_STEPS.update().where(same).values(state=state.value, at=at.isoformat(), **values)
        )


def fixes(records: sa.Engine, finding: str | None = None) -> list[Fix]:
    """All fixes (of one finding), the newest first."""
    query = sa.select(FIXES).order_by(FIXES.c.planned_at.desc(), FIXES.c.id)
    if finding is not None:
        query = query.where(FIXES.c.finding == finding)
    with records.connect() as connection:
        rows = connection.execute(query).all()
        steps = connection.execute(sa.select(FIX_STEPS).order_by(FIX_STEPS.c.number)).all()
    held: dict[str, list[Any]] = {}
    for step in steps:
        held.setdefault(step.fix, []).append(step)
    return [_fix(row, held.get(row.id, [])) for row in rows]


def begun_since(connection: sa.Connection, target: str, since: dt.datetime) -> int:
    """How many fixes of a target were approved since a moment."""
    wanted = (FIXES.c.target == target) & (FIXES.c.approved_at >= since.isoformat())
    query = sa.select(sa.func.count()).select_from(FIXES).where(wanted)
    return int(connection.execute(query).scalar_one())


def switch(connection: sa.Connection, *, is_off: bool, told: Mapping[str, str]) -> None:
    """Stop all fixes, or let them go on. told: at, actor, why."""
    connection.execute(SWITCHES.delete().where(SWITCHES.c.name == FIXING))
    connection.execute(SWITCHES.insert().values(name=FIXING, is_off=is_off, **told))


def why_off(records: sa.Engine) -> str | None:
    """Who stopped all fixes, when and why; None where they may run."""
    with records.connect() as connection:
        row = connection.execute(sa.select(SWITCHES).where(SWITCHES.c.name == FIXING)).first()
    return f"{row.actor} stopped all fixes at {row.at}: {row.why}" if row and row.is_off else None


def _fix(row: Any, steps: list[Any]) -> Fix:
    plan = _plan(json.loads(row.plan))
    return Fix(
        id=row.id, plan=plan, state=FixState(row.state), planned_at=_moment(row.planned_at),
        approved_by=row.approved_by, fault=row.fault,
        approved_at=_moment(row.approved_at) if row.approved_at else None,
        ended_at=_moment(row.ended_at) if row.ended_at else None,
        steps=tuple(
            StepDone(step=planned, state=StepState(kept.state), at=_moment(kept.at),
                     before=json.loads(kept.before), after=json.loads(kept.after))
            for planned, kept in zip(plan.steps, steps, strict=True)
        ),
    )  # fmt: skip


def _plan(told: dict[str, Any]) -> FixPlan:
    return FixPlan(
        finding=told["finding"], target=told["target"], why=told["why"],
        remedy=Remedy(**told["remedy"]), steps=tuple(Step(**one) for one in told["steps"]),
        after=tuple(told.get("after", ())), beware=tuple(told.get("beware", ())),
    )  # fmt: skip


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
