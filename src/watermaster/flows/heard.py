"""What watches told since the newest pull, laid over the things that were seen."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from watermaster.flows.open import Project
from watermaster.flows.things import NOBODYS, owners_by_key, thing_of
from watermaster.flows.things_use import KEY
from watermaster.ledger.watched import heard_since, heard_version
from watermaster.model.estate import Estate
from watermaster.model.shapes import SHAPES
from watermaster.model.things import DELETED, Seen, Thing
from watermaster.units.periods import parse_month

_UNTOLD: Final = dict.fromkeys(SHAPES["subjects"].types)
_TOLD: Final = (  # of a thing, what a watch tells; what it used and cost stays as it was
    "name", "namespace", "account", "creator", "labels", "parent_uid", "last_seen", "resource_id",
    "state", "created_at", "last_used", "bytes", "artefact", "model", "uses", "workload", "team",
    "is_ambiguous",
)  # fmt: skip
Key = tuple[str, str, str]


def with_heard(project: Project, seen: Seen, estate: Estate) -> Seen:
    """The month as watches tell it now; a past month is as it was seen."""
    month = parse_month(seen.month)
    if not month.start <= project.ledger.clock() < month.end:
        return seen
    heard = heard_since(project.ledger.records)
    return replace(seen, things=_laid_over(seen.things, heard, estate)) if heard else seen


def heard_now(project: Project) -> str:
    """Another text whenever a watch told something, or fell silent, or speaks again."""
    return heard_version(project.ledger.records)


def _laid_over(
    things: Iterable[Thing],
    heard: Iterable[tuple[str, bool, dict[str, Any]]],
    estate: Estate,
) -> list[Thing]:
    found: dict[Key, Thing] = {(one.platform, one.kind, one.uid): one for one in things}
    rows = []
    for source, is_gone, told in heard:
        key = _key(told)
        if not is_gone:
            rows.append(_UNTOLD | told | {"source": source})
        elif key in found:
            found[key] = replace(found[key], state=DELETED)
    owners = owners_by_key(rows, estate)
    for row in rows:
        was = found.get(_key(row))
        began = was.first_seen if was else row["created_at"] or row["last_seen"]
        now = thing_of(row | {"began": _naive(began)}, {}, owners.get(_key(row), NOBODYS))
        told = {name: getattr(now, name) for name in _TOLD}
        found[_key(row)] = replace(was, **told) if was else now
    return list(found.values())


def _key(row: Mapping[str, Any]) -> Key:
    platform, kind, uid = (row[name] for name in KEY)
    return platform or "", kind, uid


def _naive(moment: Any) -> Any:
    return moment.replace(tzinfo=None)
