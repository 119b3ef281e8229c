"""Plan and apply declared resources."""

import datetime as dt
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from watermaster.declare.estate import in_order, read_estate
from watermaster.declare.references import references
from watermaster.declare.selectors import equal_selectors
from watermaster.declare.write import to_yaml
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.ledger.resources import Recording, Row, append, history
from watermaster.model.errors import BadResourceError, BadResourcesError
from watermaster.model.estate import Estate, live_estate
from watermaster.model.plan import Action, Change, Plan, Scope, check_applicable, make_plan
from watermaster.model.resources import Resource, load_resource


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan that has become part of the ledger; `revision` is the ledger's then."""

    plan: Plan
    revision: str
    columns: list[str]  # tag columns that charges have since this apply


@dataclass(frozen=True, slots=True)
class ResourceDiff:
    """One resource before and after, as the lines of a unified diff."""

    action: Action
    kind: str
    name: str
    lines: list[str]


def plan(project: Project, paths: Sequence[str], *, prune: bool = False) -> Plan:
    """What applying the documents in `paths` would change; nothing is changed."""
    estate = known_estate(project)
    declared = read_estate(paths, estate)
    scope = Scope(paths=[_place(project, path) for path in paths], prune=prune)
    found = [(one.resource, _place(project, one.document.file)) for one in declared]
    made = make_plan(found, estate, scope, project.ledger.clock())
    _refuse_dangling(made, estate)
    notices = equal_selectors(_afterwards(made, estate))
    return made.model_copy(update={"notices": notices})


def apply(project: Project, made: Plan, *, allow_deletes: bool = False) -> Applied:
    """Record a plan, if the estate still is as it was planned against."""
    # two seconds to import, which a plan need not pay
    from watermaster.flows.tags import backfill_tags
    from watermaster.ledger.write import begin

    if not made.changes:
        check_applicable(made, known_estate(project), allow_deletes=allow_deletes)
        head = read_head(project.ledger.records)
        return Applied(made, head.name, [])
    with begin(project.ledger, "apply", project.actor, project.tell) as work:
        estate = Estate(tuple(history(work.connection)))
        check_applicable(made, estate, allow_deletes=allow_deletes)
        now = project.ledger.clock()
        rows = [row for change in made.changes for row in _rows(change, now)]
        append(work.connection, rows, Recording(work.revision, now, made.id))
        work.detail |= {"plan": made.id, "changes": [_told(c) for c in made.changes]}
        revision = f"r{work.revision}"
        after = Estate(tuple(history(work.connection)))
        before = estate.tag_columns()
        missing = {c: key for c, key in after.tag_columns().items() if before.get(c) != key}
        columns = backfill_tags(work, missing)
    return Applied(made, revision, columns)


def diff(project: Project, paths: Sequence[str], *, prune: bool = False) -> list[ResourceDiff]:
    """The changes of a plan as unified diffs of YAML."""
    estate = live_estate(known_estate(project))
    held = {version.resource.key: version.resource for version in estate.versions}
    made = plan(project, paths, prune=prune)
    return [_diff(change, held.get((change.kind, change.name))) for change in made.changes]


def _afterwards(made: Plan, estate: Estate) -> list[Resource]:
    """The resources that hold until further notice once the plan is applied."""
    held = {version.resource.key: version.resource for version in live_estate(estate).versions}
    for change in made.changes:
        after = _last(change)
        if after is None:
            held.pop((change.kind, change.name), None)
        else:
            held[after.key] = after
    return list(held.values())


def _place(project: Project, path: str) -> str:
    """A file as the ledger names it: relative to the folder that holds the home."""
    base, full = project.home.resolve().parent, Path(path).resolve()
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else full.as_posix()


def _refuse_dangling(made: Plan, estate: Estate) -> None:
    """A delete may leave nobody behind who names what is gone."""
    gone = {(c.kind, c.name) for c in made.changes if c.action is Action.DELETE}
    anew = {(c.kind, c.name): _last(c) for c in made.changes if c.action is not Action.DELETE}
    errors = [
        BadResourceError(
            version.file,
            f"{' '.join(version.resource.key)} names the {kind} {name}, which would be deleted",
            f"keep {kind} {name}, or change {' '.join(version.resource.key)} too",
        )
        for version in live_estate(estate).versions
        if version.resource.key not in gone
        for _, kind, name in references(anew.get(version.resource.key) or version.resource)
        if (kind, name) in gone
    ]
    if errors:
        raise BadResourcesError(in_order(errors))


def _rows(change: Change, now: dt.datetime) -> list[Row]:
    return [
        Row(
            kind=change.kind,
            name=change.name,
            valid_from=version.begins(now),
            resource=None if version.document is None else load_resource(version.document),
            file=change.file,
        )
        for version in change.versions
    ]


def _last(change: Change) -> Resource | None:
    document = change.versions[-1].document if change.versions else None
    return None if document is None else load_resource(document)


def _told(change: Change) -> str:
    return f"{change.action.value} {change.kind} {change.name}"


def _diff(change: Change, before: Resource | None) -> ResourceDiff:
    after = _last(change)
    old = to_yaml([before]).splitlines() if before else []
    new = to_yaml([after]).splitlines() if after else []
    name = f"{change.kind}/{change.name}"
    lines = difflib.unified_diff(old, new, f"ledger/{name}", f"declared/{name}", lineterm="")
    return ResourceDiff(change.action, change.kind, change.name, list(lines))
