"""Native things of a month: whether they are there, whose they are, and one whole."""

from typing import Final

from watermaster.decide.estate.presence import present
from watermaster.flows.heard import with_heard
from watermaster.flows.inventory import Looked, look
from watermaster.flows.open import Project
from watermaster.model.entities import Owned, Presence, ThingRow, ThingTold
from watermaster.model.errors import NotFoundError
from watermaster.model.things import DELETED, Seen, Thing

MOST_PARTS: Final = 50
Place = tuple[str, str, str]  # kind, platform, uid


def list_things(project: Project, looked: Looked | None = None) -> list[ThingRow]:
    """All of them, the dearest first."""
    base = looked or look(project)
    seen = with_heard(project, base.seen, base.estate)
    there = {one.place for one in present(seen)}
    rows = [_row(one, seen, there) for one in seen.things]
    return sorted(rows, key=lambda one: (-(one.thing.cost or 0), one.thing.place))


def told_of_thing(project: Project, place: Place, looked: Looked | None = None) -> ThingTold:
    """One native thing; NotFoundError where none was seen in the month."""
    base = looked or look(project)
    rows = list_things(project, base)
    row = next((one for one in rows if _place(one.thing) == place), None)
    if row is None:
        raise NotFoundError("/".join(place), f"was not seen in {base.seen.month}",
                            "look for it at /estate/things, or take another month")  # fmt: skip
    one = row.thing
    findings = [
        held
        for held in base.found
        if one.place in held.subject.split("+")
        or any((e.get("kind"), e.get("platform"), e.get("value")) == place for e in held.evidence)
    ]
    guess = next((held for held in findings if held.guess), None)
    declared = [(v.resource.metadata.name, v.resource.spec) for v in base.estate.of("Dataset")]
    return ThingTold(
        row=row, month=base.seen.month, currency=base.seen.currency, findings=findings,
        guess=guess.guess if guess else None, guess_reason=guess.guess_reason if guess else None,
        parent=next((held for held in rows if _is_parent(held.thing, one)), None),
        parts=[held for held in rows if _is_parent(one, held.thing)][:MOST_PARTS],
        data=[(use, *_dataset(use, declared)) for use in one.uses],
    )  # fmt: skip


def _row(one: Thing, seen: Seen, there: set[str]) -> ThingRow:
    presence = Presence.THERE if one.place in there else Presence.GONE
    if one.source in seen.silent and one.state != DELETED:
        presence = Presence.UNKNOWN
    owned = Owned.YES if one.workload or one.team else Owned.NO
    return ThingRow(
        thing=one, presence=presence, owned=Owned.AMBIGUOUS if one.is_ambiguous else owned
    )


def _place(one: Thing) -> Place:
    return one.kind, one.platform, one.uid


def _is_parent(one: Thing, child: Thing) -> bool:
    return child.parent_uid == one.uid and child.platform == one.platform


def _dataset(use: str, declared: list[tuple[str, object]]) -> tuple[str | None, str | None]:
    for name, spec in declared:
        for location in getattr(spec, "locations", ()):
            if use == location or use.startswith(f"{location.rstrip('/')}/"):
                return name, str(getattr(spec, "classification", ""))
    return None, None
