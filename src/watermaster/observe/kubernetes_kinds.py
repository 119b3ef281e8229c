"""The kinds of Kubernetes things that are looked at, and where an API server lists them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its name as a subject_kind, and its place in the API."""

    subject: str
    group: str  # "" is the core
    plural: str
    versions: tuple[str, ...]  # the first one that is served counts
    is_namespaced: bool = True

    @property
    def told_as(self) -> str:
        """The subject_kind of its rows: disks are volumes, with a claim or without."""
        return "volume" if self.subject == "persistent-volume" else self.subject

    def path(self, version: str, namespace: str | None = None) -> str:
        """Where it is listed, in one namespace or in all."""
        base = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        within = f"/namespaces/{namespace}" if namespace and self.is_namespaced else ""
        return f"{base}{within}/{self.plural}"


# nodes first, since a pod's accelerator is its node's; claims last, since pods mount them
KINDS: Final = (
    Kind("node", "", "nodes", ("v1",), is_namespaced=False),
    Kind("namespace", "", "namespaces", ("v1",), is_namespaced=False),
    Kind("persistent-volume", "", "persistentvolumes", ("v1",), is_namespaced=False),
    Kind("pod", "", "pods", ("v1",)),
    Kind("deployment", "apps", "deployments", ("v1",)),
    Kind("statefulset", "apps", "statefulsets", ("v1",)),
    Kind("daemonset", "apps", "daemonsets", ("v1",)),
    Kind("job", "batch", "jobs", ("v1",)),
    Kind("cronjob", "batch", "cronjobs", ("v1",)),
    Kind("network-policy", "networking.k8s.io", "networkpolicies", ("v1",)),
    Kind("inference-service", "serving.kserve.io", "inferenceservices", ("v1beta1",)),
    Kind("ray-cluster", "ray.io", "rayclusters", ("v1", "v1alpha1")),
    Kind("ray-job", "ray.io", "rayjobs", ("v1", "v1alpha1")),
    Kind("ray-service", "ray.io", "rayservices", ("v1", "v1alpha1")),
    Kind("kueue-workload", "kueue.x-k8s.io", "workloads", ("v1beta2", "v1beta1")),
    Kind("job-set", "jobset.x-k8s.io", "jobsets", ("v1alpha2",)),
    Kind("leader-worker-set", "leaderworkerset.x-k8s.io", "leaderworkersets", ("v1",)),
    Kind("volume", "", "persistentvolumeclaims", ("v1",)),
)
BUILT_IN: Final = frozenset({"", "apps", "batch", "networking.k8s.io"})  # served everywhere
