"""The kinds of Kubernetes things that can be changed, and what keeps each of them at zero."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from watermaster.act.kubernetes_fields import Place

REPLICAS: Final = ("spec", "replicas")
SUSPEND: Final = ("spec", "suspend")
POD: Final = ("spec", "template", "spec")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its place in the API and in it the places of what is changed."""

    name: str  # as Kubernetes calls it
    base: str  # of its API
    plural: str
    replicas: Place | None = None  # of pods that it wants
    running: Place | None = None  # of pods that it has
    suspend: Place | None = None
    pod: Place | None = None  # the template of its pods, where that may be changed
    is_built_in: bool = True
    parents: frozenset[str] = field(default_factory=frozenset)  # which leave it as it is changed

    def path(self, namespace: str, name: str) -> str:
        """Where one of it stands."""
        return f"{self.base}/namespaces/{namespace}/{self.plural}/{name}"


APPS: Final = "/apis/apps/v1"
BATCH: Final = "/apis/batch/v1"
RUNNING: Final = ("status", "replicas")
KINDS: Final[Mapping[str, Kind]] = {
    "deployment": Kind("Deployment", APPS, "deployments", REPLICAS, RUNNING, pod=POD),
    "statefulset": Kind("StatefulSet", APPS, "statefulsets", REPLICAS, RUNNING, pod=POD),
    "leader-worker-set": Kind(
        "LeaderWorkerSet", "/apis/leaderworkerset.x-k8s.io/v1", "leaderworkersets", REPLICAS,
        RUNNING, is_built_in=False,
    ),
    "inference-service": Kind(
        "InferenceService", "/apis/serving.kserve.io/v1beta1", "inferenceservices",
        is_built_in=False,
    ),
    "cronjob": Kind(
        "CronJob", BATCH, "cronjobs", suspend=SUSPEND,
        pod=("spec", "jobTemplate", "spec", "template", "spec"),
    ),
    "job": Kind("Job", BATCH, "jobs", running=("status", "active"), suspend=SUSPEND,
                parents=frozenset({"CronJob"})),
}  # fmt: skip
SCALERS: Final = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"
KEDA: Final = "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects"
PAUSED: Final = "autoscaling.keda.sh/paused"
PAUSED_AT: Final = "autoscaling.keda.sh/paused-replicas"
STOP: Final = "serving.kserve.io/stop"
MODE: Final = "serving.kserve.io/deploymentMode"


def annotation(name: str) -> tuple[str, ...]:
    """Where an annotation stands."""
    return ("metadata", "annotations", name)


def condition(type_: str) -> tuple[str, ...]:
    """Where the status of a condition stands."""
    return ("status", "conditions", f"type={type_}", "status")


def aims_at(reference: Any, kind: str, name: str) -> bool:
    """Whether a reference of a scaler is to this thing."""
    held = reference if isinstance(reference, Mapping) else {}
    return held.get("kind", "Deployment") == kind and held.get("name") == name
