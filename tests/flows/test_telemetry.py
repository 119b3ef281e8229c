"""Telemetry of every connector in a real ledger, and the cost of what was seen."""

import datetime as dt
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from tests.flows.small import Clock, declare, project_at, resource, rows_of
from tests.observe.rows import hours_of, seen_by, source, written_later
from tests.observe.test_prometheus_real import START, plan
from watermaster.flows.allocate import allocate_months
from watermaster.flows.own import charge_own
from watermaster.flows.telemetry import ingest_telemetry, whole_days
from watermaster.ledger.head import read_head
from watermaster.units.periods import Period, parse_month

GOLDEN = Path(__file__).parents[1] / "golden"
HOURS = ("day", "platform", "node", "gpu", "mig", "hour", "subject_uid", "reserved_s", "used_s")
SUPPLY = ("day", "platform", "node", "gpu", "mig", "hour", "present_s", "schedulable_s")


@pytest.fixture
def project(tmp_path):
    return project_at(tmp_path / "home", Clock("2026-12-01T00:00:00"))


def held(project, table, names):
    return hours_of([row | {"hour": _aware(row)} for row in rows_of(project, table)], *names)


def _aware(row):
    return row["hour"].replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("kind", "folder"),
    [("slurm", "slurm/text"), ("slurm", "slurm/json"), ("openshift", "openshift/files")],
)
def test_what_a_connector_sees_is_in_the_ledger_once(project, tmp_path, kind, folder):
    place = written_later(shutil.copytree(GOLDEN / folder, tmp_path / "in"))
    spec = source(kind, place)
    everything = Period(parse_month("2026-01").start, parse_month("2026-12").start)
    seen = seen_by(spec, everything)
    for _ in range(2):
        done = ingest_telemetry(project, "s", spec, everything)
        assert done.rows == {name: len(rows) for name, rows in seen.items() if name != "rejected"}
        assert held(project, "gpu_hours", HOURS) == hours_of(seen["gpu_hours"], *HOURS)
        assert held(project, "gpu_supply", SUPPLY) == hours_of(seen["gpu_supply"], *SUPPLY)
        assert len(rows_of(project, "subjects")) == len(seen["subjects"])
        assert len(rows_of(project, "rejected")) == len(seen.get("rejected", []))


def test_a_part_of_a_day_is_asked_of_the_whole_day():
    noon = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
    asked = whole_days(Period(noon, noon + dt.timedelta(hours=1)))
    assert asked == Period(noon.replace(hour=0), noon.replace(day=2, hour=0))
    assert whole_days(asked) == asked


def test_hours_planted_in_a_real_prometheus_are_in_the_ledger(project, prometheus):
    prometheus.load(plan())
    spec = source("prometheus", prometheus.address, platform="k8s")
    window = Period(START, START + dt.timedelta(hours=4))
    ingest_telemetry(project, "dcgm", spec, window)
    first = held(project, "gpu_hours", HOURS)
    assert sum(row["reserved_s"] for row in rows_of(project, "gpu_hours")) == (
        7200 + 5400 + 1543  # GPU a, GPU b, one MIG instance
    )
    revision = read_head(project.ledger.records).name
    ingest_telemetry(project, "dcgm", spec, Period(START, START + dt.timedelta(minutes=30)))
    assert held(project, "gpu_hours", HOURS) == first
    assert read_head(project.ledger.records).name != revision


def test_a_day_of_which_a_server_forgot_some_stays_as_it_is_held(project, prometheus):
    prometheus.load(plan())
    spec = source("prometheus", prometheus.address, platform="k8s")
    window = Period(START, START + dt.timedelta(hours=4))
    ingest_telemetry(project, "dcgm", spec, window)
    first = held(project, "gpu_hours", HOURS)
    forgot = spec.model_copy(update={"options": {"match": 'UUID!="GPU-b"'}})
    ingest_telemetry(project, "dcgm", forgot, window)
    assert held(project, "gpu_hours", HOURS) == first
    assert any("what is held stays" in getattr(event, "text", "") for event in project.told)


def test_jobs_run_on_a_real_slurm_appear_with_their_cost(slurm, tmp_path, monkeypatch):
    now = dt.datetime.now(dt.UTC)
    project = project_at(tmp_path / "home", Clock((now + dt.timedelta(days=1)).isoformat()[:19]))
    cost = {"staff": {"perMonth": "1000000"}}
    pool = {"platform": "brook", "accelerator": "h100", "count": 8, "cost": cost}
    chosen = {"purpose": "training", "selectors": [{"labels": {"bill": "chat"}}]}
    declare(
        project,
        resource("Team", "web", {"unit": "shop"}),
        resource("Pool", "h100", pool, "web"),
        resource("Workload", "chat", chosen, "web"),
    )
    for comment in ("bill=chat", "bill=nobody"):
        slurm.submit("-Aml", "--gres=gpu:h100:2", f"--comment={comment}", run="sleep 2")
    slurm.wait()
    monkeypatch.setenv("PATH", str(slurm.folder / "bin"), prepend=":")
    window = Period(now.replace(minute=0), now + dt.timedelta(hours=1))
    ingest_telemetry(project, "slurm", source("slurm", "sacct:"), window)
    charge_own(project)
    allocate_months(project)
    rows = rows_of(project, "allocations")
    charged = {row["workload"]: row["effective_cost"] for row in rows if row["kind"] == "measured"}
    assert charged.get("chat", 0) > 0
    total = sum((row["effective_cost"] for row in rows), Decimal(0))
    assert total == sum(row["effective_cost"] for row in rows_of(project, "charges"))
