"""What one object tells, and that odd objects tell nothing false."""

import datetime as dt
import json

import pytest

from watermaster.observe.kubernetes import row_of
from watermaster.observe.kubernetes_kinds import KINDS
from watermaster.observe.kubernetes_things import Known

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
GPU = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}


@pytest.fixture
def told():
    known = Known("eks", NOW)

    def tell(subject, name="a", space="search", about=(), **parts):
        kind = next(one for one in KINDS if one.subject == subject)
        where = {"namespace": space} if kind.is_namespaced else {}
        return row_of(kind, {"metadata": {"name": name, **where, **dict(about)}, **parts}, known)

    return tell


def claim(told, name, space="search"):
    return told("volume", name, space, status={"phase": "Bound"})["state"]


def mounting(*names):
    return {"volumes": [{"persistentVolumeClaim": {"claimName": name}} for name in names]}


def test_no_claim_is_loose_that_anything_names(told):
    for space in ("search", "triage"):
        ephemeral = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}]
        told("pod", "p-1", space, spec={"volumes": ephemeral, "containers": [{"name": "c"}]})
        told("inference-service", "reader", space, spec={"predictor": {
            "model": {"storageUri": "pvc://models/reader/v2"}}})  # fmt: skip
        templates = [{"metadata": {"name": "index"}}]
        told(
            "statefulset", "parked", space, spec={"replicas": 0, "volumeClaimTemplates": templates}
        )
        from_5 = {"replicas": 2, "ordinals": {"start": 5}, "volumeClaimTemplates": templates}
        told("statefulset", "shifted", space, spec=from_5)
        told("leader-worker-set", "wide", space, spec={"leaderWorkerTemplate": {
            "leaderTemplate": {"spec": mounting("head")},
            "workerTemplate": {"spec": mounting("shards")}}})  # fmt: skip
        named = ("p-1-scratch", "models", "index-parked-0", "index-parked-12", "index-shifted-5",
                 "index-shifted-6", "head", "shards")  # fmt: skip
        assert {name: claim(told, name, space) for name in named} == dict.fromkeys(named, "bound")
        loose = ("index-shifted-0", "index-shifted-7", "reader", "p-2-scratch")
        assert {claim(told, name, space) for name in loose} == {"unattached"}


def test_an_inference_service_tells_all_it_reads_in_old_forms_too(told):
    env = [{"name": "INDEX", "value": "s3://search/index"}]
    for format_, spec in (("onnx", {"model": {"modelFormat": {"name": "onnx"}}}),
                          ("pytorch", {"pytorch": {}})):  # fmt: skip
        (held,) = spec.values()
        held |= {"storageUri": "s3://models/a", "env": env, **GPU}
        row = told("inference-service", spec={"predictor": spec})
        assert json.loads(row["uses"]) == ["s3://models/a", "s3://search/index"]
        assert (row["artefact"], row["gpus"]) == ("s3://models/a", 2)
        assert json.loads(row["attributes"])["format"] == format_
    row = told("inference-service", spec={"predictor": {"containers": [{"env": env}]}})
    assert json.loads(row["uses"]) == ["s3://search/index"]


def test_all_groups_of_a_ray_cluster_tell_what_they_use(told):
    def group(place):
        return {"replicas": 2, "template": {"spec": {"containers": [
            {"args": [place], **GPU}]}}}  # fmt: skip

    groups = [group("s3://b/y"), group("s3://a/z")]
    row = told("ray-cluster", spec={"headGroupSpec": group("s3://c/x"), "workerGroupSpecs": groups})
    assert json.loads(row["uses"]) == ["s3://c/x", "s3://b/y", "s3://a/z"]
    assert row["gpus"] == 10


@pytest.mark.parametrize(
    ("owner", "labels", "parent"),
    [
        (("Node", "n-1"), {}, "node/n-1"),
        (("Job", "train"), {}, "job/search/train"),
        (("ReplicaSet", "rag-5c9"), {"pod-template-hash": "5c9"}, "deployment/search/rag"),
        (("Revision", "reader-1"), {"serving.kserve.io/inferenceservice": "reader"},
         "inference-service/search/reader"),
    ],
)  # fmt: skip
def test_the_parent_is_named_as_its_own_row_is(told, owner, labels, parent):
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}]
    row = told("pod", about={"ownerReferences": owners, "labels": labels}, spec={})
    assert row["parent_uid"] == parent


def test_no_secret_of_an_address_is_kept(told):
    args = ["--in=s3://AKIA:hush@in/a", "gs://out/b.csv?X-Goog-Signature=hush",
            "abfss://lake@acme.dfs.core.windows.net/c"]  # fmt: skip
    row = told("pod", spec={"containers": [{"args": args}]})
    assert json.loads(row["uses"]) == [
        "abfss://lake@acme.dfs.core.windows.net/c", "gs://out/b.csv", "s3://in/a",
    ]  # fmt: skip
    assert "hush" not in str(row)


def test_a_policy_selects_what_its_expressions_say(told):
    rule = {"key": "tier", "operator": "In", "values": ["web", "api"]}
    both = {"matchLabels": {"app": "rag"}, "matchExpressions": [rule]}
    for selector, selects in (({}, "all"), ({"matchExpressions": [rule]}, "tier In web,api"),
                              (both, '{"app":"rag"}; tier In web,api')):  # fmt: skip
        row = told("network-policy", spec={"podSelector": selector})
        assert json.loads(row["attributes"])["selects"] == selects


def test_images_are_told_by_what_they_are(told):
    held = [{"imageID": f"docker-pullable://vllm@sha256:{n}"} for n in ("b", "a", "a")]
    row = told("pod", spec={}, status={"containerStatuses": [*held, {"imageID": ""}]})
    assert json.loads(row["attributes"])["digest"] == "sha256:a, sha256:b"


@pytest.mark.parametrize(
    "about",
    [{"creationTimestamp": "9999-12-31T23:59:59-05:00"}, {"creationTimestamp": "0001-01-01"},
     {"creationTimestamp": 7}],
)  # fmt: skip
def test_an_impossible_time_is_unknown(told, about):
    assert told("pod", about=about, spec={})["created_at"] is None


@pytest.mark.parametrize(
    ("subject", "parts"),
    [
        ("pod", {"spec": {"containers": [{"resources": {"limits": {"a/gpu": "9" * 30}}}]}}),
        ("pod", {"space": 7, "spec": {}}),
        ("volume", {"status": {"phase": "Bound", "capacity": {"storage": "16Ei"}}}),
        ("job-set", {"spec": {"replicatedJobs": 7}}),
        ("deployment", {"about": {"ownerReferences": ["x", "y"]}, "spec": {}}),
    ],
)
def test_what_no_row_can_hold_is_said_to_be_unread(told, subject, parts):
    assert told(subject, **parts) is False
