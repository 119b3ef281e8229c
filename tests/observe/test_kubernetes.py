"""What stands in a cluster is found; what a cluster does not tell is said to be untold."""

import datetime as dt
import json

import pytest

from tests.kubernetes_double import Double
from tests.observe.rows import seen_by
from watermaster.clients import kubernetes as client
from watermaster.model.errors import BadInputError
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.observe.kubernetes import versions_of
from watermaster.observe.kubernetes_kinds import KINDS
from watermaster.units.periods import Period

TODAY = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
WINDOW = Period(TODAY, TODAY + dt.timedelta(days=1))
GPU = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}


@pytest.fixture
def double():
    """A cluster with two nodes, two namespaces, and something of each kind."""
    made = Double()
    for name, product in (("n-1", "H100"), ("n-2", "L40S")):
        made.make(
            "Node", name, metadata={"labels": {"nvidia.com/gpu.product": product}},
            spec={"providerID": f"aws:///eu-central-1a/i-{name}"},
            status={"capacity": {"nvidia.com/gpu": "8", "cpu": "96"},
                    "conditions": [{"type": "Ready", "status": "True"}]},
        )  # fmt: skip
    for space in ("search", "triage"):
        made.make("Namespace", space)
        _fill(made, space)
    made.make("PersistentVolume", "pv-gone", spec={"capacity": {"storage": "1Ti"},
              "csi": {"volumeHandle": "vol-gone"}}, status={"phase": "Released"})  # fmt: skip
    yield made
    made.stop()


def _fill(made, space):
    serve = {"name": "serve", "image": "vllm:1", "args": ["--model", f"{space}-13b"],
             "env": [{"name": "DATA", "value": f"s3://{space}/index,now"}], **GPU}  # fmt: skip
    pod = {"containers": [serve, {"name": "side", "image": "proxy:2"}],
           "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "cache"}}]}  # fmt: skip
    labels = {"app": space}
    deployment = made.make(
        "Deployment", "rag", space, metadata={"labels": labels},
        spec={"replicas": 2, "selector": {"matchLabels": labels},
              "template": {"metadata": {"labels": labels}, "spec": pod}},
        status={"readyReplicas": 1},
    )  # fmt: skip
    del deployment
    for number in (1, 2):
        made.make(
            "Pod", f"rag-5c9-{number}", space,
            metadata={"labels": labels | {"pod-template-hash": "5c9"}, "ownerReferences": [
                {"kind": "ReplicaSet", "name": "rag-5c9", "uid": "u", "controller": True}]},
            spec=pod | {"nodeName": f"n-{number}", "serviceAccountName": "server"},
            status={"phase": "Running"},
        )  # fmt: skip
    for name, volume in (("cache", "pv-1"), ("old", "pv-2")):
        made.make(
            "PersistentVolume", f"{space}-{volume}",
            spec={"csi": {"volumeHandle": f"vol-{space}-{name}"}}, status={"phase": "Bound"},
        )  # fmt: skip
        made.make("PersistentVolumeClaim", name, space,
                  spec={"volumeName": f"{space}-{volume}"},
                  status={"phase": "Bound", "capacity": {"storage": "100Gi"}})  # fmt: skip
    made.make("InferenceService", "reader", space, spec={"predictor": {
        "minReplicas": 1, "model": {"storageUri": f"s3://models/{space}",
                                    "modelFormat": {"name": "onnx"}, **GPU}}},
        status={"conditions": [{"type": "Ready", "status": "True"}]})  # fmt: skip
    made.make("Job", "train", space, spec={"parallelism": 4, "template": {"spec": {
        "containers": [{"name": "t", **GPU}]}}}, status={"active": 4})  # fmt: skip
    made.make("CronJob", "nightly", space, spec={"schedule": "0 3 * * *", "jobTemplate": {
        "spec": {"template": {"spec": {"containers": [{"name": "t"}]}}}}})  # fmt: skip
    made.make("RayCluster", "ray", space, spec={"headGroupSpec": {"template": {"spec": {
        "containers": [{"name": "h"}]}}}, "workerGroupSpecs": [{"replicas": 3, "template": {
            "spec": {"containers": [{"name": "w", **GPU}]}}}]},
        status={"state": "ready"})  # fmt: skip
    made.make("Workload", "queued", space, spec={"queueName": "gpu", "podSets": [
        {"count": 2, "template": {"spec": {"containers": [{"name": "t", **GPU}]}}}]})  # fmt: skip
    made.make("JobSet", "set", space, spec={"replicatedJobs": [{"replicas": 2, "template": {
        "spec": {"parallelism": 2, "template": {"spec": {"containers": [
            {"name": "t", **GPU}]}}}}}]})  # fmt: skip
    made.make("NetworkPolicy", "closed", space, spec={
        "podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"]})  # fmt: skip


@pytest.fixture
def seen(double, tmp_path):
    def look(**options):
        path = double.kubeconfig(tmp_path / "config", "eks-prod")
        spec = SourceSpec(type=SourceType.KUBERNETES, location="kubernetes:eks-prod",
                          options={"kubeconfig": str(path)} | options)  # fmt: skip
        found = seen_by(spec, WINDOW)
        rows = {row["subject_uid"]: row for row in found["subjects"]}
        assert len(rows) == len(found["subjects"]), "a thing was told twice"
        return rows, [(row["column"], row["reason"]) for row in found.get("rejected", [])]

    return look


def test_every_kind_is_found_with_what_it_holds(seen):
    rows, gaps = seen()
    assert gaps == []
    for space in ("search", "triage"):
        told = {
            uid: (rows[uid]["gpus"], rows[uid]["state"])
            for uid in (f"{space}/rag-5c9-1", f"deployment/{space}/rag", f"job/{space}/train",
                        f"inference-service/{space}/reader", f"ray-cluster/{space}/ray",
                        f"kueue-workload/{space}/queued", f"job-set/{space}/set")
        }  # fmt: skip
        assert list(told.values()) == [
            (2, "running"), (4, "running"), (8, "running"), (2, "running"), (6, "ready"),
            (4, "pending"), (8, "running"),
        ]  # fmt: skip
        policy = rows[f"network-policy/{space}/closed"]["attributes"]
        assert json.loads(policy)["restricts"] == "Ingress,Egress"


def test_a_pod_names_its_owner_its_accelerator_its_model_and_its_data(seen):
    rows, _ = seen()
    for space in ("search", "triage"):
        for number, product in ((1, "H100"), (2, "L40S")):
            pod = rows[f"{space}/rag-5c9-{number}"]
            assert pod["parent_uid"] == f"deployment/{space}/rag"
            assert (pod["accelerator"], pod["model"]) == (product, f"{space}-13b")
            assert json.loads(pod["uses"]) == [f"pvc://eks-prod/{space}/cache",
                                               f"s3://{space}/index"]  # fmt: skip
            assert pod["creator"] == f"serviceaccount:{space}/server"


def test_volumes_are_loose_where_nothing_names_them(seen):
    rows, _ = seen()
    for space in ("search", "triage"):
        states = {name: rows[f"volume/{space}/{name}"]["state"] for name in ("cache", "old")}
        assert states == {"cache": "bound", "old": "unattached"}
        old = rows[f"volume/{space}/old"]
        assert (old["bytes"], old["resource_id"]) == (100 << 30, f"vol-{space}-old")
    gone = rows["persistent-volume/pv-gone"]
    assert (gone["subject_kind"], gone["state"], gone["bytes"]) == ("volume", "released", 1 << 40)


def test_nodes_carry_the_id_of_their_bill(seen):
    rows, _ = seen()
    told = {name: (rows[f"node/{name}"]["resource_id"], rows[f"node/{name}"]["gpus"])
            for name in ("n-1", "n-2")}  # fmt: skip
    assert told == {"n-1": ("i-n-1", 8), "n-2": ("i-n-2", 8)}


def test_only_the_namespaces_that_were_named_are_asked(seen):
    rows, gaps = seen(namespaces="search, default")
    assert gaps == []
    assert {row["namespace"] for row in rows.values() if row["subject_kind"] == "pod"} == {"search"}


@pytest.mark.parametrize(
    ("fault", "column", "reason"),
    [
        ({"forbidden": {"pods"}}, "pod", "403"),
        ({"forbidden": {"rayclusters"}}, "ray-cluster", "kubernetes-reader.yaml"),
        ({"cut": {"deployments"}}, "deployment", "broke off"),
        ({"failing": {"jobs": 0}}, "job", "500"),
        ({"garbage": {"pods"}}, "pod", "2 of the things told are no objects"),
        ({"twice": {"nodes"}}, "node", "told twice"),
        ({"skew_s": 7200.0}, "clock", "ahead of ours"),
        ({"hollow": {"pods": {}}}, "pod", "no list of things"),
        ({"hollow": {"jobs": {"metadata": {}, "items": 7}}}, "job", "no list of things"),
        ({"hollow": {"rayjobs": {"metadata": [], "items": []}}}, "ray-job", "no list of things"),
        ({"hollow": {"persistentvolumes": {"kind": "Status"}}}, "volume", "persistentvolumes"),
    ],
)
def test_what_a_cluster_does_not_tell_is_a_stated_gap(seen, double, fault, column, reason):
    whole, _ = seen()
    for name, value in fault.items():
        setattr(double.faults, name, value)
    rows, gaps = seen()
    (gap,) = [one for one in gaps if one[0] == column]
    assert reason in gap[1]
    assert set(rows) <= set(whole)
    missing = {whole[uid]["subject_kind"] for uid in set(whole) - set(rows)}
    assert len(missing) <= 1, "one kind that fails takes no other with it"
    loose = {uid for uid, row in rows.items() if row["state"] == "unattached"}
    assert loose <= {uid for uid, row in whole.items() if row["state"] == "unattached"}


def test_pods_that_cannot_be_read_make_no_volume_loose(seen, double):
    double.faults.forbidden.add("pods")
    rows, _ = seen()
    assert "unattached" not in {row["state"] for row in rows.values()}


def test_a_list_that_expires_in_between_is_read_anew(seen, double):
    double.make("Namespace", "many")
    for number in range(501):
        double.make("ConfigMap", f"c-{number}", "many")
        double.make("Pod", f"p-{number}", "many", spec={"containers": [{"name": "c"}]})
    double.faults.expiring.add("pods")
    rows, gaps = seen()
    assert gaps == []
    assert sum(row["namespace"] == "many" and row["subject_kind"] == "pod"
               for row in rows.values()) == 501  # fmt: skip
    assert "pods" in double.faults.expired


def test_annotations_of_any_size_are_left_behind(seen, double):
    huge = {"annotations": {"note": "x" * (10 << 20)}}
    double.make("Pod", "wordy", "search", metadata=huge, spec={"containers": [{"name": "c"}]})
    rows, gaps = seen()
    assert gaps == []
    assert all(len(str(row)) < 4000 for row in rows.values())


def test_pages_too_long_for_memory_are_asked_for_with_less_on_them(seen, double, monkeypatch):
    monkeypatch.setattr(client, "LONGEST_PAGE_BYTES", 60_000)
    for number in range(40):
        wordy = {"annotations": {"note": "x" * 5_000}}
        double.make("Pod", f"wordy-{number}", "search", metadata=wordy,
                    spec={"containers": [{"name": "c"}]})  # fmt: skip
    rows, gaps = seen()
    assert gaps == []
    assert sum(uid.startswith("search/wordy-") for uid in rows) == 40
    huge = {"annotations": {"note": "x" * 70_000}}
    double.make("Pod", "huge", "triage", metadata=huge, spec={"containers": [{"name": "c"}]})
    _, gaps = seen()
    assert [(kind, "longer than" in reason) for kind, reason in gaps] == [("pod", True)]


def test_a_version_that_is_not_known_is_a_gap_and_an_absent_group_is_none():
    ray = next(kind for kind in KINDS if kind.subject == "ray-job")
    pods = next(kind for kind in KINDS if kind.subject == "pod")
    assert versions_of(ray, {"ray.io": {"v1alpha1", "v1"}}) == ("v1", "v1alpha1")
    assert versions_of(ray, {"ray.io": {"v2"}}) == versions_of(ray, {}) == ()
    assert versions_of(ray, None) == ("v1", "v1alpha1"), "each is tried until one is there"
    assert versions_of(pods, {}) == ("v1",), "what is built in is never taken for absent"


def test_a_cluster_that_is_not_there_says_what_to_check(seen, double):
    double.faults.is_locked = True
    with pytest.raises(BadInputError, match="401: the credentials"):
        seen()
    with pytest.raises(BadInputError, match="kubectl config get-contexts"):
        seen_by(SourceSpec(type=SourceType.KUBERNETES, location="kubernetes:nowhere"), WINDOW)
