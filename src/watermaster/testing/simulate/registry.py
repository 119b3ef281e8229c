"""The simulated company's models: versions with files, a gate, what was shown, what was refused."""

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from watermaster.flows.declare import apply, plan
from watermaster.flows.evidence import give_evidence
from watermaster.flows.lineage import Told
from watermaster.flows.open import Project
from watermaster.flows.registry import NewVersion, create_model, create_version, set_alias
from watermaster.flows.waivers import ask_waiver, grant_waiver
from watermaster.model.gates import GateRefusedError
from watermaster.model.identity import Grant, Role, Sort, Subject

INES: Final = "ines.moen@halden.example"  # makes models
TOVE: Final = "tove.berg@halden.example"  # approves them
DECLARED: Final = """\
apiVersion: watermaster/v1
kind: Gate
metadata: {name: production}
spec:
  environment: production
  require:
    - name: accurate
      condition: evidence.evaluation.metrics.accuracy >= 0.9
      says: accuracy of at least 0.9
    - name: fair
      condition: evidence.bias.worst_gap <= 0.05
      says: a gap of at most 0.05 between groups
    - name: safe
      condition: evidence.scan.critical == 0
      says: no critical weakness
    - name: fast
      condition: evidence.latency.p95_ms <= 400.0
      says: 95 of 100 answers within 400 ms
    - name: approved
      condition: evidence.approval.count >= 1
      says: an approval by somebody else
---
apiVersion: watermaster/v1
kind: Model
metadata: {name: claims-triage, owner: claims-triage}
spec:
  purpose: sorts claims by urgency and hands the hard ones to people
  baseModel: halden-claims-7b
  riskClass: high
  licence: proprietary
  intendedUse: claims of private customers in Norway and Germany; never the last word
  dataClasses: [personal]
"""
FIRST_V: Final = 13  # versions of claims-triage
PASSED: Final[Mapping[str, Mapping[str, Any]]] = {
    "evaluation": {"dataset": "claims-holdout 2026-08", "cases": 4210,
                   "metrics": {"accuracy": 0.94}, "slices": {"over-70": 0.91}},
    "bias": {"attribute": "age", "worst_gap": 0.03},
    "scan": {"tool": "modelscan", "critical": 0, "high": 1},
    "latency": {"p50_ms": 120, "p95_ms": 310, "per_s": 40},
}  # fmt: skip
WORSE: Final[Mapping[str, Mapping[str, Any]]] = {
    **PASSED,
    "evaluation": {"dataset": "claims-holdout 2026-11", "cases": 4398,
                   "metrics": {"accuracy": 0.87}, "slices": {"over-70": 0.79}},
    "bias": {"attribute": "age", "worst_gap": 0.09},
}  # fmt: skip


def register(project: Project, base: Path) -> None:
    """Declare the gate, register the models as the year went, and alter one file at its end."""
    file = base / "gates.yaml"
    file.write_text(DECLARED, encoding="utf-8")
    apply(project, plan(project, [str(file)]))
    create_model(_as(project, INES, "2026-02-02T08:00"), "claims-triage")
    for number in range(1, FIRST_V + 1):
        at = f"{dt.date(2026, 2, 2) + dt.timedelta(days=23 * (number - 1))}T08:30"
        _version(project, base, ("claims-triage", number), at)
    _promote(project, ("claims-triage", 11), "2026-09-29")
    _promote(project, ("claims-triage", 12), "2026-10-13")
    maker = _as(project, INES, "2026-11-18T10:00")
    _show(maker, ("claims-triage", 13), WORSE)
    try:
        set_alias(maker, "claims-triage", "prod", 13)
    except GateRefusedError:
        _flip(base / "models" / "claims-triage" / "11" / "weights.bin")
    _waived(project, base)


def _promote(project: Project, of: tuple[str, int], day: str) -> None:
    _show(_as(project, INES, f"{day}T09:00"), of, PASSED)
    approval = {"says": "fit for claims of private customers"}
    give_evidence(_as(project, TOVE, f"{day}T13:10"), "approval", *of, approval)
    set_alias(_as(project, INES, f"{day}T14:00"), of[0], "prod", of[1])


def _waived(project: Project, base: Path) -> None:
    """One that stands on a waiver for a while."""
    create_model(_as(project, INES, "2026-11-06T08:00"), "fraud-gnn")
    _version(project, base, ("fraud-gnn", 1), "2026-11-06T08:30")
    maker = _as(project, INES, "2026-11-10T09:00")
    _show(maker, ("fraud-gnn", 1), {k: told for k, told in PASSED.items() if k != "bias"})
    asked = ask_waiver(
        maker, "production/fair", ("fraud-gnn", 1), "groups are not told of companies; asked for",
        dt.datetime(2026, 12, 20, tzinfo=dt.UTC),
    )  # fmt: skip
    approver = _as(project, TOVE, "2026-11-10T11:00")
    grant_waiver(approver, asked.id)
    give_evidence(approver, "approval", "fraud-gnn", 1, {"says": "fit while the waiver holds"})
    set_alias(_as(project, INES, "2026-11-10T14:00"), "fraud-gnn", "prod", 1)


def _version(project: Project, base: Path, of: tuple[str, int], at: str) -> None:
    folder = base / "models" / of[0] / str(of[1])
    folder.mkdir(parents=True, exist_ok=True)
    weights = hashlib.shake_256(f"{of[0]}/{of[1]}".encode()).digest(65_536)
    (folder / "weights.bin").write_bytes(weights)
    (folder / "config.json").write_text(json.dumps({"name": of[0], "version": of[1]}))
    told = Told(source=str(folder.resolve()))
    create_version(_as(project, INES, at), NewVersion(model=of[0], told=told))


def _show(project: Project, of: tuple[str, int], told: Mapping[str, Mapping[str, Any]]) -> None:
    for kind, figures in told.items():
        give_evidence(project, kind, *of, figures)


def _flip(file: Path) -> None:
    """One bit of one byte: what nobody would see."""
    held = bytearray(file.read_bytes())
    held[4096] ^= 1
    file.write_bytes(held)


def _as(project: Project, name: str, at: str) -> Project:
    """The project as somebody asks it at a moment."""
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    role = Role.APPROVER if name == TOVE else Role.OWNER
    subject = Subject(name=name, sort=Sort.LOCAL, grants=(Grant(role=role),))
    ledger = dataclasses.replace(project.ledger, clock=lambda: moment)
    return dataclasses.replace(project, ledger=ledger, subject=subject, actor=name)
