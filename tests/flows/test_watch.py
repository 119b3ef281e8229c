"""What happens in a cluster is on the page within seconds, and outlives a watch that breaks."""

import datetime as dt
import threading
import time
from itertools import islice

import pytest
from starlette.testclient import TestClient

from tests.components import until
from tests.flows.small import charge, declare, project_at, resource, rows_of, store
from tests.kubernetes_double import Double
from watermaster.flows import watch as flows_watch
from watermaster.flows.allocate import allocate_months
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.sources import declared_sources
from watermaster.flows.sync import sync
from watermaster.flows.watch import watch_source
from watermaster.ledger.lock import holder_now
from watermaster.ledger.watched import heard_since, remember_heard, watch_states
from watermaster.model.watched import Heard
from watermaster.observe import kubernetes_watch
from watermaster.serve.app import create_app

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
MONTH = f"{NOW:%Y-%m}"
POD = {"containers": [{"name": "serve", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}
LATEST_S = 5.0  # an event is on the page by then


@pytest.fixture
def double():
    made = Double()
    for space in ("search", "triage"):
        made.make("Namespace", space)
        pod(made, space, "first")
    yield made
    made.stop()


def pod(double, space, name):
    double.make("Pod", name, space, metadata={"labels": {"app": space}}, spec=POD,
                status={"phase": "Running"})  # fmt: skip


@pytest.fixture
def project(double, tmp_path):
    """Two workloads in two clusters' worth of namespaces, one bill, one cluster."""
    made = project_at(tmp_path / "home", lambda: dt.datetime.now(dt.UTC))
    config = double.kubeconfig(tmp_path / "config", "eks-prod")
    declare(
        made,
        *(resource("Team", space, {"unit": "ml"}) for space in ("search", "triage")),
        *(resource("Workload", space, {"purpose": "online-inference",
                   "selectors": [{"labels": {"app": space}}]}, space)
          for space in ("search", "triage")),
        resource("Source", "eks-prod", {"type": "kubernetes", "location": "kubernetes:eks-prod",
                                        "options": {"kubeconfig": str(config)}}),
    )  # fmt: skip
    store(made, "charges", [charge("aws", MONTH, 1, "10"), charge("aws", MONTH, 2, "20")])
    allocate_months(made, [MONTH])
    return made


@pytest.fixture
def watched(project, monkeypatch):
    """The cluster is watched, and its first pull is done."""
    monkeypatch.setattr(kubernetes_watch, "RETRY_S", (0.1,))
    monkeypatch.setattr(kubernetes_watch, "PULSE_S", 0.2)
    monkeypatch.setattr(kubernetes_watch, "SILENT_BEATS", 1)
    ended = threading.Event()
    (source,) = declared_sources(project)
    told = (project, source, kubernetes_watch.watch, ended.wait)
    watcher = threading.Thread(target=watch_source, args=told)
    watcher.start()
    page = TestClient(create_app(project), base_url="http://127.0.0.1")

    def shows(space, name):
        return f"{space}/{name}" in page.get(f"/estate/workload/{space}").text

    until(lambda: shows("search", "first"), 30, "the first pull")
    yield shows
    ended.set()
    watcher.join()


def test_a_change_is_on_the_page_within_seconds_of_its_event(watched, double):
    for space in ("search", "triage"):
        began = time.monotonic()
        pod(double, space, "second")
        until(lambda space=space: watched(space, "second"), LATEST_S, "the pod's page")
        print(f"event to page: {time.monotonic() - began:.2f} s")
    double.remove("Pod", "second", "triage")
    until(lambda: not watched("triage", "second"), LATEST_S, "its leaving")
    assert watched("search", "second")


def test_a_watch_that_ends_is_resumed_and_tells_what_came_meanwhile(watched, double):
    double.faults.deaf_watch.add("pods")
    pod(double, "search", "meanwhile")
    double.faults.deaf_watch.clear()
    until(lambda: watched("search", "meanwhile"), LATEST_S, "the pod's page")


@pytest.mark.deep  # half a minute passes between two pulls
def test_a_watch_whose_past_is_forgotten_pulls_anew(watched, project, double):
    double.faults.deaf_watch.add("pods")
    until(lambda: "watch=true" in double.requests[-1], 10, "another watch")
    pod(double, "triage", "unheard")
    double.objects.forget()
    double.faults.deaf_watch.clear()
    until(lambda: watched("triage", "unheard"), 60, "a pull")
    assert not [row for _, _, row in heard_since(project.ledger.records)
                if row["subject_uid"].endswith("first")]  # fmt: skip


def test_a_pull_folds_what_it_saw_whole_and_keeps_what_it_did_not(project, double):
    def lives(kind):
        rows = rows_of(project, "subjects")
        return {row["subject_uid"] for row in rows if row["subject_kind"] == kind}

    sync(project, ["eks-prod"])
    whole = lives("pod")
    assert {"search/first", "triage/first"} <= whole
    at = dt.datetime.now(dt.UTC)
    for kind in ("pod", "job"):
        for name in ("x", "y"):
            told = {"platform": "eks-prod", "subject_kind": kind, "subject_uid": name}
            remember_heard(project.ledger.records, "eks-prod", Heard(at=at, gone=[told]))
    double.faults.garbage.add("pods")
    double.remove("Pod", "first", "triage")
    sync(project, ["eks-prod"])
    assert lives("pod") == whole, "of a list that is not whole nothing is missing"
    kept = [(row["subject_kind"], row["subject_uid"])
            for _, _, row in heard_since(project.ledger.records)]  # fmt: skip
    assert kept == [("pod", "x"), ("pod", "y")]


def test_a_source_that_is_declared_no_more_is_watched_no_more(project, monkeypatch, tmp_path):
    monkeypatch.setattr(flows_watch, "AGAIN_S", 0.1)
    ended = threading.Event()
    watcher = threading.Thread(target=flows_watch.watch_forever, args=(project, ended.wait))
    watcher.start()
    lock = project.home / "watch-eks-prod.lock"
    until(lambda: holder_now(lock), 30, "the watch")
    no = {"kubeconfig": str(tmp_path / "config"), "watch": "no"}
    declare(project, resource("Source", "eks-prod", {
        "type": "kubernetes", "location": "kubernetes:eks-prod", "options": no}))  # fmt: skip
    until(lambda: not holder_now(lock), 60, "its end")
    ended.set()
    watcher.join()


def test_a_disk_that_finds_its_claim_stands_for_itself_no_more(project, double, monkeypatch):
    monkeypatch.setattr(kubernetes_watch, "SILENT_BEATS", 1)
    for name in ("pv-1", "pv-2"):
        double.make("PersistentVolume", name, spec={"csi": {"volumeHandle": f"vol-{name}"}},
                    status={"phase": "Available"})  # fmt: skip
    (source,) = declared_sources(project)
    ended, rows, gone, is_bound = threading.Event(), {}, [], False
    for heard in islice(kubernetes_watch.watch(source.spec, ended.wait), 120):
        rows |= {row["subject_uid"]: row for row in heard.rows}
        gone += [(one["subject_kind"], one["subject_uid"]) for one in heard.gone]
        if not is_bound and _are_watched(double, "persistentvolumes", "persistentvolumeclaims"):
            is_bound = True
            double.change("PersistentVolume", "pv-1", status={"phase": "Bound"})
            for space in ("search", "triage"):
                double.make("PersistentVolumeClaim", "c", space, spec={"volumeName": "pv-1"},
                            status={"phase": "Bound"})  # fmt: skip
        if gone and len(rows) == 2:
            ended.set()
    assert gone == [("volume", "persistent-volume/pv-1")]
    assert [row["resource_id"] for row in rows.values()] == ["vol-pv-1", "vol-pv-1"]


def _are_watched(double, *plurals):
    asked = list(double.requests)
    return all(any(f"/{plural}?watch=true" in path for path in asked) for plural in plurals)


def test_a_cluster_that_falls_silent_is_a_gap_until_it_speaks_again(watched, project, double):
    assert source_gaps(project) == []
    double.faults.is_locked = True
    until(lambda: source_gaps(project) != [], 30, "a gap")
    (gap,) = source_gaps(project)
    assert "no data from eks-prod since" in gap.what
    assert "401" in gap.what
    double.faults.is_locked = False
    until(lambda: source_gaps(project) == [], 30, "an end of the gap")
    assert watch_states(project.ledger.records)["eks-prod"].fault is None
