"""The double is proved by what it doubles for: real kubectls and the official client."""

import json
import os
import subprocess

import pytest

from tests.components import need
from tests.kubernetes_double import Double

SDK = "/usr/lib/google-cloud-sdk/bin"  # where Google's SDK puts a kubectl of each version
VERSIONS = ("1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33")
SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: rag, labels: {app: rag}}
spec:
  replicas: 2
  selector: {matchLabels: {app: rag}}
  template:
    metadata: {labels: {app: rag}}
    spec: {containers: [{name: serve, image: "vllm:1"}]}
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: reader, labels: {app: reader}}
spec: {predictor: {model: {storageUri: "s3://models/reader"}}}
"""


@pytest.fixture
def double():
    made = Double()
    yield made
    made.stop()


@pytest.fixture(params=VERSIONS)
def kubectl(request, double, tmp_path, monkeypatch):
    """A kubectl of one version that talks to the double."""
    monkeypatch.setenv("PATH", f"{SDK}:{os.environ['PATH']}")
    need(command := f"kubectl.{request.param}")
    config = double.kubeconfig(tmp_path / "config")

    def run(*words: str, told: str = "") -> str:
        done = subprocess.run(
            [command, *words], input=told, text=True, capture_output=True, timeout=60,
            check=False,
            env=os.environ | {"KUBECONFIG": str(config), "HOME": str(tmp_path)},
        )  # fmt: skip
        return done.stdout + done.stderr

    return run


def test_a_real_kubectl_makes_changes_and_removes_things(kubectl, double):
    assert "deployment.apps/rag created" in kubectl("apply", "-f", "-", told=SERVER)
    again = kubectl("apply", "-f", "-", told=SERVER.replace("replicas: 2", "replicas: 3"))
    assert "deployment.apps/rag configured" in again
    assert "reader unchanged" in again
    kubectl("label", "deploy", "rag", "team=search")
    kubectl("scale", "deploy/rag", "--replicas=0")
    wanted = "jsonpath={.items[*].spec.replicas} {.items[*].metadata.generation}"
    assert kubectl("get", "deploy", "-l", "team in (search,web)", "-o", wanted) == "0 3"
    assert "condition met" in kubectl("wait", "deploy/rag", "--for=jsonpath={.spec.replicas}=0")
    assert "reader" in kubectl("get", "isvc")
    assert '"rag" deleted' in kubectl("delete", "deploy", "rag")
    assert "NotFound" in kubectl("get", "deploy", "rag")
    odd = SERVER.replace("app: rag}", "app: b d}")
    assert "is invalid" in kubectl("apply", "-f", "-", told=odd)
    double.faults.forbidden.add("pods")
    assert "Forbidden" in kubectl("get", "pods")


@pytest.mark.parametrize("kubectl", [VERSIONS[0], VERSIONS[-1]], indirect=True)
def test_a_real_kubectl_rehearses_writes_and_is_told_of_a_changed_world(kubectl, double):
    kubectl("apply", "-f", "-", told=SERVER)
    was = kubectl("get", "deploy", "rag", "-o", "yaml")
    place = ["spec", "template", "spec", "containers"]
    strategic = patch_of(*place, [{"name": "serve", "image": "vllm:2"}])
    tested = json.dumps([{"op": "test", "path": "/spec/replicas", "value": 2},
                         {"op": "remove", "path": f"/{'/'.join(place)}/0/image"}])  # fmt: skip
    for words in (
        ("scale", "deploy/rag", "--replicas=0"),
        ("label", "deploy", "rag", "team=search"),
        ("annotate", "deploy", "rag", "watermaster.dev/fix=a-0"),
        ("patch", "deploy", "rag", "--type=strategic", "-p", strategic),
        ("patch", "deploy", "rag", "--type=json", "-p", tested),
        ("patch", "isvc", "reader", "--type=merge", "-p", '{"spec":{"predictor":null}}'),
        ("delete", "deploy", "rag"),
    ):
        told = kubectl(*words, "--dry-run=server")
        assert "server dry run" in told or "rag patched" in told or "reader patched" in told
    assert kubectl("get", "deploy", "rag", "-o", "yaml") == was
    version = kubectl("get", "deploy", "rag", "-o", "jsonpath={.metadata.resourceVersion}")
    old = f"--resource-version={version}"
    assert "labeled" in kubectl("label", "deploy", "rag", "team=search", old)
    for verb in ("label", "annotate"):
        assert "was modified" in kubectl(verb, "deploy", "rag", "team=web", old, "--overwrite")
    about = {"metadata": {"resourceVersion": version}, "spec": {"replicas": 0}}
    stale = json.dumps(about)
    for form in ("merge", "strategic"):
        assert "Conflict" in kubectl("patch", "deploy", "rag", f"--type={form}", "-p", stale)
    assert "Expected replicas to be 7, was 2" in kubectl(
        "scale", "deploy/rag", "--replicas=0", "--current-replicas=7"
    )
    other = tested.replace('"value": 2', '"value": 7')
    assert "the test at" in kubectl("patch", "deploy", "rag", "--type=json", "-p", other)
    kubectl("patch", "deploy", "rag", "--type=strategic", "-p", strategic)
    wanted = "jsonpath={.spec.replicas} {.spec.template.spec.containers[*].image}"
    assert kubectl("get", "deploy", "rag", "-o", wanted) == "2 vllm:2"
    merged = kubectl("patch", "isvc", "reader", "--type=strategic", "-p", strategic)
    assert "unknown format" in merged or "UnsupportedMediaType" in merged
    amounts = {"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": "1"}}
    odd = patch_of(*place, [{"name": "serve", "resources": amounts}])
    assert "must be equal" in kubectl("patch", "deploy", "rag", "-p", odd)


def patch_of(*place: object) -> str:
    """A patch that puts the last at the place before it."""
    *above, found = place
    for key in reversed(above):
        found = {key: found}
    return json.dumps(found)


def test_the_official_client_lists_by_page_and_watches(double, tmp_path):
    from kubernetes import client, config, watch

    config.load_kube_config(str(double.kubeconfig(tmp_path / "config")))
    core = client.CoreV1Api()
    for number in range(5):
        double.make("Pod", f"p-{number}", "default", spec={"containers": [{"name": "c"}]})
    page = core.list_namespaced_pod("default", limit=2)
    names = [one.metadata.name for one in page.items]
    while page.metadata._continue:
        page = core.list_namespaced_pod("default", limit=2, _continue=page.metadata._continue)
        names += [one.metadata.name for one in page.items]
    assert names == [f"p-{number}" for number in range(5)]
    since = page.metadata.resource_version
    double.change("Pod", "p-3", "default", metadata={"labels": {"team": "web"}})
    double.remove("Pod", "p-4", "default")
    stream = watch.Watch().stream(
        core.list_namespaced_pod, "default", resource_version=since, timeout_seconds=1
    )
    events = [(event["type"], event["object"].metadata.name) for event in stream]
    assert events == [("MODIFIED", "p-3"), ("DELETED", "p-4")]
    double.objects.forget()
    with pytest.raises(client.ApiException, match="Expired"):
        list(watch.Watch().stream(core.list_namespaced_pod, "default", resource_version=since,
                                  timeout_seconds=1))  # fmt: skip
