"""Propose what wrong tags should be, and keep what is accepted as declared TagRepairs."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from watermaster.decide.cost.tag_fix import RULE, SURE, Known, sure, tag_fixes
from watermaster.decide.cost.tagged import declared_tags
from watermaster.declare.write import to_yaml
from watermaster.flows.closed import read_month
from watermaster.flows.declare import apply, plan
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.estate import Estate, live_estate
from watermaster.model.resources import Resource, load_resource
from watermaster.model.tables import Table, ibis
from watermaster.model.tag_fixes import Fixed, FixReport, TagFix, TagSet, Wrong

ALL: Final = "all"
MOST_REASONS: Final = 12  # kept beside one TagRepair


def propose_fixes(
    project: Project, months: Sequence[str] = (), keys: Sequence[str] = ()
) -> FixReport:
    """Every wrong key and value in the bills of some months (none: all) that could be repaired."""
    estate = live_estate(known_estate(project))
    rules = [rule for v in estate.of("TagPolicy") for rule in v.resource.spec.tags]
    lost = sorted(set(keys) - {rule.key for rule in rules})
    if lost or not rules:
        fix = f"take {', '.join(rule.key for rule in rules)}" if rules else "declare a TagPolicy"
        raise NotFoundError(f"tag {', '.join(lost)}".strip(), "no policy names it", fix)
    head = read_head(project.ledger.records)
    found = tag_fixes(_delivered(project, months), _known(estate))
    chosen = [one for one in found if not keys or one.key in keys]
    open_ones = sum(1 for one in chosen if one.meant is None or one.confidence < SURE)
    why = (
        f"{len(chosen)} wrong keys and values could be repaired; {open_ones} are less sure than "
        f"{SURE:.0%} and wait for a person. Charges stay as delivered."
    )
    return FixReport(rule=RULE, snapshot=head.name, why=why, months=list(months), fixes=chosen)


def _known(estate: Estate) -> Known:
    selected: defaultdict[str, set[str]] = defaultdict(set)
    for kind, field in (("Workload", "selectors"), ("Team", "selectors"),
                        ("AllocationRule", "match")):  # fmt: skip
        for version in estate.of(kind):
            for selector in getattr(version.resource.spec, field):
                for key, value in selector.tags.items():
                    selected[key].add(value)
    rules = [rule for v in estate.of("TagPolicy") for rule in v.resource.spec.tags]
    return Known(
        rules=rules,
        tags=declared_tags(estate),
        selected={key: frozenset(values) for key, values in selected.items()},
        other_keys=frozenset(selected) - {rule.key for rule in rules},
    )


def _delivered(project: Project, months: Sequence[str]) -> list[TagSet]:
    for month in months:
        read_month(month)
    head = read_head(project.ledger.records)
    held = files_at(load(project.ledger.catalog, "charges"), head.snapshots["charges"])
    slices = sorted({key for _, key, _ in held if not months or key[1] in months})
    charges = read(project.ledger, head, "charges", slices)
    rows = project.ledger.engine.to_pyarrow(_by_tags(charges)).to_pylist()
    return [_tag_set(row) for row in rows]


def _by_tags(charges: Table) -> Table:
    held = charges.filter(charges.tags.notnull())
    cost = ibis.coalesce(held.effective_cost, held.billed_cost)
    return held.group_by("tags", "billing_currency").agg(cost=cost.sum(), charges=held.count())


def _tag_set(row: dict[str, Any]) -> TagSet:
    tags = json.loads(row["tags"])
    told = {key: str(value) for key, value in tags.items() if value not in {None, ""}}
    return TagSet(tags=told, currency=row["billing_currency"], cost=row["cost"] or Decimal(0),
                  charges=row["charges"])  # fmt: skip


def choose(report: FixReport, wanted: Sequence[str], meant: str | None = None) -> list[TagFix]:
    """The fixes of these names; `all`: those that are sure. `meant` says what one should be."""
    if ALL in wanted and meant is not None:
        raise UsageError("--as", "says what one of them means", "name it: --accept KEY=VALUE")
    names = [*(one.name for one in sure(report.fixes) if ALL in wanted),
             *(name for name in wanted if name != ALL)]  # fmt: skip
    held = {one.name: one for one in report.fixes}
    lost = [name for name in names if name not in held]
    if lost:
        raise NotFoundError(", ".join(lost), "is not proposed", "see wm tag fix for the names")
    chosen = [held[name] for name in dict.fromkeys(names)]
    if meant is not None:
        if len(chosen) != 1 or chosen[0].what is Wrong.KEY:
            raise UsageError("--as", "says what one value means", "accept one KEY=VALUE with it")
        chosen = [replace(chosen[0], meant=meant, reason="said by a person", confidence=1.0)]
    unclear = [one.name for one in chosen if one.meant is None]
    if unclear:
        raise UsageError(
            ", ".join(unclear), "several answers are as likely", "say which: --as VALUE"
        )
    return chosen


def resources_for(project: Project, fixes: Iterable[TagFix]) -> list[Resource]:
    """One TagRepair of each key, under a name nobody has yet."""
    taken = {v.resource.metadata.name for v in known_estate(project).of("TagRepair")}
    by_key: defaultdict[str, list[TagFix]] = defaultdict(list)
    for one in fixes:
        by_key[one.key].append(one)
    return [_resource(key, held, taken) for key, held in sorted(by_key.items())]


def _resource(key: str, fixes: Sequence[TagFix], taken: set[str]) -> Resource:
    stem = "".join(char if char.isalnum() else "-" for char in key.lower()).strip("-")[:50] or "tag"
    name = next(n for i in range(1, len(taken) + 2) if (n := f"{stem}-{i}") not in taken)
    words = [one.found for one in fixes if one.what is Wrong.KEY]
    values = {one.found: one.meant for one in fixes if one.what is Wrong.VALUE}
    told = [f"{one.found}: {one.reason} ({one.confidence:.2f})" for one in fixes]
    more = [f"and {len(told) - MOST_REASONS} more"] if len(told) > MOST_REASONS else []
    spec = {"key": key} | ({"spellings": words} if words else {})
    return load_resource({
        "apiVersion": "watermaster/v1", "kind": "TagRepair",
        "metadata": {"name": name, "annotations": {
            "watermaster.io/reason": "; ".join([*told[:MOST_REASONS], *more])}},
        "spec": spec | ({"values": values} if values else {}),
    })  # fmt: skip


def write_fixes(project: Project, fixes: Sequence[TagFix], file: Path) -> list[str]:
    """Write the TagRepairs as YAML to edit and apply; a file that is there is never overwritten."""
    made = resources_for(project, fixes)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(to_yaml(made))
    except FileExistsError:
        raise UsageError(str(file), "is there already", "name another file") from None
    return [f"TagRepair/{one.metadata.name}" for one in made]


def accept_fixes(project: Project, fixes: Sequence[TagFix], folder: Path) -> Fixed:
    """Keep the fixes as TagRepairs and apply them, as `wm apply` would."""
    if not fixes:
        raise NotFoundError("wm tag fix", "nothing was chosen", "see wm tag fix for the names")
    day, number = f"{project.ledger.clock():%Y-%m-%d}", 1
    while (file := folder / f"tagrepair-{day}-{number}.yaml").exists():
        number += 1
    made = write_fixes(project, fixes, file)
    applied = apply(project, plan(project, [str(file)]))
    return Fixed(revision=applied.revision, accepted=[one.name for one in fixes], resources=made,
                 file=str(file))  # fmt: skip
