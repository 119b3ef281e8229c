"""The estate of a month as pages and `wm estate show` tell it, and one workload of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from watermaster.decide.estate.findings import RULE, findings
from watermaster.decide.estate.purpose import infer
from watermaster.flows.cost import CostQuestion, costs
from watermaster.flows.estate import known_estate
from watermaster.flows.findings import found_at
from watermaster.flows.heard import with_heard
from watermaster.flows.open import Project
from watermaster.flows.resources import describe
from watermaster.flows.scope import estate_month
from watermaster.flows.sight import is_theirs, teams_in_sight
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.things import things_seen
from watermaster.ledger.head import Head, read_head
from watermaster.model.errors import NotFoundError
from watermaster.model.estate import Estate, live_estate
from watermaster.model.findings import Finding
from watermaster.model.inventory import Entity, Inventory, WorkloadState
from watermaster.model.plain import plain
from watermaster.model.resources import ResourceVersion
from watermaster.model.things import Seen, Thing, WorkloadUse

MOST_THINGS = 50


@dataclass(frozen=True, slots=True, eq=False)  # known by being the same, not by comparing
class Looked:
    """What a revision of the ledger says of a month: dear to bring together, and never stale."""

    head: Head
    months: list[str]
    estate: Estate
    seen: Seen
    found: list[Finding]
    paid: list[tuple[str | None, Decimal]]  # team and cost
    is_kept: bool  # whether the findings are in the ledger, or only thought of here


def look(project: Project, month: str | None = None) -> Looked:
    """All that pages of the estate stand on, of a billing month (None: the newest)."""
    head = read_head(project.ledger.records)
    month, known = estate_month(project, head, month)
    estate = live_estate(known_estate(project))
    seen = things_seen(project, head, month, estate)
    found = found_at(project, head, month)
    by_team = costs(project, CostQuestion(by=("team",), months=(month,)))
    paid = [
        (None if row["team"] is None else str(row["team"]), Decimal(str(row["cost"] or 0)))
        for row in by_team.rows
    ]
    kept = findings(seen, estate) if found is None else found
    return Looked(head, known, estate, seen, kept, paid, found is not None)


def inventory(
    project: Project, month: str | None = None, looked: Looked | None = None
) -> Inventory:
    """Workloads and findings of a month, with what watches told since."""
    base = looked or look(project, month)
    seen = with_heard(project, base.seen, base.estate)
    theirs = teams_in_sight(project)
    states = [one for one in _states(seen, base.estate, base.found) if is_theirs(theirs, one.team)]
    own = [one for one in base.found if is_theirs(theirs, one.team, one.guess)]
    return Inventory(
        rule=RULE,
        snapshot=base.head.name,
        why=f"{len(seen.things)} things seen in {seen.month}, held beside what is declared.",
        month=seen.month,
        months=base.months,
        currency=seen.currency,
        cost=sum((cost for _, cost in base.paid), Decimal(0)),
        owned=sum((cost for team, cost in base.paid if team), Decimal(0)),
        things=len(seen.things) if theirs is None else sum(one.things for one in states),
        workloads=states,
        findings=own,
        gaps=source_gaps(project, base.estate),
    )


def entity(project: Project, name: str, looked: Looked | None = None) -> Entity:
    """All that is known of one workload; NotFoundError where none of that name is declared."""
    base = looked or look(project)
    version = next(
        (v for v in base.estate.of("Workload") if v.resource.metadata.name == name), None
    )
    theirs = teams_in_sight(project)
    if version is None or not is_theirs(theirs, version.resource.metadata.owner):
        raise NotFoundError(f"workload {name}", "is not declared", "see wm get workload")
    seen = with_heard(project, base.seen, base.estate)
    mine = [one for one in seen.things if one.workload == name]
    about = [one for one in base.found
             if _is_about(one, name, mine) and is_theirs(theirs, one.team, one.guess)]  # fmt: skip
    use = next((one for one in seen.workloads if one.workload == name), None)
    units = {v.resource.metadata.name: v.resource.spec.unit for v in base.estate.of("Team")}
    state = _state(version, use, units, {name: mine}, {name: len(about)})
    told = describe(project, "Workload", name, at=None, as_known=None)
    by_month = costs(project, CostQuestion(by=("month",), wanted={"workload": [name]}))
    return Entity(
        state=state,
        document=plain(told.version.resource) if told.version else {},
        currency=seen.currency,
        months=sorted((str(row["month"]), Decimal(str(row["cost"]))) for row in by_month.rows),
        things=[told_thing(one) for one in sorted(mine, key=_dearest)[:MOST_THINGS]],
        data=_data(base.estate, state, mine),
        findings=about,
        said=[(one.recorded_at, one.file) for one in told.said],
    )


def _states(seen: Seen, estate: Estate, found: Sequence[Finding]) -> list[WorkloadState]:
    uses = {one.workload: one for one in seen.workloads}
    units = {v.resource.metadata.name: v.resource.spec.unit for v in estate.of("Team")}
    ran: dict[str, list[Thing]] = {}
    for one in seen.things:
        if one.workload:
            ran.setdefault(one.workload, []).append(one)
    about = _counted(found, seen)
    states = [
        _state(version, uses.get(version.resource.metadata.name), units, ran, about)
        for version in estate.of("Workload")
    ]
    return sorted(states, key=lambda one: (-one.cost, one.name))


def _state(
    version: ResourceVersion,
    use: WorkloadUse | None,
    units: Mapping[str, str],
    ran: Mapping[str, Sequence[Thing]],
    about: Mapping[str, int],
) -> WorkloadState:
    metadata, spec = version.resource.metadata, version.resource.spec
    held = ran.get(metadata.name, ())
    measured = sum(one.measured_s for one in held)
    return WorkloadState(
        name=metadata.name,
        team=metadata.owner,
        unit=units.get(metadata.owner or ""),
        purpose=str(spec.purpose),
        stage=spec.stage,
        model=spec.model,
        datasets=tuple(spec.datasets),
        platforms=tuple(sorted({one.platform for one in held})),
        things=len(held),
        gpus=max((one.gpus or 0 for one in held if one.is_work), default=0),
        reserved_s=sum(one.reserved_s for one in held),
        used_ratio=sum(one.used_s for one in held) / measured if measured else None,
        last_seen=max((one.last_seen for one in held if one.is_work), default=None),
        cost=use.cost if use else Decimal(0),
        findings=about.get(metadata.name, 0),
        business_value=spec.business_value,
        risk=spec.risk,
        profile=spec.profile and str(spec.profile),
        inferred=infer(use.behaviour) if use and use.behaviour else None,
    )


def _counted(found: Sequence[Finding], seen: Seen) -> dict[str, int]:
    """How many findings are about each workload, or about something it runs."""
    of_place = {one.place: one.workload for one in seen.things if one.workload}
    counts: dict[str, int] = {}
    for finding in found:
        for name in names_of(finding, of_place):
            counts[name] = counts.get(name, 0) + 1
    return counts


def names_of(finding: Finding, of_place: Mapping[str, str | None]) -> set[str]:
    """The workloads a finding is about."""
    names = set()
    for part in finding.subject.split("+"):
        kind, _, name = part.partition("/")
        if kind == "workload":
            names.add(name)
        elif not _:
            names.add(part)  # workload/a+b
        if held := of_place.get(part):
            names.add(held)
    return names


def _is_about(finding: Finding, name: str, mine: Sequence[Thing]) -> bool:
    return name in names_of(finding, {one.place: one.workload for one in mine})


def _dearest(one: Thing) -> tuple[Decimal, str]:
    return -(one.cost or Decimal(0)), one.uid


def told_thing(one: Thing) -> dict[str, object]:
    """A native thing as passports show it."""
    return {
        "kind": one.kind, "platform": one.platform, "uid": one.uid, "place": one.place,
        "gpus": one.gpus,
        "used_ratio": one.used_s / one.measured_s if one.measured_s else None,
        "last_seen": one.last_seen, "cost": one.cost,
    }  # fmt: skip


def _data(
    estate: Estate, state: WorkloadState, mine: Sequence[Thing]
) -> list[tuple[str, str | None]]:
    """Declared datasets with their classification, then locations in use that are none."""
    held = {v.resource.metadata.name: v.resource.spec for v in estate.of("Dataset")}
    places = {place for spec in held.values() for place in spec.locations}
    told = [
        (name, str(held[name].classification) if name in held else None) for name in state.datasets
    ]
    used = {use for one in mine for use in one.uses}
    return told + [(use, None) for use in sorted(used - places)]
