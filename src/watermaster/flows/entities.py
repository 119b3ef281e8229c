"""Workloads, models, datasets and platforms: listed with what was seen of them, and one whole."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from watermaster.declare.words import nearest
from watermaster.flows.around import Around, around
from watermaster.flows.cost import CostQuestion, costs
from watermaster.flows.inventory import look, told_thing
from watermaster.flows.open import Project
from watermaster.flows.resources import describe
from watermaster.model.entities import EntityList, EntityRow, Noun, Passport, UsedBy
from watermaster.model.errors import NotFoundError
from watermaster.model.kinds import about
from watermaster.model.plain import plain
from watermaster.model.resources import Resource
from watermaster.model.things import Thing

MOST_THINGS: Final = 50


def list_entities(
    project: Project, noun: Noun, month: str | None = None, held: Around | None = None
) -> EntityList:
    """All declared things of a kind with their cost and use of a month (None: the newest)."""
    near = held or around(project, look(project, month))
    paid = _paid(project, noun, near)
    rows = [_row(v.resource, noun, near, paid) for v in near.looked.estate.of(noun)]
    rows.sort(key=lambda one: (-one.cost, one.name))
    return EntityList(
        noun=noun, month=near.seen.month, snapshot=near.looked.head.name,
        currency=near.seen.currency, rows=rows,
        why=f"{len(rows)} declared, with what was seen of them in {near.seen.month}.",
    )  # fmt: skip


def passport(project: Project, noun: Noun, name: str, held: Around | None = None) -> Passport:
    """All that is known of one; NotFoundError with the nearest name where none is declared."""
    near = held or around(project, look(project))
    declared = {v.resource.metadata.name: v.resource for v in near.looked.estate.of(noun)}
    if name not in declared:
        fix = nearest(name, list(declared)) or f"see wm {noun.lower()} list"
        raise NotFoundError(f"{noun.lower()} {name}", "is not declared", fix)
    resource = declared[name]
    things = near.things(noun, resource)
    works = near.works(noun, name, things)
    by_month = costs(project, CostQuestion(by=("month",), wanted={noun.lower(): [name]}))
    told = describe(project, noun, name, at=None, as_known=None)
    return Passport(
        noun=noun, row=_row(resource, noun, near, _paid(project, noun, near, name)),
        document=plain(resource), month=near.seen.month, currency=near.seen.currency,
        months=sorted((str(row["month"]), Decimal(str(row["cost"]))) for row in by_month.rows),
        used_by=_used_by(noun, name, works, near),
        things=[told_thing(one) for one in sorted(things, key=_dearest)[:MOST_THINGS]],
        findings=near.findings(noun, name, works),
        said=[(one.recorded_at, one.file) for one in told.said],
    )  # fmt: skip


def _paid(
    project: Project, noun: Noun, near: Around, name: str | None = None
) -> Mapping[str, Decimal]:
    """The month's cost by name, or of one name."""
    if not near.looked.paid:
        return {}
    word = noun.lower()
    wanted = {word: [name]} if name else {}
    asked = CostQuestion(by=(word,), months=(near.seen.month,), wanted=wanted)
    return {str(row[word]): Decimal(str(row["cost"] or 0)) for row in costs(project, asked).rows}


def _row(resource: Resource, noun: Noun, near: Around, paid: Mapping[str, Decimal]) -> EntityRow:
    name, owner = resource.metadata.name, resource.metadata.owner
    things = near.things(noun, resource)
    works = near.works(noun, name, things)
    return EntityRow(
        name=name, about=about(resource), owner=owner, unit=near.units.get(owner or ""),
        workloads=len(things) if noun is Noun.WORKLOAD else len(works),
        cost=paid.get(name, Decimal(0)),
        last_seen=max((one.last_seen for one in things if one.is_work), default=None),
        findings=len(near.findings(noun, name, works)), over_since=_over_since(resource, noun),
    )  # fmt: skip


def _over_since(resource: Resource, noun: Noun) -> dt.date | None:
    found: dt.date | None = resource.spec.end_date if noun is Noun.WORKLOAD else resource.spec.until
    return found


def _used_by(noun: Noun, name: str, works: Sequence[str], near: Around) -> list[UsedBy]:
    """Who runs, reads or stands on it, the dearest first."""
    if noun is Noun.WORKLOAD:
        return []
    paid = {one.workload: one.cost for one in near.seen.workloads}
    named = set(near.users.get((noun, name), ()))
    found = [
        UsedBy(workload=one, team=near.workloads[one].metadata.owner,
               cost=paid.get(one, Decimal(0)),
               is_declared=noun is Noun.PLATFORM or one in named)
        for one in works
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-one.cost, one.workload))


def _dearest(one: Thing) -> tuple[Decimal, str]:
    return -(one.cost or Decimal(0)), one.uid


def as_table(row: EntityRow) -> dict[str, Any]:
    """A row as tables show it."""
    return {
        "name": row.name, "owner": row.owner, "unit": row.unit, "about": row.about,
        "uses": row.workloads or None, "cost": row.cost,
        "last seen": row.last_seen and f"{row.last_seen:%Y-%m-%d}",
        "findings": row.findings or None, "over since": row.over_since,
    }  # fmt: skip
