"""A ledger with a service nobody asks and a volume nothing holds, on a platform made of files."""

import datetime as dt
import json
from pathlib import Path

from tests.flows.small import Clock, charge, declare, project_at, resource, store, supplied, used
from watermaster.flows.allocate import allocate_months
from watermaster.flows.findings import find, list_findings
from watermaster.flows.fix import approve_fix, plan_fix, resume_fixes, run_fix, undo_fix
from watermaster.flows.open import Project, open_project
from watermaster.ledger.fixes import fixes
from watermaster.model.events import Tell, tell_nobody

MONTH, NOW = "2026-09", "2026-10-05T08:00:00"
DAYS = tuple(f"{MONTH}-{number:02d}" for number in range(22, 27))
SERVICE, OTHER, VOLUME = "deployment/rag/held", "deployment/rag/reader", "vol-1"
WORLD = {
    SERVICE: {"replicas": 2, "labels": {}},
    OTHER: {"replicas": 1, "labels": {}},
    VOLUME: {"bytes": 1 << 40},
}


def at(day: str, hour: int = 0) -> dt.datetime:
    return dt.datetime.fromisoformat(day) + dt.timedelta(hours=hour)


def prepare(
    home: Path, clock: Clock | None = None, volume: str = VOLUME, spec: object = None
) -> Project:
    """The ledger and the platform beside it; what was found is kept.

    spec: that of another Target, where the volume lies elsewhere.
    """
    write_world(home, WORLD)
    project = project_at(home, clock or Clock(NOW))
    store(project, "charges", [
        charge("aws", MONTH, 10 * n + place, "40", resource_id=idn,
               charge_period_start=at(day), charge_period_end=at(day, 24))
        for n, idn in enumerate(("i-1", volume)) for place, day in enumerate(DAYS)
    ])  # fmt: skip
    pods = {"rag/held-0": ("held", 0.0), "rag/reader-0": ("reader", 0.7)}
    store(project, "subjects", [
        *(_seen("pod", uid, day, parent_uid=f"deployment/rag/{name}", namespace="rag")
          for uid, (name, _) in pods.items() for day in DAYS),
        *(_seen("volume", volume, day, resource_id=volume, state="available",
                last_used=at("2026-06-01"), created_at=at("2026-05-01")) for day in DAYS),
    ])  # fmt: skip
    store(project, "gpu_hours", [
        used(day, "n-1", hour, uid, 3600, model="L40S", used_s=int(3600 * busy))
        for uid, (_, busy) in pods.items() for day in DAYS for hour in range(13)
    ])  # fmt: skip
    store(project, "gpu_supply", [
        supplied(day, "n-1", hour, 8 * 3600, model="L40S") for day in DAYS for hour in range(24)
    ])  # fmt: skip
    declare(
        project,
        resource("Team", "rag", {"unit": "Care", "selectors": [{"resourceId": volume}]}),
        resource("Team", "ops", {"unit": "Platform"}),
        resource("Workload", "reader", {"purpose": "batch-inference",
                                        "selectors": [{"namespace": "rag"}]}, "rag"),
        target(home, ["scale", "snapshot-delete"]) if spec is None
        else resource("Target", "fra-writes", spec),
    )  # fmt: skip
    allocate_months(project)
    find(project, MONTH)
    return project


def target(home: Path, verbs: list[str], **more: object) -> dict[str, object]:
    return resource("Target", "fra-writes", {
        "type": "simulated", "platform": "fra", "location": str(world_of(home)), "verbs": verbs,
    } | more)  # fmt: skip


def _seen(kind: str, uid: str, day: str, **more: object) -> dict[str, object]:
    return {"source": "dcgm", "day": day, "platform": "fra", "subject_kind": kind,
            "subject_uid": uid, "name": uid.rpartition("/")[2], "first_seen": at(day),
            "last_seen": at(day, 23)} | more  # fmt: skip


def world_of(home: Path) -> Path:
    return home.parent / f"{home.name}-platform"


def write_world(home: Path, world: dict[str, dict[str, object]]) -> None:
    for uid, shown in world.items():
        kind = uid.partition("/")[0] if "/" in uid else "volume"
        path = world_of(home) / kind / f"{uid.replace('/', '~')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(shown))


def read_world(home: Path) -> dict[str, dict[str, object]]:
    """Every thing by its uid; a snapshot as `snapshot/...`."""
    found = {}
    for path in sorted(world_of(home).rglob("*.json")):
        uid = path.stem.replace("~", "/")
        found[f"snapshot/{uid}" if path.parent.name == "snapshot" else uid] = json.loads(
            path.read_text()
        )
    return found


def finding_of(project: Project, rule: str) -> str:
    """The id of the one finding of a rule."""
    (one,) = list_findings(project).found if rule == "" else [
        found for found in list_findings(project).found if found.rule == rule
    ]  # fmt: skip
    return one.id


def mend_volume(home: Path, tell: Tell = tell_nobody) -> None:
    """Go on with what was begun; else plan, approve and do the volume's fix."""
    project = open_project(home, tell=tell, clock=Clock(NOW))
    if not resume_fixes(project):
        (fix,) = plan_fix(project, finding_of(project, "orphaned-volume"))
        run_fix(project, approve_fix(project, fix.id).id)
    project.ledger.records.dispose()


def undo_volume(home: Path, tell: Tell = tell_nobody) -> None:
    """Take back the fix that was done."""
    project = open_project(home, tell=tell, clock=Clock(NOW))
    (fix,) = fixes(project.ledger.records)
    undo_fix(project, fix.id)
    project.ledger.records.dispose()
