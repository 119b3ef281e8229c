"""Native things of a month: whether they are there, whose they are, and one whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from watermaster.decide.estate.presence import present
from watermaster.flows.around import Around, around
from watermaster.flows.inventory import look
from watermaster.flows.open import Project
from watermaster.model.entities import Owned, Presence, ThingList, ThingRow, ThingTold
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.findings import Finding
from watermaster.model.places import lies_in
from watermaster.model.things import DELETED, Seen, Thing

MOST_PARTS: Final = 50
NONE: Final = "-"  # the value of a facet that a thing does not have
SORTS: Final = ("uid", "platform", "workload", "team", "state", "last_seen", "source", "cost")
FACETS: Final = ("kind", "platform", "source", "state", "owned", "team")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingsAsked:
    """A value for each facet that matters, a text to find, and which rows of what fits."""

    chosen: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    sort: str = "-cost"  # "-" before: the greatest first
    first: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True, eq=False)  # known by being the same, not by comparing
class Things:
    """All things of a month, the dearest first, with what finds one of them."""

    near: Around
    rows: list[ThingRow]
    by_place: Mapping[str, ThingRow]
    parts: Mapping[tuple[str, str], Sequence[ThingRow]]  # by platform and parent
    facets: dict[str, dict[str, int]]
    about: Mapping[str, Sequence[Finding]]  # by place


def all_things(near: Around) -> Things:
    """Every thing around, told once and looked up after."""
    there = {one.place for one in present(near.seen)}
    about = _about(near.looked.found)
    rows = [_row(one, near.seen, there, _of(one, about)) for one in near.seen.things]
    rows.sort(key=lambda one: (-(one.thing.cost or 0), one.thing.place))
    parts: dict[tuple[str, str], list[ThingRow]] = {}
    for one in rows:
        if one.thing.parent_uid:
            parts.setdefault((one.thing.platform, one.thing.parent_uid), []).append(one)
    by_place = {one.thing.place: one for one in rows}
    facets = {name: _counts(rows, name) for name in FACETS}
    return Things(near, rows, by_place, parts, facets, about)


def list_things(
    project: Project, asked: ThingsAsked, month: str | None = None, held: Things | None = None
) -> ThingList:
    """Those that fit; UsageError for a facet there is none of."""
    if unknown := sorted(asked.chosen.keys() - set(FACETS)):
        raise UsageError("--filter", f"no facet {', '.join(unknown)}", f"take {', '.join(FACETS)}")
    every = held or all_things(around(project, look(project, month)))
    text = asked.text.lower()
    rows = every.rows
    if text or asked.chosen:
        rows = [one for one in rows if _fits(one, asked.chosen, text)]
    rows = _sorted(rows, asked.sort)
    last = None if asked.most is None else asked.first + asked.most
    near = every.near
    return ThingList(
        month=near.seen.month, snapshot=near.looked.head.name, currency=near.seen.currency,
        count=len(rows), facets=every.facets, rows=rows[asked.first : last],
        why=f"{len(rows)} of {len(every.rows)} things seen in {near.seen.month}.",
    )  # fmt: skip


def told_of_thing(
    project: Project, place: str, month: str | None = None, held: Things | None = None
) -> ThingTold:
    """One native thing, kind/platform/uid; NotFoundError where none was seen in the month."""
    every = held or all_things(around(project, look(project, month)))
    near, row = every.near, every.by_place.get(place)
    if row is None:
        raise NotFoundError(place, f"was not seen in {near.seen.month}",
                            "find it in wm estate things, or take another month")  # fmt: skip
    one = row.thing
    datasets = {
        location.rstrip("/"): (v.resource.metadata.name, str(v.resource.spec.classification))
        for v in near.looked.estate.of("Dataset")
        for location in v.resource.spec.locations
    }
    above = [held for held in near.by_platform.get(one.platform, ()) if held.uid == one.parent_uid]
    return ThingTold(
        row=row, month=near.seen.month, currency=near.seen.currency,
        findings=_of(one, every.about),
        parent=every.by_place[above[0].place] if above else None,
        parts=list(every.parts.get((one.platform, one.uid), ()))[:MOST_PARTS],
        data=[(use, *(lies_in(use, datasets) or (None, None))) for use in one.uses],
    )  # fmt: skip


def value_of(one: ThingRow, facet: str) -> str:
    """What a thing is by a facet; "-" where it has nothing of it."""
    if facet == "state":
        return one.presence.value
    if facet == "owned":
        return one.owned.value
    return str(getattr(one.thing, facet) or NONE)


def _about(found: Iterable[Finding]) -> dict[str, list[Finding]]:
    """The findings about each place: of their subject, or of what they rest on."""
    told: dict[str, dict[str, Finding]] = {}
    for one in found:
        rows = [(row.get("kind"), row.get("platform"), row.get("value")) for row in one.evidence]
        places = ["/".join(str(part) for part in row if part) for row in rows if all(row[::2])]
        for place in (one.subject, *one.subject.split("+"), *places):
            told.setdefault(place, {})[one.id] = one
    return {place: list(held.values()) for place, held in told.items()}


def _of(one: Thing, about: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    """Those about a thing, or about the billed resource that it is."""
    billed = about.get(f"resource/{one.resource_id}", ()) if one.resource_id else ()
    return list({held.id: held for held in (*about.get(one.place, ()), *billed)}.values())


def _row(one: Thing, seen: Seen, there: set[str], about: Sequence[Finding]) -> ThingRow:
    presence = Presence.THERE if one.place in there else Presence.GONE
    if one.source in seen.silent and one.state != DELETED:
        presence = Presence.UNKNOWN
    if one.is_ambiguous:
        return ThingRow(thing=one, presence=presence, owned=Owned.AMBIGUOUS)
    if one.workload or one.team:
        return ThingRow(thing=one, presence=presence, owned=Owned.YES)
    guess = next((held for held in about if held.guess), None)
    if guess is None:
        return ThingRow(thing=one, presence=presence, owned=Owned.NO)
    return ThingRow(thing=one, presence=presence, owned=Owned.GUESS, guess=guess.guess,
                    guess_reason=guess.guess_reason)  # fmt: skip


def _fits(one: ThingRow, chosen: Mapping[str, str], text: str) -> bool:
    if any(value_of(one, name) != value for name, value in chosen.items()):
        return False
    held = one.thing
    return (
        not text
        or text
        in (
            f"{held.place} {held.name} {held.namespace} {held.workload} {held.team} {held.model}"
        ).lower()
    )


def _sorted(rows: list[ThingRow], sort: str) -> list[ThingRow]:
    """By one column, what has none of it last; as they stand they are the dearest first."""
    name = sort.removeprefix("-")
    if sort == "-cost":
        return rows
    if name not in SORTS:
        raise UsageError("--sort", f"no column {name[:20]!r}", f"take {', '.join(SORTS)}")

    def key(one: ThingRow) -> Any:
        return one.presence.value if name == "state" else getattr(one.thing, name)

    known = [one for one in rows if key(one) not in {None, ""}]
    unknown = [one for one in rows if key(one) in {None, ""}]
    return [*sorted(known, key=key, reverse=sort.startswith("-")), *unknown]


def _counts(rows: Iterable[ThingRow], facet: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in rows:
        value = value_of(one, facet)
        counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items(), key=lambda held: (-held[1], held[0])))
