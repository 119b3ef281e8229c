"""Whose work a native thing is: pods and jobs, by the selectors of workloads and teams."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import ibis

from watermaster.decide.cost.match import NOBODY, index, lookups, match_one
from watermaster.decide.cost.targets import Targets
from watermaster.model.tables import Table

KEY: Final = ("day", "platform", "subject_kind", "subject_uid")
SEEN: Final = ("name", "namespace", "account", "creator", "labels")
SCHEMA: Final = ibis.schema(dict.fromkeys(KEY, "string") | {"owner": "int32"})


def owners_of(subjects: Iterable[Mapping[str, str | None]], targets: Targets) -> Table:
    """Owner numbers of native things: KEY and owner; those nobody claims are left out.

    subjects: rows of `subjects` with KEY and SEEN; several sources may tell of one thing. Two equal
    claims leave a thing ambiguous.
    """
    return ibis.memtable(list(_owned(_once(subjects), targets)), schema=SCHEMA)


def _once(subjects: Iterable[Mapping[str, str | None]]) -> Iterable[Mapping[str, str | None]]:
    """One row of each thing and day: what one source leaves out another may tell.

    Of two tellings the fuller stands, then the later in the alphabet, whatever their order.
    """
    found: dict[tuple[str | None, ...], dict[str, str | None]] = {}
    for row in subjects:
        key = tuple(row[name] for name in KEY)
        held = found.get(key)
        if held is None:
            found[key] = dict(row)
            continue
        for name in SEEN:
            held[name] = max(held[name], row[name], key=lambda told: (len(told or ""), told or ""))
    return found.values()


def _owned(
    subjects: Iterable[Mapping[str, str | None]], targets: Targets
) -> Iterator[tuple[str | int | None, ...]]:
    found = lookups(targets.subjects)
    ready = index(found)
    by_uid = any("uid" in one.keys for one in found)
    by_day = not all(one.is_timeless for one in found)
    known: dict[tuple[str | None, ...], int] = {}
    for thing in subjects:
        look = tuple(thing[name] for name in ("platform", *SEEN))
        look += (thing["subject_uid"] if by_uid else None, thing["day"] if by_day else None)
        owner = known.get(look)
        if owner is None:
            owner = known[look] = match_one(ready, _terms(thing), _noon(thing["day"]))
        if owner != NOBODY:
            yield (*(thing[name] for name in KEY), owner)


def _terms(thing: Mapping[str, str | None]) -> dict[str, str | None]:
    labels = json.loads(thing["labels"] or "{}")
    return {
        "uid": thing["subject_uid"],
        "platform": thing["platform"],
        "namespace": thing["namespace"],
        "account": thing["account"],
        "name": thing["name"],
        "user": thing["creator"],
    } | {f"label:{key}": str(value) for key, value in labels.items()}


def _noon(day: str | None) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{day}T12:00:00")
