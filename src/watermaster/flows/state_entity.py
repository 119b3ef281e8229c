"""Say whose a declared thing is, or that it is no more: in the ledger, and in its YAML."""

import datetime as dt
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from watermaster.declare.edit import Place, edited, rewrite
from watermaster.declare.words import nearest
from watermaster.declare.write import to_yaml
from watermaster.flows.declare import apply
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.model.entities import Noun, Stated
from watermaster.model.errors import NotFoundError, RefusedError, UsageError
from watermaster.model.estate import Estate, live_estate
from watermaster.model.plan import Scope, make_plan
from watermaster.model.resources import ResourceVersion, load_resource, store_resource

OWNER: Final[Place] = ("metadata", "owner")
WHY: Final[Place] = ("metadata", "annotations", "watermaster.io/reason")


@dataclass(frozen=True, slots=True)
class Saying:
    """What shall be said of one declared thing; nothing is said yet."""

    noun: Noun
    version: ResourceVersion
    values: Mapping[Place, Any]
    diff: list[str]


def owned_by(project: Project, noun: Noun, name: str, team: str) -> Saying:
    """That a team answers for it from now on."""
    estate = live_estate(known_estate(project))
    teams = [v.resource.metadata.name for v in estate.of("Team")]
    if team not in teams:
        fix = nearest(team, teams) or "declare it first: wm schema Team"
        raise NotFoundError(f"team {team}", "is not declared", fix)
    return _saying(estate, noun, name, {OWNER: team})


def retired(
    project: Project, noun: Noun, name: str, at: dt.date | None = None, why: str | None = None
) -> Saying:
    """That it is no more from a day on (None: today). What runs of it after is a finding."""
    day = at or project.ledger.clock().date()
    values: dict[Place, Any] = {("spec", "until"): day}
    if noun is Noun.WORKLOAD:
        values = {("spec", "endDate"): day}
        if day <= project.ledger.clock().date():
            values[("spec", "stage")] = "retired"
    if why:
        values[WHY] = why
    return _saying(live_estate(known_estate(project)), noun, name, values)


def say(project: Project, saying: Saying) -> Stated:
    """Let the ledger know it, and change the YAML it was declared in likewise."""
    resource = saying.version.resource
    if not saying.diff:
        return _stated(saying, None, None, "it is so already")
    changed = load_resource(_with(store_resource(resource), saying.values))
    file = saying.version.file
    made = make_plan([(changed, file)], known_estate(project), Scope(paths=[]),
                     project.ledger.clock())  # fmt: skip
    kept = _keep(project, saying)
    applied = apply(project, made)
    why = f"{file} says so too" if kept else (
        f"{file or 'its YAML'} was not changed: say it there too, or the next wm apply of it "
        "takes this back"
    )  # fmt: skip
    return _stated(saying, applied.revision, file if kept else None, why)


def _saying(estate: Estate, noun: Noun, name: str, values: Mapping[Place, Any]) -> Saying:
    versions = {v.resource.metadata.name: v for v in estate.of(noun)}
    if name not in versions:
        fix = nearest(name, list(versions)) or "wm estate adopt proposes what is not declared"
        raise NotFoundError(f"{noun.lower()} {name}", "is not declared", fix)
    version = versions[name]
    if version.valid_from and version.valid_to:
        raise RefusedError(f"{noun.lower()} {name}", "is declared as a series", "change its YAML")
    after = load_resource(_with(store_resource(version.resource), values))
    old, new = (to_yaml([one]).splitlines() for one in (version.resource, after))
    lines = difflib.unified_diff(old, new, f"{noun}/{name}", f"{noun}/{name}", lineterm="", n=1)
    return Saying(noun, version, values, list(lines))


def _with(document: dict[str, Any], values: Mapping[Place, Any]) -> dict[str, Any]:
    """The document with some values set, and valid from when it is applied."""
    document["metadata"] = {**document["metadata"], "validFrom": None}
    for place, value in values.items():
        at = document
        for part in place[:-1]:
            at[part] = dict(at.get(part) or {})
            at = at[part]
        at[place[-1]] = value.isoformat() if isinstance(value, dt.date) else value
    return document


def _keep(project: Project, saying: Saying) -> bool:
    """Change the file it was declared in; False where there is none that can be changed."""
    if not saying.version.file:
        return False
    path = project.home.resolve().parent / saying.version.file
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    changed = edited(text, saying.version.resource.key, saying.values)
    if changed is None:
        return False
    try:
        rewrite(path, changed)
    except OSError as error:
        raise UsageError(str(path), str(error.strerror), "make it writable, or change it by hand"
                         ) from None  # fmt: skip
    return True


def _stated(saying: Saying, revision: str | None, file: str | None, why: str) -> Stated:
    name = saying.version.resource.metadata.name
    return Stated(noun=saying.noun, name=name, diff=saying.diff, revision=revision, file=file,
                  why=why)  # fmt: skip
