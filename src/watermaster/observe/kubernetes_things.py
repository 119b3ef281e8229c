"""One Kubernetes object as a row of `subjects`."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from watermaster.observe.batches import Row, canonical
from watermaster.observe.kubernetes_kinds import Kind
from watermaster.observe.kubernetes_pods import (
    capacity_of,
    claims_of,
    gpus_of,
    images_of,
    made_claims_of,
    model_of,
    place_of,
    places_of,
    product_of,
    wanted_of,
)
from watermaster.units.amounts import bytes_of, whole

Json = Mapping[str, Any]
LONGEST_LABELS: Final = 64  # of one thing; the rest is left out
_OWNERS: Final = {
    "Node": "node", "Deployment": "deployment", "StatefulSet": "statefulset", "Job": "job",
    "DaemonSet": "daemonset", "CronJob": "cronjob", "InferenceService": "inference-service",
    "RayCluster": "ray-cluster", "RayJob": "ray-job", "RayService": "ray-service",
    "JobSet": "job-set", "LeaderWorkerSet": "leader-worker-set", "Workload": "kueue-workload",
}  # fmt: skip
_CREATORS: Final = (
    "openshift.io/requester", "field.cattle.io/creatorId", "notebooks.kubeflow.org/creator",
)  # fmt: skip


@dataclass(slots=True)
class Known:
    """What earlier lists told that later things need."""

    platform: str
    at: dt.datetime
    accelerators: dict[str, str] = field(default_factory=dict)  # node to its accelerator
    handles: dict[str, str] = field(default_factory=dict)  # persistent volume to its disk's id
    mounted: set[str] = field(default_factory=set)  # claims something names, namespace/name
    parked: set[str] = field(default_factory=set)  # stems of claims of StatefulSets scaled to zero
    is_whole: bool = True  # all that may mount a claim was read


def thing(kind: Kind, told: Json, known: Known) -> Row | None:
    """The row of one object; None for what is told by another thing.

    told: the object as the API gives it. KeyError, TypeError or ValueError where it is no object.
    """
    about, spec = told["metadata"], _part(told, "spec")
    status = _part(told, "status")
    place = Place(kind, str(about["name"]), about.get("namespace"))
    more = _READ.get(kind.subject, _other)(Told(place, about, spec, status), known)
    if more is None:
        return None
    attributes = {name: value for name, value in more.pop("attributes", {}).items() if value}
    labels = about.get("labels") or {}
    return {
        "day": f"{known.at:%Y-%m-%d}", "platform": known.platform,
        "subject_kind": more.pop("subject_kind", kind.subject), "subject_uid": place.uid,
        "name": place.name, "namespace": place.namespace, "first_seen": known.at,
        "last_seen": known.at, "created_at": moment(about.get("creationTimestamp")),
        "creator": _creator(about), "parent_uid": _parent(about),
        "labels": canonical(dict(list(_texts(labels).items())[:LONGEST_LABELS])),
        "attributes": canonical(_texts(attributes)),
    } | more  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """How a thing is named in its cluster."""

    kind: Kind
    name: str
    namespace: str | None

    @property
    def uid(self) -> str:
        """As GPU telemetry names pods; all others with their kind in front."""
        within = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return within if self.kind.subject == "pod" else f"{self.kind.subject}/{within}"


@dataclass(frozen=True, slots=True)
class Told:
    """The parts of one object."""

    place: Place
    about: Json
    spec: Json
    status: Json


def moment(text: object) -> dt.datetime | None:
    """A time as Kubernetes writes it; None where it is none."""
    try:
        found = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    if not 1900 < found.year < 3000:
        return None
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _node(one: Told, known: Known) -> dict[str, Any]:
    accelerator = product_of(one.about.get("labels"))
    if accelerator:
        known.accelerators[one.place.name] = accelerator
    ready = _condition(one.status, "Ready")
    state = "ready" if ready == "True" else "not-ready"
    provider = str(one.spec.get("providerID") or "")
    return {
        "state": "cordoned" if one.spec.get("unschedulable") else state,
        "gpus": capacity_of(one.status.get("capacity")), "accelerator": accelerator,
        "resource_id": billed_id(provider),
        "attributes": {"provider_id": provider,
                       "type": (one.about.get("labels") or {}).get(
                           "node.kubernetes.io/instance-type"),
                       "kubelet": _part(one.status, "nodeInfo").get("kubeletVersion")},
    }  # fmt: skip


def billed_id(provider: str) -> str | None:
    """The id bills name a machine by, from its provider id.

    >>> billed_id("aws:///eu-central-1a/i-0abc"), billed_id("azure:///subscriptions/s/x")
    ('i-0abc', '/subscriptions/s/x')
    """
    scheme, _, rest = provider.partition("://")
    if scheme == "azure":
        return rest or None
    return rest.rpartition("/")[2] or None


def _namespace(one: Told, known: Known) -> dict[str, Any]:
    del known
    return {"state": str(one.status.get("phase") or "active").lower(), "namespace": one.place.name}


def _disk(one: Told, known: Known) -> dict[str, Any] | None:
    """A bound persistent volume is told by its claim; one without a claim stands for itself."""
    handle = _part(one.spec, "csi").get("volumeHandle") or next(
        (str(held[key]) for where in ("awsElasticBlockStore", "azureDisk", "gcePersistentDisk")
         for held in [_part(one.spec, where)] for key in ("volumeID", "diskURI", "pdName")
         if held.get(key)), None,
    )  # fmt: skip
    if handle:  # the oldest AWS driver writes aws://zone/vol-1
        text = str(handle)
        is_old = text.startswith("aws://")
        known.handles[one.place.name] = text.rpartition("/")[2] if is_old else text
    state = str(one.status.get("phase") or "").lower()
    if state == "bound":
        return None
    return {
        "subject_kind": "volume", "state": state or None,
        "bytes": bytes_of(_part(one.spec, "capacity").get("storage")),
        "resource_id": known.handles.get(one.place.name),
        "attributes": {"class": one.spec.get("storageClassName")},
    }  # fmt: skip


def _claim(one: Told, known: Known) -> dict[str, Any]:
    volume = str(one.spec.get("volumeName") or "")
    state = str(one.status.get("phase") or "").lower()
    key = f"{one.place.namespace}/{one.place.name}"
    named = key in known.mounted or key.rstrip("0123456789") in known.parked
    loose = state == "bound" and known.is_whole and not named
    size = _part(one.status, "capacity").get("storage") or _part(
        _part(one.spec, "resources"), "requests"
    ).get("storage")
    return {
        "state": "unattached" if loose else state, "bytes": bytes_of(size),
        "resource_id": known.handles.get(volume),
        "artefact": f"pvc://{known.platform}/{key}",
        "attributes": {"volume": volume, "class": one.spec.get("storageClassName")},
    }  # fmt: skip


def _pod(one: Told, known: Known) -> dict[str, Any]:
    node = one.spec.get("nodeName")
    waiting = [
        _part(_part(held, "state"), "waiting").get("reason")
        for held in one.status.get("containerStatuses") or []
    ]
    asked = gpus_of(one.spec)
    made = made_claims_of(one.spec, one.place.name)
    known.mounted.update(f"{one.place.namespace}/{name}" for name in made)
    account = one.spec.get("serviceAccountName")
    return _work(one, one.spec, known) | {
        "state": str(one.status.get("phase") or "unknown").lower(), "gpus": asked or None,
        "accelerator": known.accelerators.get(str(node), wanted_of(one.spec)) if asked else None,
        "creator": f"serviceaccount:{one.place.namespace}/{account}" if account else None,
        "attributes": {
            "node": node, "image": ", ".join(images_of(one.spec)),
            "digest": ", ".join(_digests(one.status)),
            "waiting": ", ".join(sorted({str(why) for why in waiting if why})),
            "priority": one.spec.get("priorityClassName"),
        },
    }  # fmt: skip


def _work(one: Told, pod: Json, known: Known) -> dict[str, Any]:
    """What a pod, or a template of pods, uses and serves."""
    claims = claims_of(pod)
    known.mounted.update(f"{one.place.namespace}/{name}" for name in claims)
    volumes = [f"pvc://{known.platform}/{one.place.namespace}/{name}" for name in claims]
    return {"uses": _uses([*volumes, *places_of(pod)]), "model": model_of(pod)}


def _uses(places: Iterable[str]) -> str | None:
    found = list(dict.fromkeys(places))
    return json.dumps(found, separators=(",", ":")) if found else None


def _digests(status: Json) -> list[str]:
    """What its images really are, whatever their tags said."""
    told = (str(held.get("imageID") or "") for held in status.get("containerStatuses") or [])
    return sorted({text[text.index("sha256:") :] for text in told if "sha256:" in text})


def _replicated(one: Told, known: Known) -> dict[str, Any]:
    """Deployments, StatefulSets, DaemonSets: their template, so many times."""
    pod = _template(one.spec)
    wanted = one.spec.get("replicas", one.status.get("desiredNumberScheduled", 1))
    ready = whole(one.status.get("readyReplicas") or one.status.get("numberReady"))
    state = "running" if ready else "pending"
    claims = {
        str(_part(held, "metadata").get("name"))
        for held in one.spec.get("volumeClaimTemplates") or []
    }
    stems = [f"{one.place.namespace}/{name}-{one.place.name}-" for name in claims]
    first, count = whole(_part(one.spec, "ordinals").get("start")), min(whole(wanted), 10_000)
    numbers = range(first, first + count)
    known.mounted.update(f"{stem}{number}" for stem in stems for number in numbers)
    known.parked.update(() if count else stems)
    return _work(one, pod, known) | {
        "state": state if whole(wanted) else "scaled-to-zero",
        "gpus": gpus_of(pod) * whole(wanted), "accelerator": wanted_of(pod),
        "attributes": {"replicas": wanted, "ready": ready, "image": ", ".join(images_of(pod))},
    }  # fmt: skip


def _job(one: Told, known: Known) -> dict[str, Any]:
    pod = _template(one.spec)
    state = "running" if whole(one.status.get("active")) else "pending"
    for word in ("Complete", "Failed", "Suspended"):
        if _condition(one.status, word) == "True":
            state = word.lower()
    return _work(one, pod, known) | {
        "state": state, "accelerator": wanted_of(pod),
        "gpus": gpus_of(pod) * whole(one.spec.get("parallelism", 1)),
        "last_used": moment(one.status.get("completionTime")),
        "attributes": {"image": ", ".join(images_of(pod)),
                       "failed": one.status.get("failed")},
    }  # fmt: skip


def _cronjob(one: Told, known: Known) -> dict[str, Any]:
    pod = _template(_part(_part(one.spec, "jobTemplate"), "spec"))
    return _work(one, pod, known) | {
        "state": "suspended" if one.spec.get("suspend") else "scheduled",
        "last_used": moment(one.status.get("lastScheduleTime")), "accelerator": wanted_of(pod),
        "attributes": {"schedule": one.spec.get("schedule"), "gpus a run": gpus_of(pod)},
    }  # fmt: skip


def _policy(one: Told, known: Known) -> dict[str, Any]:
    del known
    kinds = ",".join(str(kind) for kind in one.spec.get("policyTypes") or ["Ingress"])
    selector = _part(one.spec, "podSelector")
    labels = canonical(_texts(_part(selector, "matchLabels")))
    rules = [
        f"{rule['key']} {rule['operator']} {','.join(map(str, rule.get('values') or []))}".strip()
        for rule in selector.get("matchExpressions") or []
    ]
    selects = "; ".join([*([labels] if labels else []), *rules])
    return {"attributes": {"restricts": kinds, "selects": selects or "all"}}


def _inference(one: Told, known: Known) -> dict[str, Any]:
    predictor = _part(one.spec, "predictor")
    format_, model = _served(predictor)
    where = _stored(one, model.get("storageUri"), known)
    workers = _part(predictor, "workerSpec")
    pod = {"containers": [model, *(predictor.get("containers") or [])],
           "nodeSelector": predictor.get("nodeSelector"),
           "volumes": predictor.get("volumes")}  # fmt: skip
    least = whole(predictor.get("minReplicas", 1))
    found = _work(one, pod, known)
    gpus = gpus_of(pod) + gpus_of(workers) * max(whole(workers.get("pipelineParallelSize")) - 1, 0)
    return {
        "state": "running" if _condition(one.status, "Ready") == "True" else "not-ready",
        "gpus": gpus * least, "accelerator": wanted_of(pod), "artefact": where,
        "model": found["model"] or one.place.name, "uses": _joined([_uses([where] if where else []),
                                                                    found["uses"]]),
        "attributes": {"format": format_,
                       "url": one.status.get("url"), "least": least,
                       "runtime": model.get("runtime") or one.status.get("servingRuntimeName")},
    }  # fmt: skip


def _served(predictor: Json) -> tuple[str | None, Json]:
    """The model's format and its part of a predictor; old ones name the part by the format."""
    model = _part(predictor, "model")
    if model:
        return _part(model, "modelFormat").get("name"), model
    for name, held in predictor.items():
        if isinstance(held, Mapping) and ("storageUri" in held or "storage" in held):
            return name, held
    return None, {}


def _stored(one: Told, address: object, known: Known) -> str | None:
    """Where a model is stored; KServe's pvc://claim/path is a claim of the namespace."""
    if not address:
        return None
    scheme, _, rest = str(address).partition("://")
    if scheme != "pvc":
        return place_of(str(address))
    claim = f"{one.place.namespace}/{rest.partition('/')[0]}"
    known.mounted.add(claim)
    return f"pvc://{known.platform}/{claim}"


def _joined(uses: Iterable[str | None]) -> str | None:
    return _uses(place for held in uses if held for place in json.loads(held))


def _ray(one: Told, known: Known) -> dict[str, Any]:
    """A cluster by its groups; a job's or a service's cluster stands in its specification."""
    cluster = one.spec
    for key in ("rayClusterSpec", "rayClusterConfig"):
        cluster = _part(one.spec, key) or cluster
    head = _template(_part(cluster, "headGroupSpec"))
    gpus, uses = gpus_of(head), _work(one, head, known)
    for group in cluster.get("workerGroupSpecs") or []:
        pod = _template(group)
        gpus += gpus_of(pod) * whole(group.get("replicas") or group.get("minReplicas"))
        more = _work(one, pod, known)
        uses = {"model": uses["model"] or more["model"],
                "uses": _joined([uses["uses"], more["uses"]])}  # fmt: skip
    state = (one.status.get("jobDeploymentStatus") or one.status.get("state")
             or one.status.get("serviceStatus"))  # fmt: skip
    return uses | {
        "state": "suspended" if one.spec.get("suspend") else str(state or "unknown").lower(),
        "gpus": gpus, "last_used": moment(one.status.get("endTime")),
        "attributes": {"ray": cluster.get("rayVersion"), "entrypoint": one.spec.get("entrypoint"),
                       "job": one.status.get("jobStatus")},
    }  # fmt: skip


def _queued(one: Told, known: Known) -> dict[str, Any]:
    """A Kueue Workload: what waits for quota, and where."""
    sets = [(whole(held.get("count", 1)), _template(held)) for held in
            one.spec.get("podSets") or []]  # fmt: skip
    for _, pod in sets:
        _work(one, pod, known)
    state = next(
        (word.lower() for word in ("Finished", "Evicted", "Admitted", "QuotaReserved")
         if _condition(one.status, word) == "True"), "pending",
    )  # fmt: skip
    return {
        "state": state, "gpus": sum(count * gpus_of(pod) for count, pod in sets),
        "attributes": {"queue": one.spec.get("queueName"), "priority": one.spec.get("priority"),
                       "cluster_queue": _part(one.status, "admission").get("clusterQueue")},
    }  # fmt: skip


def _job_set(one: Told, known: Known) -> dict[str, Any]:
    gpus = 0
    for held in one.spec.get("replicatedJobs") or []:
        job = _part(_part(held, "template"), "spec")
        pod = _template(job)
        _work(one, pod, known)
        gpus += whole(held.get("replicas", 1)) * whole(job.get("parallelism", 1)) * gpus_of(pod)
    state = str(one.status.get("terminalState") or "running").lower()
    return {"state": "suspended" if one.spec.get("suspend") else state, "gpus": gpus}


def _leaders(one: Told, known: Known) -> dict[str, Any]:
    template = _part(one.spec, "leaderWorkerTemplate")
    worker = _part(_part(template, "workerTemplate"), "spec")
    leader = _part(_part(template, "leaderTemplate"), "spec") or worker
    size, count = whole(template.get("size", 1)), whole(one.spec.get("replicas", 1))
    leads, works = _work(one, leader, known), _work(one, worker, known)
    state = "running" if whole(one.status.get("readyReplicas")) else "pending"
    return {
        "state": state if count else "scaled-to-zero",
        "model": leads["model"] or works["model"], "uses": _joined([leads["uses"], works["uses"]]),
        "gpus": count * (gpus_of(leader) + max(size - 1, 0) * gpus_of(worker)),
        "accelerator": wanted_of(worker),
    }  # fmt: skip


def _other(one: Told, known: Known) -> dict[str, Any]:
    del one, known
    return {}


def _parent(about: Json) -> str | None:
    """What controls it; a ReplicaSet's pods belong to its Deployment."""
    owners = [one for one in about.get("ownerReferences") or [] if one.get("controller")]
    if not owners:
        return None
    kind, name = str(owners[0].get("kind")), str(owners[0].get("name"))
    marked = (about.get("labels") or {}).get("pod-template-hash")
    if kind == "ReplicaSet" and marked and name.endswith(f"-{marked}"):
        kind, name = "Deployment", name.removesuffix(f"-{marked}")
    if kind == "Node":  # of the pods that it runs by itself
        return f"node/{name}"
    served = (about.get("labels") or {}).get("serving.kserve.io/inferenceservice")
    if kind not in _OWNERS and served:  # Knative stands between
        kind, name = "InferenceService", str(served)
    return f"{_OWNERS.get(kind, kind.lower())}/{about.get('namespace')}/{name}"


def _creator(about: Json) -> str | None:
    noted = about.get("annotations") or {}
    return next((str(noted[name]) for name in _CREATORS if noted.get(name)), None)


def _condition(status: Json, type_: str) -> str | None:
    for one in status.get("conditions") or []:
        if one.get("type") == type_:
            return str(one.get("status"))
    return None


def _template(spec: Json) -> Json:
    return _part(_part(spec, "template"), "spec")


def _part(held: Json, key: str) -> Json:
    found = held.get(key)
    return found if isinstance(found, Mapping) else {}


def _texts(held: Json) -> dict[str, str]:
    return {str(key): str(value) for key, value in held.items() if value is not None}


_READ: Final[dict[str, Callable[[Told, Known], dict[str, Any] | None]]] = {
    "node": _node, "namespace": _namespace, "persistent-volume": _disk, "volume": _claim,
    "pod": _pod, "deployment": _replicated, "statefulset": _replicated, "daemonset": _replicated,
    "job": _job, "cronjob": _cronjob, "network-policy": _policy, "inference-service": _inference,
    "ray-cluster": _ray, "ray-job": _ray, "ray-service": _ray, "kueue-workload": _queued,
    "job-set": _job_set, "leader-worker-set": _leaders,
}  # fmt: skip
