"""The rules of the estate: how right they are on planted truth, and how they scale.

Right: the small simulated company with its noise on, for fresh seeds; of every planted class the
precision and the recall by count and by cost, the minimum of all. Scale: a made-up estate of
10,000 workloads, 500 nodes and 100,000 things, reconciled from the ledger to the stored findings.
"""

import argparse
import datetime as dt
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
from starlette.testclient import TestClient

from figures import Figure, measured, peak_rss_bytes, run
from tests.testing.test_planted_truth import NOW, all_found, ingest_all, planted, scores
from watermaster.flows.findings import find
from watermaster.flows.open import Project, create_project
from watermaster.ledger.resources import Recording, Row, append
from watermaster.ledger.watched import remember_heard
from watermaster.ledger.write import begin
from watermaster.model.resources import load_resource
from watermaster.model.tables import ibis
from watermaster.model.watched import Heard
from watermaster.serve.app import create_app
from watermaster.testing.simulate.company import Size
from watermaster.testing.simulate.plan import Order
from watermaster.testing.simulate.render import simulate

CLASSES = ("inactive_gpus", "undeclared_use", "unowned_resources", "unowned_use")
PLANTS = 10  # of each class, and more look-alikes
MONTH = "2026-10"
LATE = dt.datetime(2026, 10, 31, 20, tzinfo=dt.UTC)  # in that month: watches tell of the present
EVENTS = 20
TEAMS = 100


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Both halves."""
    seeds = [chosen.seed + n if chosen.seed else secrets.randbelow(2**31)
             for n in range(chosen.seeds)]  # fmt: skip
    found = [one for seed in seeds for one in planted_scores(seed)]
    for figure in ("precision", "recall"):
        mine = [one for one in found if one[2].startswith(figure)]
        if mine:
            score, name, _, seed = min(mine)
            yield Figure(bench="estate", figure=f"{figure}_min", value=float(round(score, 4)),
                         unit=f"of {len(seeds)} seeds, worst {name}, seed {seed}",
                         target=">= 0.9")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        project = large(Path(folder) / "home", chosen.workloads, chosen.things)
        runs = []
        for _ in range(3):
            with measured() as used:
                report = find(project, MONTH)
            runs.append(used)
        pages = page_times(project)
    best = min(runs, key=lambda one: one.wall_s)
    rss_gib = round(peak_rss_bytes() / 2**30, 2)
    for name, value, unit, target in (
        ("reconcile_s", round(best.wall_s, 1), "s, best of 3", "<= 60"),
        ("reconcile_cpu_s", round(best.cpu_s, 1), "CPU s", None),
        ("reconcile_rss_gib", rss_gib, "GiB", "<= 2"),
        ("reconcile_findings", len(report.found), "findings", None),
        ("page_first_s", pages[0], "s, the first page after a new revision", None),
        (
            "page_after_event_s",
            pages[1],
            f"s from an event heard to the page that shows it, worst of {EVENTS}",
            "<= 5 with the watch's beat of 0.5",
        ),
    ):
        yield Figure(bench="estate", figure=name, value=value, unit=unit, target=target)


def planted_scores(seed: int) -> Iterator[tuple[Decimal, str, str, int]]:
    """Each class and figure of one seed."""
    with tempfile.TemporaryDirectory() as folder:
        order = Order(seed, 1, MONTH, Size.SMALL, plants=PLANTS)
        made = simulate(order, Path(folder) / "inputs")
        project = create_project(Path(folder) / "home", clock=lambda: NOW)
        found = all_found(project, ingest_all(project, made), made.plan)
        truth = json.loads(made.truth.read_text())
        true = planted(truth)
        for name in (*CLASSES, *truth["estate"]):
            for figure, score in scores(true[name], found.get(name, {})).items():
                yield score, name, figure, seed


def page_times(project: Project) -> tuple[float, float]:
    """Seconds of the first page of a workload, and the worst from an event to the page with it."""
    page = TestClient(create_app(project), base_url="http://127.0.0.1")
    began = time.perf_counter()
    page.get("/estate/workload/work-0").raise_for_status()
    first = time.perf_counter() - began
    worst = 0.0
    for number in range(EVENTS):
        uid, at = f"ns-0/new-{number}", LATE
        row = {"day": f"{at:%Y-%m-%d}", "platform": "c-0", "subject_kind": "pod",
               "subject_uid": uid, "name": f"new-{number}", "namespace": "ns-0",
               "labels": json.dumps({"app": f"work-{number}"}), "state": "running",
               "created_at": at, "first_seen": at, "last_seen": at}  # fmt: skip
        began = time.perf_counter()
        remember_heard(project.ledger.records, "k8s", Heard(at=at, rows=[row]))
        shown = page.get(f"/estate/workload/work-{number}").text
        page.get("/estate").raise_for_status()
        worst = max(worst, time.perf_counter() - began)
        if uid not in shown:
            message = f"{uid} is not on the page of its workload"
            raise RuntimeError(message)
    return round(first, 2), round(worst, 2)


def large(home: Path, workloads: int, things: int) -> Project:
    """So many declared workloads and things on 500 nodes; a tenth of the things is nobody's."""
    project = create_project(home, clock=lambda: LATE)
    known = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
    with begin(project.ledger, "apply", "bench", project.tell) as work:
        rows = [_row("Team", f"team-{n}", {"unit": f"unit-{n % 9}"}, None) for n in range(TEAMS)]
        rows += [
            _row("Workload", f"work-{n}", {
                "purpose": "online-inference", "selectors": [{"labels": {"app": f"work-{n}"}}],
            }, f"team-{n % TEAMS}")
            for n in range(workloads)
        ]  # fmt: skip
        append(work.connection, rows, Recording(work.revision, known, "bench"))
    sizes = f"with t as (select range i from range({things}))"
    _store(
        project,
        "subjects",
        f"""{sizes}
        select 'k8s' source, '{MONTH}-31' "day", 'c-' || i % 4 platform, 'pod' subject_kind,
          'ns-' || i % 700 || '/p-' || i subject_uid, 'p-' || i "name", 'ns-' || i % 700 namespace,
          case when i % 10 > 0 then '{{"app":"work-' || i % {workloads} || '"}}' end labels,
          timestamp '2026-10-01' first_seen, timestamp '2026-10-31' last_seen, 2::bigint gpus
        from t""",
    )
    _store(
        project,
        "gpu_hours",
        f"""{sizes}
        select 'k8s' source, '{MONTH}-' || lpad((1 + d)::text, 2, '0') "day",
          'c-' || i % 4 platform, 'n-' || i % 500 node, 'pod' subject_kind,
          'ns-' || i % 700 || '/p-' || i subject_uid,
          timestamp '2026-10-01' + to_hours((24 * d)::int) "hour", 7200::bigint reserved_s,
          case when i % 25 = 0 then 10 else 3000 end::bigint used_s, 'L40S' model
        from t, range(5) days(d)""",
    )
    _store(
        project,
        "allocations",
        f"""{sizes}
        select 'aws' source, '{MONTH}' billing_month, 'f' charge_file, i charge_row,
          case when i % 20 = 0 then 'unallocated' else 'direct' end kind, 'no-rule' rule,
          1::decimal(11,10) ratio, 1.5::decimal(28,15) effective_cost, 'USD' billing_currency,
          case when i % 20 = 0 then null else 'work-' || i % {workloads} end workload,
          case when i % 20 = 0 then null else 'team-' || i % {TEAMS} end team,
          'a-' || i % 40 account, 'EC2' service, 'i-' || i // 3 resource_id,
          timestamp '2026-10-02' + to_hours((i % 3 * 24)::int) charge_start
        from t""",
    )
    return project


def _row(kind: str, name: str, spec: dict[str, object], owner: str | None) -> Row:
    document = {"apiVersion": "watermaster/v1", "kind": kind, "spec": spec,
                "metadata": {"name": name} | ({"owner": owner} if owner else {})}  # fmt: skip
    return Row(kind, name, None, load_resource(document))


def _store(project: Project, table: str, query: str) -> None:
    with duckdb.connect() as connection:
        rows: pa.Table = connection.sql(query).to_arrow_table()
    with begin(project.ledger, "store", "bench", project.tell) as work:
        written = work.write(table, ibis.memtable(rows))
        work.swap(table, list(written.rows), written)


if __name__ == "__main__":
    sys.exit(run(measure, "seeds=20", "seed=0", "workloads=10000", "things=100000"))
