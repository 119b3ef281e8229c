"""A small company straight into the ledger: allocations and GPU use of some months, made up."""

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa

from watermaster.flows.open import Project
from watermaster.ledger.records import DECISIONS, SLICES
from watermaster.ledger.resources import Recording, append
from watermaster.ledger.resources import Row as RecordRow
from watermaster.ledger.write import begin
from watermaster.model.events import tell_nobody
from watermaster.model.resources import load_resource
from watermaster.model.shapes import SHAPES

WORK = [  # workload, team, unit, purpose, provider, platform, dollars a day, use (None: unknown)
    ("genomics-transformer", "genomics", "Research", "training", "AWS", "eks-train", 6400, 0.71),
    ("claims-triage-llm", "claims-ai", "Claims", "online-inference", "AWS", "eks-prod", 8300, 0.61),
    ("chat-assist", "contact", "Retail", "online-inference", "Microsoft", "aks-eu", 5200, 0.44),
    ("recsys-two-tower", "recsys", "Retail", "fine-tuning", "AWS", "eks-train", 5700, None),
    ("doc-extract", "claims-ai", "Claims", "batch-inference", "Microsoft", "aks-eu", 2300, 0.39),
    ("protein-fold", "genomics", "Research", "training", "Own", "slurm-oslo", 3900, 0.79),
    ("code-assistant", "devex", "Platform", "experiment", "Own", "k8s-oslo", 4900, 0),
    ("radiology-vit", "imaging", "Care", "evaluation", "Own", "slurm-oslo", 2600, 0.66),
    ("<b>call & summary</b>", "contact", "Care", "data-preparation", "AWS", "eks-prod", 900, 0.31),
]
Row = dict[str, Any]
DECLARED_AT = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
MONTHS = ("2026-08", "2026-09", "2026-10")
FILE = "ab12cd34ef56ab78"


def found(project: Project, a_day: int = 2, seed: int = 7) -> None:
    """Fill the ledger; `a_day` parts of charges for each workload and day."""
    dice = random.Random(seed)
    rows: list[Row] = []
    supply: list[Row] = []
    hours: list[Row] = []
    for month in MONTHS:
        growth = 1 + MONTHS.index(month) * 0.08
        for day in _days(month):
            for one in WORK:
                daily = one[6] * growth * dice.uniform(0.85, 1.15)
                for part in range(a_day):
                    rows.append(_owned(one, day, daily / a_day, len(rows) + 1, part))
            rows += _nobodys(day, growth, dice, len(rows))
            supply += _supply(day)
            hours += _hours(day, dice)
    with begin(project.ledger, "ingest", "test", tell_nobody) as work:
        for month in MONTHS:
            work.connection.execute(
                DECISIONS.insert().values(
                    revision=work.revision, at=work.at(), action="allocate", rule="allocate/1",
                    subject=month, inputs="{}", why="made up",
                )
            )  # fmt: skip
        append(work.connection, _declared(), Recording(work.revision, DECLARED_AT, "test"))
        for name, held in (("allocations", rows), ("gpu_supply", supply), ("gpu_hours", hours),
                           ("subjects", _seen())):  # fmt: skip
            written = work.write(name, ibis.memtable(_table(name, held)))
            work.swap(name, sorted(written.rows), written)
            for key, count in written.rows.items():
                work.connection.execute(
                    SLICES.insert().values(
                        table_name="charges" if name == "allocations" else name,
                        source=key[0], period=key[1], part="", revision=work.revision,
                        delivery=FILE, exported_at="2026-11-01T06:00:00+00:00", rows=count,
                    )
                )  # fmt: skip


def _declared() -> list[RecordRow]:
    """The teams, and the workloads whose names a resource can have."""
    documents = [("Team", team, {"unit": unit}, None) for team, unit in
                 sorted({(one[1], one[2]) for one in WORK if one[2] != "Care"})]  # fmt: skip
    documents += [
        ("Workload", name, {"purpose": purpose, "model": "reader-7b", "datasets": ["notes"],
                            "selectors": [{"labels": {"app": name}}]}, team)
        for name, team, _, purpose, *_ in WORK if "<" not in name
    ]  # fmt: skip
    documents.append(("Model", "reader-7b", {"purpose": "reads"}, None))
    documents.append(("Dataset", "notes", {"locations": ["s3://notes"]}, None))
    documents.append(("Platform", "k8s-oslo", {"type": "kubernetes"}, None))
    return [
        RecordRow(kind, name, None, load_resource({
            "apiVersion": "watermaster/v1", "kind": kind, "spec": spec,
            "metadata": {"name": name} | ({"owner": owner} if owner else {}),
        }))
        for kind, name, spec, owner in documents
    ]  # fmt: skip


def _seen() -> list[Row]:
    """Pods of two workloads, one of nobody whose name would be markup."""
    pods = [("chat-assist", "contact/chat-0"), ("doc-extract", "claims/doc-0"), (None, "a/b")]
    return [
        {
            "source": "k8s-oslo", "day": f"{day:%Y-%m-%d}", "platform": "k8s-oslo",
            "subject_kind": "pod", "subject_uid": uid, "namespace": "<b>ns</b>",
            "name": uid.split("/")[1], "labels": f'{{"app":"{app}"}}' if app else None,
            "first_seen": day, "last_seen": day + dt.timedelta(hours=23),
        }
        for day in _days(MONTHS[-1]) for app, uid in pods
    ]  # fmt: skip


def _days(month: str) -> list[dt.datetime]:
    first = dt.datetime.fromisoformat(f"{month}-01")
    return [
        first + dt.timedelta(days=i)
        for i in range(31)
        if (first + dt.timedelta(days=i)).strftime("%Y-%m") == month
    ]


def _row(day: dt.datetime, cost: float, number: int, **columns: Any) -> Row:
    money = Decimal(repr(round(cost, 6)))
    return {
        "source": columns.get("provider", "aws").lower(), "billing_month": f"{day:%Y-%m}",
        "charge_file": FILE, "charge_row": number, "ratio": Decimal(1), "billed_cost": money,
        "effective_cost": money, "list_cost": money, "contracted_cost": money,
        "billing_currency": "USD", "charge_category": "Usage", "charge_start": day,
        "charge_month": f"{day:%Y-%m}",
    } | columns  # fmt: skip


def _owned(work: tuple[Any, ...], day: dt.datetime, cost: float, number: int, part: int) -> Row:
    name, team, unit, purpose, provider, platform, _, use = work
    services = ("GPU compute", "Object storage", "Data transfer")
    return _row(
        day, cost, number, kind="measured" if provider == "Own" else "direct",
        rule=f"selector:{name}", utilisation=None if use is None or part % 3 else Decimal(str(use)),
        workload=name, team=team, unit=unit, purpose=purpose, provider=provider,
        platform=platform, service=services[part % 3], resource_id=f"node-{number % 97:02d}",
        account="1001", account_name="halden",
    )  # fmt: skip


def _nobodys(day: dt.datetime, growth: float, dice: random.Random, number: int) -> list[Row]:
    idle = _row(
        day, 1500 * dice.uniform(0.6, 1.6) * growth, number + 1, kind="idle", rule="pool:h100-oslo",
        pool="h100-oslo", platform="slurm-oslo", provider="Own", team="infra", unit="Platform",
        service="GPU compute", resource_id="node-idle",
    )  # fmt: skip
    lost = _row(
        day, 420 * dice.uniform(0.6, 1.6), number + 2, kind="unallocated", rule="no-rule",
        provider="AWS", service="Block storage", resource_id=f"vol-{day.day:02d}",
    )  # fmt: skip
    unclear = _row(
        day, 110, number + 3, kind="unallocated", rule="ambiguous", provider="Microsoft",
        service="Virtual machines", resource_id="vm-7",
    )  # fmt: skip
    return [idle, lost, unclear]


def _use(day: dt.datetime, hour: int, platform: str) -> Row:
    return {
        "source": platform, "day": f"{day:%Y-%m-%d}", "platform": platform, "node": "n1",
        "gpu": None, "hour": day + dt.timedelta(hours=hour), "model": "H100",
    }  # fmt: skip


def _supply(day: dt.datetime) -> list[Row]:
    seconds = {"present_s": 28800, "healthy_s": 28800, "schedulable_s": 28800}
    return [
        _use(day, hour, platform) | seconds | {"evidence": "test"}
        for platform in ("slurm-oslo", "k8s-oslo")
        for hour in range(24)
    ]


def _hours(day: dt.datetime, dice: random.Random) -> list[Row]:
    seen: list[Row] = []
    for platform, base in (("slurm-oslo", 0.8), ("k8s-oslo", 0.4)):
        for hour in range(24):
            busy = min(1, base + (0.25 if 8 <= hour < 19 else -0.1) * dice.uniform(0.4, 1))
            reserved = int(28800 * busy)
            seen.append(
                _use(day, hour, platform)
                | {"subject_kind": "pod", "subject_uid": "a/b", "reserved_s": reserved}
                | {"used_s": int(reserved * 0.55), "utilisation_field": "SM_ACTIVE"}
            )
    return seen


def _table(name: str, rows: list[Row]) -> pa.Table:
    schema = ibis.schema(
        {k: v.replace("timestamp('UTC')", "timestamp") for k, v in SHAPES[name].types.items()}
    )
    return pa.Table.from_pylist(rows, schema=schema.to_pyarrow())
