"""A cluster is changed as approved, by one write each, and put back; never over somebody's head.

The cluster is our double of an API server; tests/kubernetes_double says what that is worth.
"""

import copy
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.kubernetes_double import Double
from watermaster.act import kubernetes
from watermaster.act.kubernetes import VERBS, target
from watermaster.model.acts import Held, Remedy, TargetSpec, shows
from watermaster.model.errors import BadInputError, NotFoundError, RefusedError
from watermaster.testing.act_conformance import Case, conforms, refuses_a_changed_world

GPU = "nvidia.com/gpu"
SERVE = {"name": "serve", "image": "vllm:1",
         "resources": {"requests": {"cpu": "8", GPU: "4"}, "limits": {GPU: "4"}}}  # fmt: skip
PROXY = {"name": "proxy", "image": "envoy:1", "resources": {"requests": {"cpu": "500m"}}}


MOVED = ("resourceVersion", "generation")


def pods(name, **more):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [SERVE, PROXY]}}
    return {"selector": {"matchLabels": {"app": name}}, "template": template} | more


def labelled(name, **more):
    return {"labels": {"app": name}} | more


@pytest.fixture(scope="module")
def server():
    made = Double(settles=True)
    yield made
    made.stop()


@pytest.fixture
def double(server):
    """Two of every kind, in a namespace of their own; put back as it was after each test."""
    was = copy.deepcopy(server.objects.held)
    server.make("Namespace", "chat")
    for name, count in (("held", 2), ("busy", 3)):
        for kind in ("Deployment", "StatefulSet", "LeaderWorkerSet"):
            server.make(kind, name, "chat", metadata=labelled(name),
                        spec=pods(name, replicas=count), status={"replicas": count})  # fmt: skip
        server.make("Service", name, "chat", spec={
            "selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8000}]})  # fmt: skip
        once = {"template": {"spec": {"containers": [SERVE]}}}
        server.make("Job", name, "chat", spec=once, status={"active": 1})
        server.make("CronJob", name, "chat", spec={
            "schedule": "0 * * * *", "suspend": False, "jobTemplate": {"spec": once}})  # fmt: skip
        model = SERVE | {"modelFormat": {"name": "x"}}
        server.make("InferenceService", name, "chat",
            spec={"predictor": {"minReplicas": count, "maxReplicas": 4, "model": model}},
            status={"conditions": [{"type": "PredictorRouteReady", "status": "True"}]})  # fmt: skip
        server.make("InferenceService", f"raw-{name}", "chat", spec={"predictor": {}}, metadata={
            "annotations": {"serving.kserve.io/deploymentMode": "RawDeployment"}})  # fmt: skip
    yield server
    server.faults.forbidden.clear()
    server.objects.held = was


@pytest.fixture
def spec(double, tmp_path):
    config = str(double.kubeconfig(tmp_path / "config"))
    return TargetSpec(type="kubernetes", platform="eks", location="kubernetes:double",
                      verbs=sorted(VERBS), options={"kubeconfig": config})  # fmt: skip


def remedy(kind, name="held", verb="scale", **asked):
    if verb == "scale":
        asked = {"replicas": 0} | asked
    uid = f"{kind}/chat/{name}"
    return Remedy(verb=verb, platform="eks", kind=kind, uid=uid, asked=asked, why="idle")


def case(double, spec, asked):
    return Case(lambda: target(spec), asked, lambda: copy.deepcopy(double.objects.held),
                patience_s=0.4)  # fmt: skip


def planned(spec, asked):
    return target(spec).steps(asked)


def plain_world(double):
    """Without what every write moves."""
    held = copy.deepcopy(double.objects.held)
    for one in (one for things in held.values() for one in things.values()):
        about = one["metadata"].items()
        one["metadata"] = {key: value for key, value in about
                           if key not in MOVED and value != {}}  # fmt: skip
        one.pop("status", None)
    return held


FIXES = {
    "deployment to 0": remedy("deployment"),
    "deployment to 1": remedy("deployment", replicas=1),
    "statefulset to 0": remedy("statefulset"),
    "leader-worker-set to 0": remedy("leader-worker-set"),
    "cronjob": remedy("cronjob"),
    "job": remedy("job"),
    "serverless": remedy("inference-service"),
    "serverless to 6": remedy("inference-service", replicas=6),
    "raw": remedy("inference-service", "raw-held"),
    "gpus": remedy("deployment", verb="lower-request", gpus=1),
    "gpus of a schedule": remedy("cronjob", verb="lower-request", gpus=1),
    "gpus of a model": remedy("inference-service", verb="lower-request", gpus=2),
    "cpu": remedy("statefulset", verb="lower-request", container="proxy",
                  requests={"cpu": "100m"}),
    "merged": remedy("deployment", verb="merge", into="deployment/chat/busy"),
    "merged sets": remedy("statefulset", verb="merge", into="statefulset/chat/busy"),
    "label": remedy("deployment", verb="label", tags={"team": "search", "app": "held"}),
    "label of a model": remedy("inference-service", verb="label", tags={"team": "search"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXES)
def test_each_fix_is_done_once_undone_exactly_and_refused_in_another_world(name, double, spec):
    asked = case(double, spec, FIXES[name])
    before = plain_world(double)
    conforms(asked)
    assert plain_world(double) == before
    kind = {"leader-worker-set": "LeaderWorkerSet", "inference-service": "InferenceService",
            "statefulset": "StatefulSet", "cronjob": "CronJob"}.get(
        FIXES[name].kind, FIXES[name].kind.title())  # fmt: skip
    thing = FIXES[name].uid.rpartition("/")[2]

    def made_anew():
        told = double.objects.held[next(one for one in double.objects.held if one.kind == kind)]
        was = copy.deepcopy(told["chat", thing])
        double.remove(kind, thing, "chat")
        double.make(kind, thing, "chat", metadata=labelled(thing), spec=was["spec"])

    refuses_a_changed_world(asked, made_anew)


def test_what_is_done_to_it_is_what_was_asked(double, spec):
    for name, places in {
        "deployment to 0": {"replicas": 0}, "job": {"suspend": True},
        "serverless to 6": {"min_replicas": 6, "max_replicas": 6},
        "gpus": {f"requests {GPU}": "1", f"limits {GPU}": "1"}, "label": {"label team": "search"},
    }.items():  # fmt: skip
        (step,) = planned(spec, FIXES[name])
        assert places.items() <= step.want.items()
    (step,) = planned(spec, FIXES["gpus"])
    held = Held(token="a-0", before=step.seen)
    target(spec).do(step, held)
    told = double.objects.held[next(k for k in double.objects.held if k.kind == "Deployment")]
    serve, proxy = told["chat", "held"]["spec"]["template"]["spec"]["containers"]
    assert serve["resources"] == {"requests": {"cpu": "8", GPU: "1"}, "limits": {GPU: "1"}}
    assert proxy == PROXY
    assert told["chat", "busy"]["spec"] == pods("busy", replicas=3)
    assert told["chat", "held"]["metadata"]["annotations"] == {"watermaster.dev/fix": "a-0"}
    assert "fieldManager=watermaster" in double.requests[-1]
    assert "dryRun" not in double.requests[-1]


def test_two_fixes_of_one_thing_are_undone_in_any_order(double, spec):
    before = plain_world(double)
    (label,), (scale,) = (planned(spec, FIXES[name]) for name in ("label", "deployment to 0"))
    first, second = (Held(token=token, before={}) for token in ("a-0", "b-0"))
    target(spec).do(label, first)
    target(spec).do(scale, second)
    target(spec).undo(label, first)
    assert shows(target(spec).look(scale, second), scale.want)
    target(spec).undo(scale, second)
    assert plain_world(double) == before


def test_what_a_person_changed_after_the_fix_is_left_alone(double, spec):
    (step,) = planned(spec, FIXES["deployment to 0"])
    held = Held(token="a-0", before={})
    target(spec).do(step, held)
    double.change("Deployment", "held", "chat", spec={"replicas": 5})
    assert target(spec).undo(step, held) == {"left_alone": ["replicas"]}
    assert target(spec).look(step, held)["replicas"] == 5
    assert target(spec).undo(step, held) == {}


def test_what_was_deleted_after_the_fix_is_told(double, spec):
    (step,) = planned(spec, FIXES["deployment to 0"])
    held = Held(token="a-0", before={})
    left = target(spec).do(step, held)
    double.remove("Deployment", "held", "chat")
    assert target(spec).look(step, held) == {}
    assert target(spec).undo(step, held) == {}  # begun, and nobody knows of more
    with pytest.raises(RefusedError, match="was deleted since the fix"):
        target(spec).undo(step, Held(token="a-0", before={}, left=left))
    with pytest.raises(NotFoundError, match="not there any more"):
        target(spec).do(step, held)


def test_a_write_between_look_and_write_is_seen(double, spec, monkeypatch):
    """The status may change: then it is tried again. What was planned on may not."""
    (step,) = planned(spec, FIXES["deployment to 0"])
    made, replace = target(spec), double.objects.replace
    changes = iter([{"status": {"readyReplicas": 1}}, {"spec": {"replicas": 4}}])

    def meddled(kind, key, told, **how):
        monkeypatch.setattr(double.objects, "replace", replace)
        double.change("Deployment", "held", "chat", **next(changes))
        return replace(kind, key, told, **how)

    held = Held(token="a-0", before={})
    monkeypatch.setattr(double.objects, "replace", meddled)
    made.do(step, held)
    assert made.look(step, held)["replicas"] == 0
    made.undo(step, held)
    monkeypatch.setattr(double.objects, "replace", meddled)
    with pytest.raises(RefusedError, match=r"not as planned: it was .*: 2.*now .*: 4"):
        made.do(step, held)
    assert made.look(step, held)["replicas"] == 4


def scaler(double, least, name="busy-hpa", **about):
    aim = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"}
    spec = {"minReplicas": least, "maxReplicas": 9, "scaleTargetRef": aim}
    double.make("HorizontalPodAutoscaler", name, "chat", metadata=about, spec=spec)


def test_an_autoscaler_that_leaves_zero_alone_is_seen_and_one_that_does_not_refuses(double, spec):
    """With one replica at least an autoscaler stops at 0; with 0 it starts pods by itself."""
    scaler(double, 2)
    (step,) = planned(spec, remedy("deployment", "busy"))
    assert step.seen["kept_by"] == ["HorizontalPodAutoscaler busy-hpa from 2"]
    with pytest.raises(RefusedError, match="busy-hpa from 2 decides over its replicas"):
        planned(spec, remedy("deployment", "busy", replicas=1))
    double.change("HorizontalPodAutoscaler", "busy-hpa", "chat", spec={"minReplicas": 0})
    with pytest.raises(RefusedError, match="from 0 would start it again"):
        planned(spec, remedy("deployment", "busy"))
    with pytest.raises(RefusedError, match="not as planned"):
        target(spec).do(step, Held(token="a-0", before={}))
    (other,) = planned(spec, remedy("deployment", "held"))
    assert other.seen["kept_by"] == []


def test_keda_is_told_to_leave_it_alone_first_and_to_go_on_after(double, spec):
    double.make("ScaledObject", "queue", "chat", spec={"scaleTargetRef": {"name": "busy"}})
    uid = [{"kind": "ScaledObject", "name": "queue", "uid": "u"}]
    scaler(double, 1, "keda-hpa-queue", ownerReferences=uid)
    before = plain_world(double)
    asked = case(double, spec, remedy("deployment", "busy"))
    steps = conforms(asked)
    assert [(one.verb, one.subject) for one in steps] == [
        ("pause", "scaled-object/chat/queue"), ("scale", "deployment/chat/busy")
    ]  # fmt: skip
    assert plain_world(double) == before
    number = {"annotations": {"autoscaling.keda.sh/paused-replicas": "3"}}
    double.change("ScaledObject", "queue", "chat", metadata=number)
    with pytest.raises(RefusedError, match="holds it at a number of its own"):
        planned(spec, remedy("deployment", "busy"))


@pytest.mark.parametrize(("asked", "what"), [
    (remedy("deployment", "gone"), "not there any more"),
    (remedy("deployment", replicas=2), "has 2 replicas already"),
    (remedy("deployment", replicas=-1), "no number of pods"),
    (remedy("deployment", "made"), "InferenceService reader made it"),
    (remedy("job", "queued"), "Kueue decides"),
    (remedy("job", "ended"), "has ended"),
    (remedy("cronjob", replicas=3), "suspended, not scaled"),
    (remedy("inference-service", "odd"), "mode that is not known"),
    (remedy("node"), "no kind that can be changed"),
    (remedy("deployment", verb="label", tags={"app": "other"}), "has the label app=held"),
    (remedy("deployment", verb="label", tags={"app": "held"}), "is labelled app=held already"),
    (remedy("deployment", verb="label", tags={"team": "no such"}), "is invalid"),
    (remedy("deployment", verb="lower-request", gpus=8), "8 is not less than 4"),
    (remedy("deployment", verb="lower-request", gpus=0), "0 is not less than 4"),
    (remedy("deployment", verb="lower-request"), "no request is asked for"),
    (remedy("deployment", verb="lower-request", container="x", gpus=1), "which of its containers"),
    (remedy("job", verb="lower-request", gpus=1), "cannot be changed"),
    (remedy("deployment", verb="delete"), "no verb of Kubernetes"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_with_its_reason(asked, what, double, spec):
    owner = [{"kind": "InferenceService", "name": "reader", "uid": "u", "controller": True}]
    double.make("Deployment", "made", "chat", metadata=labelled("made", ownerReferences=owner),
                spec=pods("made", replicas=1))  # fmt: skip
    queue = {"labels": {"kueue.x-k8s.io/queue-name": "q"}}
    double.make("Job", "queued", "chat", metadata=queue, spec={"suspend": False})
    double.make("Job", "ended", "chat", spec={},
                status={"conditions": [{"type": "Complete", "status": "True"}]})  # fmt: skip
    double.make("InferenceService", "odd", "chat", spec={"predictor": {}})
    world = copy.deepcopy(double.objects.held)
    with pytest.raises((RefusedError, NotFoundError), match=what):
        planned(spec, asked)
    assert double.objects.held == world


def test_a_repository_that_keeps_it_is_named_in_the_plan(double, spec):
    about = {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}
    double.change("Deployment", "held", "chat", metadata=about)
    (step,) = planned(spec, FIXES["deployment to 0"])
    assert step.asked["beware"].startswith("Flux keeps it as its repository says")


def service(double, name="held"):
    told = double.objects.held[next(k for k in double.objects.held if k.kind == "Service")]
    return told["chat", name]["spec"]["selector"]


def test_merged_its_services_lead_to_the_other_and_back_again(double, spec):
    route, scale = steps = planned(spec, FIXES["merged"])
    assert (route.subject, scale.subject) == ("service/chat/held", "deployment/chat/held")
    assert "same model name" in route.asked["beware"]
    for place, step in enumerate(steps):
        target(spec).do(step, Held(token=f"a-{place}", before={}))
    assert service(double) == service(double, "busy") == {"app": "busy"}
    for place, step in reversed(list(enumerate(steps))):
        target(spec).undo(step, Held(token=f"a-{place}", before={}))
    assert service(double) == {"app": "held"}


def test_it_is_not_merged_into_what_was_stopped_since(double, spec):
    route, _ = planned(spec, FIXES["merged"])
    double.change("Deployment", "busy", "chat", spec={"replicas": 0})
    with pytest.raises(RefusedError, match="not as planned"):
        target(spec).do(route, Held(token="a-0", before={}))
    assert service(double) == {"app": "held"}


@pytest.mark.parametrize(
    ("into", "what"),
    [
        ("deployment/other/busy", "another namespace"),
        ("deployment/chat/gone", "not there any more"),
        ("deployment/chat/held", "cannot be merged"),
        ("cronjob/chat/busy", "has no replicas"),
    ],
)
def test_what_cannot_be_merged_is_told_when_it_is_planned(double, spec, into, what):
    with pytest.raises(RefusedError, match=what):
        planned(spec, remedy("deployment", verb="merge", into=into))


def test_what_no_service_leads_to_or_that_lacks_the_port_is_not_merged(double, spec):
    ports = [SERVE | {"ports": [{"name": "grpc", "containerPort": 9000}]}]
    template = {"metadata": {"labels": {"app": "busy"}}, "spec": {"containers": ports}}
    double.change("Deployment", "busy", "chat", spec={"template": template})
    with pytest.raises(RefusedError, match="asks port 8000, which it has not"):
        planned(spec, FIXES["merged"])
    double.remove("Service", "held", "chat")
    with pytest.raises(RefusedError, match="no Service leads to it alone"):
        planned(spec, FIXES["merged"])


def test_a_role_that_may_not_write_is_told_before_anything_is_approved(double, spec):
    double.faults.forbidden.add("deployments")
    with pytest.raises(RefusedError, match=r"403.*kubernetes-"):
        planned(spec, FIXES["deployment to 0"])
    with pytest.raises(BadInputError, match="cannot be found"):
        target(spec.model_copy(update={"location": "kubernetes:nowhere"}))


def test_the_shipped_role_grants_what_the_fixes_use_and_no_more(double, spec):
    double.make("ScaledObject", "queue", "chat", spec={"scaleTargetRef": {"name": "held"}})
    double.asked_for.clear()
    for number, asked in enumerate(FIXES.values()):
        steps = planned(spec, asked)
        for place, step in enumerate(steps):
            target(spec).do(step, Held(token=f"{number}-{place}", before={}))
        for place, step in reversed(list(enumerate(steps))):
            target(spec).undo(step, Held(token=f"{number}-{place}", before={}))
    file = Path(kubernetes.__file__).parent / "roles" / "kubernetes-writer.yaml"
    (role,) = (one for one in YAML(typ="safe").load_all(file) if one["kind"] == "ClusterRole")
    granted = {
        (verb, group, plural) for rule in role["rules"] for verb in rule["verbs"]
        for group in rule["apiGroups"] for plural in rule["resources"]
    }  # fmt: skip
    assert double.asked_for == granted
