"""The shapes of the fact tables: columns, types, meaning, and the slice a delivery replaces.

Facts hold what was SEEN, never a declared workload, so that a changed selector needs no new
ingest. Columns are only added. Tag columns (`tag_<snake_key>`, text) join `charges` and
`allocations` as they are declared. Times at rest are UTC.
"""

from dataclasses import dataclass
from typing import Final

from watermaster.model.focus_columns import FOCUS_COLUMNS

MONEY: Final = "decimal(28, 15)"
RATIO: Final = "decimal(11, 10)"
TIME: Final = "timestamp('UTC')"
COSTS: Final = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type as Ibis writes it, and what it means, with the unit."""

    name: str
    type: str
    doc: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One fact table. A delivery replaces a slice whole: one value of all `slice_by` columns."""

    name: str
    grain: str  # one row per what
    slice_by: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def types(self) -> dict[str, str]:
        """Column name to type, in order."""
        return {column.name: column.type for column in self.columns}


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_SOURCE: Final = ("source", "string", "name of the Source that delivered the row")
_DAY: Final = ("day", "string", "UTC day the row belongs to, YYYY-MM-DD")
_PLATFORM: Final = ("platform", "string", "platform as the source names it (cluster name)")
_SUBJECT: Final = (
    ("subject_kind", "string", "native kind: pod, slurm-job, namespace, endpoint"),
    ("subject_uid", "string", "native uid; pod: namespace/name, slurm: cluster:jobid:submit"),
)
_COSTS: Final = tuple(
    (name, MONEY, f"{name.replace('_', ' ')} in billing_currency") for name in COSTS
)
_CHARGE_KEY: Final = (
    _SOURCE,
    ("billing_month", "string", "month of the bill, YYYY-MM, from BillingPeriodStart"),
    ("charge_file", "string", "first 16 hex digits of the sha256 of the file as delivered"),
    ("charge_row", "int64", "1-based data row in that file, rejected rows counted"),
)

CHARGES: Final = Shape(
    "charges",
    "one bill row",
    ("source", "billing_month", "part"),
    _columns(
        *_CHARGE_KEY,
        ("part", "string", "file within a source that delivers in parts; else empty"),
        *FOCUS_COLUMNS,
        ("tags", "string", "Tags as canonical JSON (sorted keys), null when there are none"),
        (
            "origin",
            "string",
            "canonical JSON of unknown columns, and of numbers with more than 15 decimals as text",
        ),
    ),
)

SUBJECTS: Final = Shape(
    "subjects",
    "one native thing seen on one day",
    ("source", "day"),
    _columns(
        _SOURCE,
        _DAY,
        _PLATFORM,
        *_SUBJECT,
        ("name", "string", "name as people see it (pod or job name)"),
        ("namespace", "string", "Kubernetes namespace"),
        ("account", "string", "Slurm account or cloud account"),
        ("creator", "string", "user or service account that started it"),
        ("parent_uid", "string", "uid of what created it, if known"),
        ("labels", "string", "labels as canonical JSON"),
        ("first_seen", TIME, "first moment seen that day"),
        ("last_seen", TIME, "last moment seen that day"),
        ("resource_id", "string", "id its provider bills it by, e.g. an ARN; null if none"),
        ("state", "string", "native state in lower case: running, pending, stopped, available"),
        ("created_at", TIME, "when it was made, as the source says"),
        ("last_used", TIME, "last read, write or request the source knows of; null if unknown"),
        ("gpus", "int64", "accelerators requested or attached; null if unknown"),
        ("accelerator", "string", "accelerator model asked for or attached"),
        ("bytes", "int64", "size at rest, of volumes, snapshots, prefixes and artefacts"),
        ("artefact", "string", "digest (sha256:...) or address of what it serves or stores"),
        ("model", "string", "model it serves, trains or is, as named there"),
        ("uses", "string", "data locations it mounts, reads or writes, as canonical JSON list"),
        ("attributes", "string", "what else the source tells, as canonical JSON"),
    ),
)

REQUESTS: Final = Shape(
    "requests",
    "one consumer's requests to one model version at one service in one hour",
    ("source", "day"),
    _columns(
        _SOURCE,
        _DAY,
        _PLATFORM,
        *_SUBJECT,
        ("hour", TIME, "start of the hour"),
        ("model", "string", "model as the service names it"),
        ("version", "string", "version or deployment of the model, null if not told"),
        ("consumer", "string", "who asked: API key id, client or tag; null if not told"),
        ("labels", "string", "labels or tags of the requests as canonical JSON"),
        ("resource_id", "string", "id its provider bills the service by; null if none"),
        ("requests", "int64", "requests answered or failed; null if not counted"),
        ("failed", "int64", "requests that failed; null if not counted"),
        ("tokens_in", "int64", "tokens read, cached ones included; null if not counted"),
        ("tokens_out", "int64", "tokens written; null if not counted"),
        ("tokens_cached", "int64", "tokens read from a cache, part of tokens_in; null if unknown"),
    ),
)

GPU_SUPPLY: Final = Shape(
    "gpu_supply",
    "one GPU (or MIG instance, or a node's count of GPUs) in one hour",
    ("source", "day"),
    _columns(
        _SOURCE,
        _DAY,
        _PLATFORM,
        ("node", "string", "node name as the platform names it"),
        ("gpu", "string", "GPU uuid or index; null where only the node's count is known"),
        ("mig", "string", "MIG instance id, else null"),
        ("hour", TIME, "start of the hour"),
        ("partition", "string", "partition or node pool as seen, else null"),
        ("model", "string", "accelerator model as seen, e.g. H100"),
        ("present_s", "int64", "GPU-seconds the device was seen in the hour"),
        ("healthy_s", "int64", "GPU-seconds seen and without a fatal error"),
        ("schedulable_s", "int64", "GPU-seconds healthy and open to work (not drained)"),
        ("evidence", "string", "what it was read from: DCGM field, sacctmgr event, file"),
    ),
)

GPU_HOURS: Final = Shape(
    "gpu_hours",
    "source x platform x node x GPU x MIG x hour x subject",
    ("source", "day"),
    _columns(
        _SOURCE,
        _DAY,
        _PLATFORM,
        ("node", "string", "node name as the platform names it"),
        ("gpu", "string", "GPU uuid or index; null where only a count is known"),
        ("mig", "string", "MIG instance id, else null"),
        ("hour", TIME, "start of the hour"),
        *_SUBJECT,
        ("model", "string", "accelerator model as seen"),
        ("reserved_s", "int64", "GPU-seconds reserved by the subject in the hour"),
        ("used_s", "int64", "GPU-seconds x utilisation, null when no utilisation was measured"),
        ("utilisation_field", "string", "SM_ACTIVE, GR_ENGINE_ACTIVE or GPU_UTIL, null if none"),
        ("memory_bytes", "int64", "mean device memory held, bytes"),
        ("energy_j", "int64", "energy in joules, null if not measured"),
        ("tensor_s", "int64", "GPU-seconds x tensor core activity, null if not measured"),
        ("dram_s", "int64", "GPU-seconds x device memory activity, null if not measured"),
    ),
)

RUNS: Final = Shape(
    "runs",
    "one attempt of one job",
    ("source", "day"),
    _columns(
        _SOURCE,
        ("day", "string", "UTC day the attempt ended (or was last seen), YYYY-MM-DD"),
        _PLATFORM,
        *_SUBJECT,
        ("attempt", "int64", "0 for the first; one more per requeue"),
        ("name", "string", "job name"),
        ("account", "string", "account charged"),
        ("user", "string", "who submitted it"),
        ("partition", "string", "partition or queue"),
        ("state", "string", "native final state, e.g. COMPLETED, FAILED, PREEMPTED"),
        ("submitted_at", TIME, "submission"),
        ("started_at", TIME, "first running second, null if it never ran"),
        ("ended_at", TIME, "end, null while it runs"),
        ("nodes", "string", "node list, comma separated"),
        ("gpus", "int64", "GPUs reserved"),
        ("model", "string", "accelerator model asked for or given"),
        ("exit_code", "string", "native exit code"),
    ),
)

TRANSFERS: Final = Shape(
    "transfers",
    "location x from x to x day x subject",
    ("source", "day"),
    _columns(
        _SOURCE,
        _DAY,
        ("location", "string", "bucket or prefix the bytes left, as a Dataset location"),
        ("resource_id", "string", "resource id the provider bills, e.g. the bucket's ARN"),
        ("from_region", "string", "region left"),
        ("to_region", "string", "region or network reached"),
        _PLATFORM,
        *_SUBJECT,
        ("bytes", "int64", "bytes moved"),
    ),
)

REJECTED: Final = Shape(
    "rejected",
    "one row of a delivery that could not be used",
    ("source", "delivery"),
    _columns(
        _SOURCE,
        ("delivery", "string", "charge_file of the delivered file"),
        ("file", "string", "file name as delivered"),
        ("row", "int64", "1-based data row"),
        ("column", "string", "column at fault"),
        ("value", "string", "its text, up to 200 characters"),
        ("reason", "string", "what is wrong and what to write instead"),
    ),
)

ALLOCATIONS: Final = Shape(
    "allocations",
    "part of one charge given to one owner",
    ("source", "billing_month"),
    _columns(
        *_CHARGE_KEY,
        ("kind", "string", "direct, measured, shared, idle, unmeasured or unallocated"),
        ("rule", "string", "the rule that decided, e.g. selector:chat-prod or pool:h100-fra"),
        ("ratio", RATIO, "share of the charge, 0..1; the parts of a charge sum to 1"),
        *_COSTS,
        ("billing_currency", "string", "currency of the costs"),
        (
            "utilisation",
            "decimal(5, 4)",
            "used / reserved of this part's GPU-seconds, null if unmeasured",
        ),
        ("workload", "string", "workload, null for idle, unmeasured and unallocated"),
        ("team", "string", "team that owns the part, null if nobody does"),
        ("unit", "string", "business unit of the team"),
        ("cost_center", "string", "cost centre of the team"),
        ("model", "string", "model the workload uses"),
        ("dataset", "string", "dataset the charge is for"),
        ("project", "string", "project of the workload"),
        ("environment", "string", "development, staging or production"),
        ("purpose", "string", "purpose of the workload"),
        ("stage", "string", "lifecycle stage of the workload"),
        ("platform", "string", "declared platform the charge belongs to"),
        ("pool", "string", "declared pool the charge belongs to"),
        ("accelerator", "string", "accelerator of the pool"),
        ("provider", "string", "ProviderName, else ServiceProviderName"),
        ("account", "string", "SubAccountId, else BillingAccountId"),
        ("account_name", "string", "SubAccountName, else BillingAccountName"),
        ("service", "string", "ServiceName"),
        ("region", "string", "RegionId, else RegionName"),
        ("resource_id", "string", "ResourceId"),
        ("charge_category", "string", "ChargeCategory"),
        ("charge_start", TIME, "ChargePeriodStart"),
        ("charge_month", "string", "month of use, YYYY-MM"),
    ),
)

_OF_A_CHARGE: Final = frozenset(
    {"billing_month", "charge_file", "charge_row", "ratio", "utilisation", "resource_id",
     "charge_start"}
)  # fmt: skip

ADJUSTMENTS: Final = Shape(
    "adjustments",
    "what one owner's cost of a closed month changed by, by every dimension but day and resource",
    ("adjusts_month", "billing_month"),
    (
        *_columns(
            ("adjusts_month", "string", "the closed month that changed, YYYY-MM"),
            ("adjusts_close_id", "string", "the close it corrects, e.g. close-2026-09"),
            ("billing_month", "string", "open month it is booked in, YYYY-MM"),
        ),
        *(column for column in ALLOCATIONS.columns if column.name not in _OF_A_CHARGE),
    ),
)

SHAPES: Final = {
    shape.name: shape
    for shape in (
        CHARGES, SUBJECTS, GPU_SUPPLY, GPU_HOURS, RUNS, REQUESTS, TRANSFERS, REJECTED,
        ALLOCATIONS, ADJUSTMENTS,
    )
}  # fmt: skip
