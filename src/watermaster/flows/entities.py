"""Workloads, models, datasets and platforms: listed with what was seen of them, and one whole."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

from watermaster.declare.words import nearest
from watermaster.flows.cost import CostQuestion, costs
from watermaster.flows.heard import with_heard
from watermaster.flows.inventory import Looked, look, names_of, told_thing
from watermaster.flows.open import Project
from watermaster.flows.resources import describe
from watermaster.model.entities import EntityList, EntityRow, Noun, Passport
from watermaster.model.errors import NotFoundError
from watermaster.model.findings import Finding
from watermaster.model.kinds import about
from watermaster.model.plain import plain
from watermaster.model.resources import Resource
from watermaster.model.things import Seen, Thing

MOST_THINGS: Final = 50
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Around:
    """What a month shows around declared things."""

    seen: Seen
    workloads: Mapping[str, Resource]
    units: Mapping[str, str]
    costs: Mapping[str, Decimal]  # of the kind asked for, by name
    by_work: Mapping[str, Sequence[Thing]]
    by_platform: Mapping[str, Sequence[Thing]]
    by_model: Mapping[str, Sequence[Thing]]
    about: Mapping[str, Sequence[Finding]]  # by workload, and by subject


def list_entities(
    project: Project, noun: Noun, month: str | None = None, looked: Looked | None = None
) -> EntityList:
    """All declared things of a kind with their cost and use of a month (None: the newest)."""
    base = looked or look(project, month)
    around = _around(project, base, noun)
    rows = [_row(v.resource, noun, around) for v in base.estate.of(noun)]
    rows.sort(key=lambda one: (-one.cost, one.name))
    return EntityList(
        noun=noun, month=base.seen.month, snapshot=base.head.name, currency=base.seen.currency,
        why=f"{len(rows)} declared, with what was seen of them in {base.seen.month}.", rows=rows,
    )  # fmt: skip


def passport(project: Project, noun: Noun, name: str, looked: Looked | None = None) -> Passport:
    """All that is known of one; NotFoundError with the nearest name where none is declared."""
    base = looked or look(project)
    declared = {v.resource.metadata.name: v.resource for v in base.estate.of(noun)}
    if name not in declared:
        fix = nearest(name, list(declared)) or f"see wm {noun.lower()} list"
        raise NotFoundError(f"{noun.lower()} {name}", "is not declared", fix)
    around, resource = _around(project, base, noun), declared[name]
    works = _workloads(resource, noun, around)
    things = _things(resource, noun, around)
    paid = {one.workload: one.cost for one in around.seen.workloads}
    by_month = costs(project, CostQuestion(by=("month",), wanted={noun.lower(): [name]}))
    told = describe(project, noun, name, at=None, as_known=None)
    return Passport(
        noun=noun, row=_row(resource, noun, around), document=plain(resource),
        month=base.seen.month, currency=base.seen.currency,
        months=sorted((str(row["month"]), Decimal(str(row["cost"]))) for row in by_month.rows),
        used_by=sorted(
            ((one, around.workloads[one].metadata.owner, paid.get(one, Decimal(0)))
             for one in works if noun is not Noun.WORKLOAD),
            key=lambda one: (-one[2], one[0]),
        ),
        things=[told_thing(one) for one in sorted(things, key=_dearest)[:MOST_THINGS]],
        findings=_findings(resource, noun, around),
        said=[(one.recorded_at, one.file) for one in told.said],
    )  # fmt: skip


def _around(project: Project, base: Looked, noun: Noun) -> _Around:
    seen = with_heard(project, base.seen, base.estate)
    asked = CostQuestion(by=(noun.lower(),), months=(base.seen.month,))
    by_name = costs(project, asked).rows if base.paid else []
    of_place = {one.place: one.workload for one in seen.things if one.workload}
    told = [
        (name, one)
        for one in base.found
        for name in names_of(one, of_place) | set(one.subject.split("+"))
    ]
    return _Around(
        seen=seen,
        workloads={v.resource.metadata.name: v.resource for v in base.estate.of("Workload")},
        units={v.resource.metadata.name: v.resource.spec.unit for v in base.estate.of("Team")},
        costs={str(row[noun.lower()]): Decimal(str(row["cost"] or 0)) for row in by_name},
        by_work=_grouped((one.workload, one) for one in seen.things),
        by_platform=_grouped((one.platform, one) for one in seen.things),
        by_model=_grouped((one.model, one) for one in seen.things),
        about=_grouped(told),
    )


def _grouped(pairs: Iterable[tuple[str | None, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for key, value in pairs:
        if key:
            found.setdefault(key, []).append(value)
    return found


def _row(resource: Resource, noun: Noun, around: _Around) -> EntityRow:
    name, owner = resource.metadata.name, resource.metadata.owner
    things = _things(resource, noun, around)
    works = things if noun is Noun.WORKLOAD else _workloads(resource, noun, around)
    return EntityRow(
        name=name, about=about(resource), owner=owner, unit=around.units.get(owner or ""),
        workloads=len(works), cost=around.costs.get(name, Decimal(0)),
        last_seen=max((one.last_seen for one in things if one.is_work), default=None),
        findings=len(_findings(resource, noun, around)), over_since=_over_since(resource, noun),
    )  # fmt: skip


def _over_since(resource: Resource, noun: Noun) -> dt.date | None:
    found: dt.date | None = resource.spec.end_date if noun is Noun.WORKLOAD else resource.spec.until
    return found


def _workloads(resource: Resource, noun: Noun, around: _Around) -> list[str]:
    """The workloads that name it, or were seen on it."""
    name = resource.metadata.name
    if noun is Noun.WORKLOAD:
        return [name]
    if noun is Noun.PLATFORM:
        held = {one.workload for one in _things(resource, noun, around) if one.workload}
        return sorted(held & around.workloads.keys())
    return sorted(
        work
        for work, declared in around.workloads.items()
        if name in {declared.spec.model, *declared.spec.datasets}
    )


def _things(resource: Resource, noun: Noun, around: _Around) -> list[Thing]:
    name, spec = resource.metadata.name, resource.spec
    if noun is Noun.WORKLOAD:
        return list(around.by_work.get(name, ()))
    if noun is Noun.PLATFORM:
        names = sorted({name, *spec.seen_as})
        return [one for held in names for one in around.by_platform.get(held, ())]
    if noun is Noun.DATASET:
        return [one for one in around.seen.things if _touches(one, spec.locations)]
    names = sorted({name, *spec.seen_as})
    told = [one for held in names for one in around.by_model.get(held, ())]
    works = _workloads(resource, noun, around)
    return list({one.place: one for one in [
        *told, *(one for work in works for one in around.by_work.get(work, ()))
    ]}.values())  # fmt: skip


def _touches(one: Thing, places: Iterable[str]) -> bool:
    held = {*one.uses, one.uid, one.resource_id}
    return any(place in held or any(use.startswith(f"{place.rstrip('/')}/") for use in one.uses)
               for place in places)  # fmt: skip


def _findings(resource: Resource, noun: Noun, around: _Around) -> list[Finding]:
    """Those about it; of a model or dataset also those about the workloads that use it."""
    names = [f"{noun.lower()}/{resource.metadata.name}"]
    if noun is not Noun.PLATFORM:
        names += _workloads(resource, noun, around)
    return list({one.id: one for name in names for one in around.about.get(name, ())}.values())


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
