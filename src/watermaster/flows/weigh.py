"""The weights of every charge that has several owners, from telemetry, movements and rules."""

from collections.abc import Sequence
from typing import Final

import ibis

from watermaster.decide.cost import allocate as rule
from watermaster.decide.cost import figures
from watermaster.decide.cost.measure import (
    members,
    model_weights,
    supply_by_hour,
    use_by_hour,
    weights,
)
from watermaster.decide.cost.shared import constant_weights, figure_of, monthly_weights
from watermaster.decide.cost.subjects import KEY, SEEN, owners_of
from watermaster.decide.cost.targets import Targets
from watermaster.decide.cost.tokens import token_weights
from watermaster.decide.cost.transfer import transfer_weights
from watermaster.ledger.hold import hold
from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.ledger.write import Work
from watermaster.model.estate import Estate
from watermaster.model.tables import Table
from watermaster.units.periods import months_between

SCHEMA: Final = {
    "target": "int32",
    "start_s": "int64",
    "end_s": "int64",
    "owner": "int32",
    "weight": "int64",
    "used_s": "int64",
    "known_s": "int64",
}


def weigh(work: Work, charges: Table, targets: Targets, estate: Estate) -> Table:
    """target, start_s, end_s, owner, weight, used_s, known_s of every charge to be split."""
    found = [_without_use(constant_weights(targets.rules))]
    figured = {n: name for n, held in targets.rules.items() if (name := figure_of(held))}
    if not (targets.scopes or targets.transfers or targets.models or figured):
        return hold(work.ledger, found[0], "held_weights")
    days = _days(work, charges)
    owners = hold(work.ledger, _owners(work, days, targets), "held_owners")
    if targets.scopes or targets.transfers or targets.models:
        groups = hold(work.ledger, rule.groups(charges, targets), "held_groups")
        if targets.scopes:
            found.append(_of_scopes(work, groups, targets, estate, (days, owners)))
        if targets.transfers:
            moved = _telemetry(work, "transfers", days)
            found.append(transfer_weights(groups, targets.transfers, moved, owners))
        if targets.models:
            asked = _telemetry(work, "requests", days)
            found.append(token_weights(groups, targets.models, asked, owners))
    if figured:
        first = hold(work.ledger, rule.parts(_all(found), targets), "held_first_parts")
        given = rule.allocate(charges, first, targets).rows
        known = _figures(work, given, targets, (days, owners), set(figured.values()))
        months = [int(m.replace("-", "")) for m in months_between(days[0][:7], days[1][:7])]
        found.append(_without_use(monthly_weights(targets.rules, known, figured, months)))
    return hold(work.ledger, _all(found), "held_weights")


def _all(found: Sequence[Table]) -> Table:
    same = [
        rows.select(*(rows[name].cast(kind).name(name) for name, kind in SCHEMA.items()))
        for rows in found
    ]
    return ibis.union(*same) if len(same) > 1 else same[0]


def _without_use(rows: Table) -> Table:
    return rows.mutate(used_s=ibis.null("int64"), known_s=ibis.null("int64"))


def _days(work: Work, charges: Table) -> tuple[str, str]:
    """The first and last day the charges cover."""
    asked = charges.aggregate(
        first=charges.charge_period_start.min().cast("date").cast("string"),
        last=ibis.coalesce(charges.charge_period_end.max(), charges.charge_period_start.max())
        .cast("date")
        .cast("string"),
    )
    row = work.ledger.engine.to_pyarrow(asked).to_pylist()[0]
    return row["first"] or "", row["last"] or ""


def _telemetry(work: Work, name: str, days: tuple[str, str]) -> Table:
    table = load(work.ledger.catalog, name)
    held = {key for _, key, _ in files_at(table, work.head.snapshots[name])}
    wanted = sorted(key for key in held if days[0] <= key[1] <= days[1])
    return read(work.ledger, work.head, name, wanted)


def _owners(work: Work, days: tuple[str, str], targets: Targets) -> Table:
    subjects = _telemetry(work, "subjects", days).select(*KEY, *SEEN)
    rows = work.ledger.engine.to_pyarrow(subjects)
    return owners_of(rows.to_pylist(), targets)


def _of_scopes(
    work: Work, groups: Table, targets: Targets, estate: Estate, told: tuple[tuple[str, str], Table]
) -> Table:
    days, owners = told
    scopes = list(targets.scopes.values())
    use, supply = _telemetry(work, "gpu_hours", days), _telemetry(work, "gpu_supply", days)
    nodes = supply.select("platform", "node", "partition").union(
        use.select("platform", "node", partition=ibis.null("string"))
    )
    seen = work.ledger.engine.to_pyarrow(nodes.distinct()).to_pylist()
    inside = members(scopes, [(n["platform"], n["node"], n["partition"]) for n in seen], estate)
    weighed = model_weights(scopes)
    used = hold(work.ledger, use_by_hour(use, inside, owners, weighed), "held_use")
    supplied = hold(work.ledger, supply_by_hour(supply, inside, weighed), "held_supply")
    return weights(groups, scopes, used, supplied)


def _figures(
    work: Work, given: Table, targets: Targets, told: tuple[tuple[str, str], Table],
    wanted: set[str],
) -> Table:  # fmt: skip
    days, owners = told
    names = targets.owner_table().select("owner", "workload", "team")
    found = []
    if "cost" in wanted:
        found.append(figures.cost_figures(given))
    if wanted & {"reserved_s", "used_s"}:
        found.append(figures.use_figures(_telemetry(work, "gpu_hours", days), owners, names))
    if "bytes" in wanted:
        found.append(figures.byte_figures(_telemetry(work, "transfers", days), owners, names))
    return hold(work.ledger, ibis.union(*found) if len(found) > 1 else found[0], "held_figures")
