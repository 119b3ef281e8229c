"""A plan: what applying declared resources would change, as a value that can be kept and checked.

Without siblings and without `validFrom` a document is valid from the beginning when its name is
new, else from the moment of apply. Documents of one name with several `validFrom` are a series:
each holds until the next begins, and the one without `validFrom` holds from the beginning.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from watermaster.model.errors import RefusedError
from watermaster.model.estate import Estate
from watermaster.model.record import Record
from watermaster.model.resources import Resource, ResourceVersion, store_resource

DANGER_OF: Final = 10  # so many resources make a delete of many of them dangerous
DANGER_SHARE: Final = 0.3
_ORDER: Final = (
    "Team", "Platform", "Source", "Dataset", "Model", "Pool", "Commitment", "PriceSheet",
    "TagPolicy", "TagRepair", "VirtualTag", "Workload", "AllocationRule", "Target", "Channel",
)  # fmt: skip
Key = tuple[str, str]
Series = list[tuple[Resource, str]]  # documents of one name, each with its file
Segment = tuple[dt.datetime, Resource | None]


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    CHANGE = "change"
    MOVE = "move"
    DELETE = "delete"


class Start(StrEnum):
    """From when a planned version holds."""

    BEGINNING = "beginning"
    APPLY = "apply"
    STATED = "stated"


Timed = tuple[Start, Resource]


class PlannedVersion(Record):
    """What will be recorded: the document, valid from then on; None: it is gone."""

    start: Start
    valid_from: dt.datetime | None = None  # with STATED only
    document: dict[str, Any] | None = None

    def begins(self, applied_at: dt.datetime) -> dt.datetime | None:
        """The moment from which it is valid; None is the beginning."""
        return applied_at if self.start is Start.APPLY else self.valid_from


class FieldChange(Record):
    """One value that differs; None where it is not there."""

    path: str
    before: Any = None
    after: Any = None


class Change(Record):
    """What happens to one resource."""

    action: Action
    kind: str
    name: str
    file: str = ""
    fields: list[FieldChange] = Field([])
    versions: list[PlannedVersion] = Field([])


class Plan(Record):
    """Ordered changes; applied only if the estate still is as it was when they were planned."""

    id: str
    estate: str = Field(description="fingerprint of the estate the plan was made against")
    changes: list[Change]
    unchanged: int
    undeclared: list[str] = Field(description="kept, though no longer declared in the given files")
    danger: str | None = None
    notices: list[str] = Field([], description="what is allowed, and yet may not be meant")

    def count(self, action: Action) -> int:
        """How many changes are of one action."""
        return sum(1 for change in self.changes if change.action is action)


class Scope(Record):
    """What a plan may delete: resources last declared in one of these files or below a folder."""

    paths: list[str]
    prune: bool = False

    def covers(self, file: str) -> bool:
        """Whether a file lies in the scope."""
        return any(
            path in {".", file} or file.startswith(path.rstrip("/") + "/") for path in self.paths
        )


def make_plan(
    declared: Iterable[tuple[Resource, str]], estate: Estate, scope: Scope, now: dt.datetime
) -> Plan:
    """Compare declared resources (with their files) to the estate as known."""
    wanted: dict[Key, Series] = {}
    for resource, file in declared:
        wanted.setdefault(resource.key, []).append((resource, file))
    held = _held(estate)
    found = [_change(series, held.get(key, []), now) for key, series in wanted.items()]
    changes = [change for change in found if change is not None]
    gone = [v for key, v in _live(held, scope).items() if key not in wanted]
    if scope.prune:
        changes += [_delete(version) for version in gone]
    changes.sort(key=_rank)
    mark = fingerprint(estate)
    return Plan(
        id=_digest([mark, [change.model_dump(mode="json") for change in changes]]),
        estate=mark,
        changes=changes,
        unchanged=sum(1 for change in found if change is None),
        undeclared=[] if scope.prune else sorted(" ".join(v.resource.key) for v in gone),
        danger=_danger(len(gone), len(_live(held, scope))) if scope.prune else None,
    )


def fingerprint(estate: Estate) -> str:
    """A digest of all that is known of the estate: equal when nothing was recorded since."""
    return _digest(
        [
            [_print(v.valid_from), _print(v.valid_to), v.file, store_resource(v.resource)]
            for _, versions in sorted(_held(estate).items())
            for v in versions
        ]
    )


def check_applicable(plan: Plan, estate: Estate, *, allow_deletes: bool) -> None:
    """RefusedError if the estate moved since the plan was made, or the plan is dangerous."""
    if fingerprint(estate) != plan.estate:
        raise RefusedError(
            f"plan {plan.id}", "the estate was changed since it was made", "plan again"
        )
    if plan.danger and not allow_deletes:
        raise RefusedError(
            f"plan {plan.id}", plan.danger, "add --allow-deletes if that is what you want"
        )


def field_changes(before: Resource | None, after: Resource | None) -> list[FieldChange]:
    """Every value that differs between two states of a resource, by path."""
    old, new = _flat(before), _flat(after)
    return [
        FieldChange(path=path, before=old.get(path), after=new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _held(estate: Estate) -> dict[Key, list[ResourceVersion]]:
    """Versions of each resource, in order of time."""
    found: dict[Key, list[ResourceVersion]] = {}
    for version in sorted(estate.versions, key=lambda v: _since(v.valid_from)):
        found.setdefault(version.resource.key, []).append(version)
    return found


def _live(
    held: Mapping[Key, Sequence[ResourceVersion]], scope: Scope
) -> dict[Key, ResourceVersion]:
    """The resources of a scope that hold until further notice."""
    last = {key: versions[-1] for key, versions in held.items()}
    return {k: v for k, v in last.items() if v.valid_to is None and scope.covers(v.file)}


def _change(series: Series, held: Sequence[ResourceVersion], now: dt.datetime) -> Change | None:
    """What a series of documents of one name changes, None if nothing."""
    wanted = _planned(series, is_new=not held)
    latest, file = wanted[-1][1], series[-1][1]
    live = held[-1] if held and held[-1].valid_to is None else None
    postponed = _postponed(wanted, held)
    versions = [*postponed, *(_version(start, resource) for start, resource in wanted)]
    if not postponed and _holds_already([(s.begins(now), r) for s, r in _begins(wanted)], held):
        if live is None or live.file == file:
            return None
        return _moved(live, file)
    fields = field_changes(live.resource if live else None, latest)
    return Change(
        action=Action.CHANGE if live else Action.CREATE,
        kind=latest.kind,
        name=latest.metadata.name,
        file=file,
        fields=fields or [_time_change(live, wanted)],
        versions=versions,
    )


def _planned(series: Series, *, is_new: bool) -> list[Timed]:
    """Each document with its start, in order of time."""
    ordered = sorted((r for r, _ in series), key=lambda r: _since(r.metadata.valid_from))
    bare = Start.BEGINNING if is_new or len(ordered) > 1 else Start.APPLY
    return [(bare if r.metadata.valid_from is None else Start.STATED, r) for r in ordered]


def _version(start: Start, resource: Resource) -> PlannedVersion:
    return PlannedVersion(
        start=start, valid_from=resource.metadata.valid_from, document=store_resource(resource)
    )


def _begins(wanted: Sequence[Timed]) -> list[tuple[PlannedVersion, Resource]]:
    return [(_version(start, resource), resource) for start, resource in wanted]


def _postponed(wanted: Sequence[Timed], held: Sequence[ResourceVersion]) -> list[PlannedVersion]:
    """A stated start moved later: what held before that start holds on until the new one."""
    start, resource = wanted[0]
    new = resource.metadata.valid_from
    if start is not Start.STATED or not held or new is None:
        return []
    last, stated = held[-1], held[-1].resource.metadata.valid_from
    if stated is None or last.valid_from != stated or stated >= new:
        return []
    if last.valid_to is not None or not last.resource.says_the_same(resource):
        return []
    before = [v for v in held[:-1] if v.valid_to == stated]
    document = store_resource(before[-1].resource) if before else None
    return [PlannedVersion(start=Start.STATED, valid_from=stated, document=document)]


def _holds_already(
    wanted: Sequence[tuple[dt.datetime | None, Resource]], held: Sequence[ResourceVersion]
) -> bool:
    """Whether the estate says the same from the first wanted start on."""
    first = _since(wanted[0][0])
    known = _segments(held)
    at_first = [segment for segment in known if segment[0] <= first][-1:]
    later = [segment for segment in known if segment[0] > first]
    seen = _merged([(first, at_first[0][1] if at_first else None), *later])
    asked = _merged([(_since(start), resource) for start, resource in wanted])
    return len(seen) == len(asked) and all(
        a[0] == b[0] and _same(a[1], b[1]) for a, b in zip(seen, asked, strict=True)
    )


def _segments(held: Sequence[ResourceVersion]) -> list[Segment]:
    """What holds from when on, gaps as None."""
    found: list[Segment] = []
    for version in held:
        start = _since(version.valid_from)
        if found and found[-1][0] == start:
            found.pop()
        found.append((start, version.resource))
        if version.valid_to is not None:
            found.append((version.valid_to, None))
    return found


def _merged(segments: Sequence[Segment]) -> list[Segment]:
    found: list[Segment] = []
    for segment in segments:
        if not found or not _same(found[-1][1], segment[1]):
            found.append(segment)
    return found


def _same(one: Resource | None, other: Resource | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.says_the_same(other)


def _moved(live: ResourceVersion, file: str) -> Change:
    start = Start.BEGINNING if live.valid_from is None else Start.STATED
    again = PlannedVersion(
        start=start, valid_from=live.valid_from, document=store_resource(live.resource)
    )
    kind, name = live.resource.key
    moved = FieldChange(path="file", before=live.file, after=file)
    return Change(
        action=Action.MOVE, kind=kind, name=name, file=file, fields=[moved], versions=[again]
    )


def _delete(live: ResourceVersion) -> Change:
    kind, name = live.resource.key
    gone = PlannedVersion(start=Start.APPLY)
    return Change(action=Action.DELETE, kind=kind, name=name, file=live.file, versions=[gone])


def _time_change(live: ResourceVersion | None, wanted: Sequence[Timed]) -> FieldChange:
    before = _print(live.valid_from) if live else None
    after = _print(wanted[-1][1].metadata.valid_from) or wanted[-1][0].value
    return FieldChange(path="metadata.validFrom", before=before, after=after)


def _danger(gone: int, of: int) -> str | None:
    if of < DANGER_OF or gone <= DANGER_SHARE * of:
        return None
    return f"it deletes {gone} of {of} resources"


def _rank(change: Change) -> tuple[int, int, str, str]:
    """What others name comes first, and is deleted last."""
    place = _ORDER.index(change.kind) if change.kind in _ORDER else len(_ORDER)
    if change.action is Action.DELETE:
        return 1, -place, change.kind, change.name
    return 0, place, change.kind, change.name


def _flat(resource: Resource | None) -> dict[str, Any]:
    """Path to value of all that is said in a resource."""
    if resource is None:
        return {}
    stored = store_resource(resource)
    stored["metadata"].pop("validFrom", None)
    return {
        path: value
        for part in ("metadata", "spec")
        for path, value in _leaves(part, stored[part])
        if path != "metadata.name" and value not in (None, "", [], {})
    }


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, held in value.items():
            yield from _leaves(f"{path}.{key}", held)
    elif isinstance(value, list) and value:
        for number, held in enumerate(value):
            yield from _leaves(f"{path}[{number}]", held)
    else:
        yield path, value


def _since(moment: dt.datetime | None) -> dt.datetime:
    return moment or dt.datetime.min.replace(tzinfo=dt.UTC)


def _print(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
