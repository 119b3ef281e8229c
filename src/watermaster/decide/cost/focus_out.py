"""Allocated costs as a FOCUS 1.4 Cost and Usage dataset, for tools that read FOCUS.

One row per allocation. Rows of a charge that was split carry the `Allocated*` columns; prices,
dimensions and tags are the origin's, costs are the parts' own and sum to the origin's to the
last digit, quantities follow the ratio. `x_` columns lead back to the bill row and say what
FOCUS has no word for.
"""

from functools import reduce
from operator import add
from typing import Final

from watermaster.model.decision import Decision
from watermaster.model.focus_columns import FOCUS_NAMES
from watermaster.model.shapes import COSTS
from watermaster.model.tables import Column, Table, ibis

RULE: Final = "focus-out/1"
KEYS: Final = ("source", "billing_month", "charge_file", "charge_row")
QUANTITIES: Final = ("commitment_discount_quantity", "consumed_quantity", "pricing_quantity")
TIMES: Final = (
    "billing_period_end", "billing_period_start", "charge_period_end", "charge_period_start",
)  # fmt: skip
REPLACED: Final = {  # left FOCUS with 1.4, kept beside it
    "provider_name": "x_ProviderName",
    "publisher_name": "x_PublisherName",
}
OWN: Final = {  # column of allocations -> ours
    "source": "x_Source", "charge_file": "x_OriginFile", "charge_row": "x_OriginRow",
    "kind": "x_Kind", "rule": "x_Rule", "ratio": "x_AllocatedRatio",
    "utilisation": "x_Utilisation", "workload": "x_Workload", "team": "x_Team", "unit": "x_Unit",
    "cost_center": "x_CostCenter", "model": "x_Model", "dataset": "x_Dataset",
    "project": "x_Project", "environment": "x_Environment", "purpose": "x_Purpose",
    "stage": "x_Stage", "platform": "x_Platform", "pool": "x_Pool",
    "accelerator": "x_Accelerator",
}  # fmt: skip
TAGGED: Final = ("workload", "team", "unit", "cost_center", "project", "model", "dataset")
_ROOM: Final = "decimal(27, 15)"  # so that quantity x ratio fits 38 digits


def focus_rows(charges: Table, allocations: Table) -> Decision:
    """Allocations in FOCUS 1.4 terms.

    charges:     the columns of `charges`; one row per bill row, times naive in UTC
    allocations: the columns of `allocations`; the parts of these charges
    returns:     FOCUS columns by their FOCUS names, then x_ columns; times as ISO 8601 text
    """
    part = allocations.rename({f"part_{name}": name for name in allocations.columns})
    same = [part[f"part_{name}"] == charges[name] for name in KEYS]
    rows = part.inner_join(charges, same)
    columns = {
        focus: _column(rows, name)
        for name, focus in FOCUS_NAMES.items()
        if name not in REPLACED and not name.startswith("allocated_")
    }
    named = {ours: rows[f"part_{name}"] for name, ours in OWN.items()}
    left = {ours: rows[name] for name, ours in REPLACED.items()}
    beside = {
        "x_OriginAllocatedMethodId": rows["allocated_method_id"],
        "x_OriginAllocatedResourceId": rows["allocated_resource_id"],
        "x_Origin": rows["origin"],
    }
    return Decision(
        rule=RULE,
        rows=rows.select(
            **columns, **_allocated(rows), Tags=rows["tags"], **named, **left, **beside
        ),
        why="Each allocation is one FOCUS 1.4 row; the rows of one bill row sum to it exactly.",
    )


def _column(rows: Table, name: str) -> Column:
    if name in COSTS:
        return rows[f"part_{name}"]
    if name in TIMES:
        return rows[name].strftime("%Y-%m-%dT%H:%M:%SZ")
    if name in QUANTITIES:
        share = rows[name].cast(_ROOM) * rows["part_ratio"].cast("decimal(11, 10)")
        return _is_split(rows).ifelse(share.cast("decimal(38, 15)"), rows[name])
    if name in {"service_provider_name", "host_provider_name"}:
        return ibis.coalesce(rows[name], rows["provider_name"])
    return rows[name]


def _is_split(rows: Table) -> Column:
    """Whether the charge has other owners too."""
    return rows["part_ratio"] != ibis.literal(1, type="decimal(11, 10)")


def _allocated(rows: Table) -> dict[str, Column]:
    """Of a charge that was split: how, to whom. Otherwise what the provider said."""
    owner = ibis.coalesce(rows["part_workload"], rows["part_team"], rows["part_kind"])
    details = (
        ibis.literal('{"Elements":[{"AllocatedRatio":')
        + rows["part_ratio"].cast("string")
        + ',"x_Kind":'
        + _quoted(rows["part_kind"])
        + "}]}"
    )
    ours = {
        "allocated_method_id": rows["part_rule"],
        "allocated_method_details": details,
        "allocated_resource_id": owner,
        "allocated_resource_name": owner,
        "allocated_tags": _tags(rows),
    }
    split = _is_split(rows)
    return {FOCUS_NAMES[name]: split.ifelse(value, rows[name]) for name, value in ours.items()}


def _tags(rows: Table) -> Column:
    """Who the part belongs to, as a JSON object of what is known; keys are sorted."""
    parts = [
        ibis.coalesce(ibis.literal(f',"{name}":') + _quoted(rows[f"part_{name}"]), "")
        for name in sorted(TAGGED)
    ]
    return ibis.literal("{") + reduce(add, parts).substr(1) + "}"


def _quoted(text: Column) -> Column:
    """A JSON string; declared names hold no control characters."""
    safe = text.replace("\\", "\\\\").replace('"', '\\"')
    return ibis.literal('"') + safe + '"'
