"""The cluster's door, driven by a real kubectl through the double of an API server."""

import json
import os
import socket
import subprocess
import threading

import pytest
import uvicorn
from ruamel.yaml import YAML
from starlette.testclient import TestClient

from tests.components import need, until
from tests.flows.registry_work import MODEL, digest, promote, prove, registry_at
from tests.kubernetes_double import Double
from tests.kubernetes_double.certificate import certified_files
from watermaster.flows.audit import audit_rows
from watermaster.flows.door_render import Where, passed_map, policy, webhook
from watermaster.ledger.registry_records import RULINGS
from watermaster.serve.door import create_door

SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: triage, namespace: claims}
spec:
  replicas: 1
  selector: {matchLabels: {app: triage}}
  template:
    metadata: {labels: {app: triage}}
    spec: {containers: [{name: serve, image: "vllm:1", env: [{name: MODEL_URI, value: "%s"}]}]}
"""


@pytest.fixture
def project(tmp_path):
    return registry_at(tmp_path / "home", 12, 13)


class Door:
    """The door over TLS in a thread, at a port that stays its own when it is closed and opened."""

    def __init__(self, project, folder):
        self.project, self.files = project, certified_files(folder)
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            self.port = held.getsockname()[1]
        self.open()

    def open(self):
        chain, key = self.files
        self.server = uvicorn.Server(uvicorn.Config(
            create_door(self.project), port=self.port, log_level="critical", ssl_certfile=chain,
            ssl_keyfile=key))  # fmt: skip
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        until(lambda: self.server.started, 20, "door")

    def close(self):
        self.server.should_exit = True
        self.thread.join()

    @property
    def where(self):
        url = f"https://127.0.0.1:{self.port}"
        return Where(environment="production", url=url, ca=self.files[0])


@pytest.fixture
def door(project, tmp_path):
    made = Door(project, tmp_path)
    yield made
    made.close()


@pytest.fixture
def double():
    made = Double()
    made.make("Namespace", "claims",
              metadata={"labels": {"watermaster.dev/environment": "production"}})  # fmt: skip
    yield made
    made.stop()


@pytest.fixture
def kubectl(double, tmp_path):
    need("kubectl")
    config = double.kubeconfig(tmp_path / "config")

    def run(*words: str, told: str = "") -> str:
        done = subprocess.run(
            ["kubectl", *words], input=told, text=True, capture_output=True, timeout=60,
            check=False, env=os.environ | {"KUBECONFIG": str(config), "HOME": str(tmp_path)},
        )  # fmt: skip
        return done.stdout + done.stderr

    return run


def as_yaml(tmp_path, documents):
    path = tmp_path / "rendered.yaml"
    with path.open("w") as out:
        YAML().dump_all(documents, out)
    return str(path)


def logged(project):
    return [row.detail for row in audit_rows(project) if row.action == "door"]


def run(kubectl, said, **more):
    return kubectl("apply", "-f", "-", told=SERVER % said, **more)


def test_a_real_kubectl_is_refused_what_passed_no_gate_with_every_reason(
    project, door, double, kubectl, tmp_path
):
    kubectl("apply", "-f", as_yaml(tmp_path, [webhook(project, door.where)]))
    told = run(kubectl, f"models:/{MODEL}/13")
    assert 'admission webhook "door.watermaster.dev" denied the request' in told
    for reason in ("accuracy of at least 0.9", "no critical hole", "an approval"):
        assert reason in told
    assert "NotFound" in kubectl("get", "deploy", "triage", "-n", "claims")
    prove(project, 12)
    promote(project, 12)
    assert "deployment.apps/triage created" in run(kubectl, f"models:/{MODEL}@prod")
    assert "denied" in run(kubectl, f"models:/{MODEL}/13")
    assert "scaled" in kubectl("scale", "deploy/triage", "-n", "claims", "--replicas=2")
    assert "created" in kubectl("apply", "-n", "default", "-f", "-",
                                told=(SERVER % "models:/x/1").replace("namespace: claims", "")
                                )  # fmt: skip
    events = [(one["event"], one.get("models")) for one in logged(project)]
    assert events == [("opened", None), ("refused", [f"{MODEL} 13"]),
                      ("admitted", [f"{MODEL} 12"]), ("refused", [f"{MODEL} 13"])]  # fmt: skip
    with project.ledger.records.connect() as connection:
        ways = [row.way for row in connection.execute(RULINGS.select())]
    assert ways.count("door/production") == 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (f"models:/{MODEL}/latest", "whatever is registered next"),
        (f"models:/{MODEL}@challenger", "may move to anything"),
        (f"models:/{MODEL}/99", "no registered version"),
        ("models:/unheard-of@prod", "no registered version"),
        ("models:/", "in no way that can be read"),
        (f"serve --model models:/{MODEL}/13 --port 80", "has not passed"),
    ],
)
def test_what_may_become_something_unproven_is_refused(project, client, said, why):
    assert why in refused(client, pod(said))


def test_digests_images_annotations_and_storage_are_names_too(project, client):
    prove(project, 12)
    good, bad = digest(12), digest(13)
    note = "watermaster.dev/model-digest"
    assert answer(client, pod("x", annotations={note: good}))["allowed"]
    assert "accuracy" in refused(client, pod("x", annotations={note: bad}))
    assert "no registered" in refused(client, pod("x", annotations={note: digest(77)}))
    assert "accuracy" in refused(client, pod("x", image=f"reg/claims@{bad}"))
    assert answer(client, pod("x", image=f"reg/nginx@{digest(78)}"))["allowed"]
    assert answer(client, pod("x", annotations={"watermaster.dev/model": f"{MODEL}/12"}))["allowed"]
    server = {"spec": {"predictor": {"model": {"storageUri": "s3://models/unheard"}}}}
    assert "no registered" in refused(client, server)


def test_a_workload_with_accelerators_and_no_model_follows_the_settings(tmp_path):
    for rule_, allowed, warned in (("refuse", False, 0), ("warn", True, 1), ("allow", True, 0)):
        home = tmp_path / rule_
        home.mkdir()
        (home / "config.yaml").write_text(f"door: {{unnamed: {rule_}}}\n")
        with TestClient(create_door(registry_at(home))) as client:
            told = answer(client, pod("train.py", gpus="1"))
            assert told["allowed"] is allowed
            assert len(told.get("warnings", [])) == warned
            assert answer(client, pod("nginx"))["allowed"]


def test_controllers_keep_running_what_was_let_in_and_edits_stop_nothing(project, client):
    prove(project, 12)
    promote(project, 12)
    by = "system:serviceaccount:kube-system:replicaset-controller"
    assert answer(client, pod(f"models:/{MODEL}/12"), by=by)["allowed"]
    assert logged(project)[-1]["event"] == "opened"  # a pod of a controller is no news
    bad = pod(f"models:/{MODEL}/13")
    assert not answer(client, bad, by=by)["allowed"]
    edited = bad | {"metadata": {"name": "p", "labels": {"a": "b"}}}
    assert answer(client, edited, operation="UPDATE", oldObject=bad)["allowed"]
    assert "denied" not in json.dumps(answer(client, pod("nginx"), dryRun=True))
    before = len(logged(project))
    assert not answer(client, bad, dryRun=True)["allowed"]
    assert len(logged(project)) == before


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"request": 7}', b"[" * 200_000, b'{"request": {"uid": "1"}}',
     json.dumps({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request":
                 {"uid": "1", "userInfo": {"username": "a"}, "object": {}}}).encode()],
)  # fmt: skip
def test_what_is_no_review_is_answered_so(client, body):
    told = client.post("/admit/production", content=body)
    assert told.status_code == 400
    assert "wm door render" in told.text
    assert client.post("/admit/production", content=b" " * (9 << 20)).status_code == 413


@pytest.mark.parametrize(("choice", "is_in"), [("refuse", False), ("allow", True)])
def test_while_the_door_is_closed_the_declared_choice_holds_and_is_logged(
    tmp_path, double, kubectl, choice, is_in
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text(f"door: {{whenDown: {choice}}}\n")
    project = registry_at(home, 13)
    door = Door(project, tmp_path)
    kubectl("apply", "-f", as_yaml(tmp_path, [webhook(project, door.where)]))
    door.close()
    told = run(kubectl, f"models:/{MODEL}/13")
    assert ("created" in told) is is_in
    assert is_in or "failed calling webhook" in told
    door.open()
    door.close()
    last = logged(project)[-1]
    assert last["event"] == "was closed"
    assert last["when_down"] == choice
    assert last["how"] == "stopped"


def test_a_fault_of_the_door_is_told_to_the_cluster_and_logged_when_it_can_be(project, client):
    engine = project.ledger.records
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE model_versions RENAME TO hidden")
    sent = review(pod(f"models:/{MODEL}/13"))
    assert client.post("/admit/production", json=sent).status_code == 500
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO model_versions")
    assert not answer(client, pod(f"models:/{MODEL}/13"))["allowed"]
    assert logged(project)[-1]["event"] == "did not answer"
    assert logged(project)[-1]["times"] == 1


def test_the_policy_refuses_unproven_digests_while_the_door_is_down(
    project, door, double, kubectl, tmp_path
):
    prove(project, 12)
    rendered = [*policy(project, door.where), passed_map(project, door.where)]
    double.make("Namespace", "watermaster")
    kubectl("apply", "-f", as_yaml(tmp_path, rendered))
    told = run(kubectl, f"models:/{MODEL}/12")
    assert "ValidatingAdmissionPolicy 'watermaster-door-production'" in told
    assert "has no annotation" in told
    for text, is_in in ((digest(13), False), ("sha256:", False), (digest(12), True)):
        note = f"metadata: {{annotations: {{watermaster.dev/model-digest: '{text}'}}, labels:"
        server = (SERVER % f"models:/{MODEL}/12").replace("metadata: {labels:", note)
        assert ("created" in kubectl("apply", "-f", "-", told=server)) is is_in
    assert "created" in run(kubectl, "no model").replace("configured", "created")


@pytest.fixture
def client(project):
    with TestClient(create_door(project)) as made:
        yield made


def pod(said, *, image="vllm:1", annotations=None, gpus=None):
    box = {"name": "c", "image": image, "args": [said]}
    box |= {"resources": {"limits": {"nvidia.com/gpu": gpus}}} if gpus else {}
    about = {"name": "p"} | ({"annotations": annotations} if annotations else {})
    return {"metadata": about, "spec": {"containers": [box]}}


def review(found, **more):
    by = more.pop("by", "dev@example.com")
    request = {"uid": "u-1", "operation": "CREATE", "namespace": "claims", "kind": {"kind": "Pod"},
               "userInfo": {"username": by}, "object": found} | more  # fmt: skip
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def answer(client, found, **more):
    told = client.post("/admit/production", json=review(found, **more))
    assert told.status_code == 200, told.text
    assert told.json()["response"]["uid"] == "u-1"
    return told.json()["response"]


def refused(client, found):
    told = answer(client, found)
    assert not told["allowed"]
    return told["status"]["message"]
