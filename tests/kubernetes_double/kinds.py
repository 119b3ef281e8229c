"""The kinds the double serves."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    group: str
    versions: tuple[str, ...]
    plural: str
    kind: str
    is_namespaced: bool = True
    short: tuple[str, ...] = ()
    has_scale: bool = False

    def told(self, version: str) -> dict[str, object]:
        """As discovery tells it."""
        verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        return {
            "name": self.plural, "singularName": self.kind.lower(), "kind": self.kind,
            "namespaced": self.is_namespaced, "verbs": verbs, "shortNames": list(self.short),
            "group": self.group, "version": version,
        }  # fmt: skip


RESOURCES = (
    Resource("", ("v1",), "namespaces", "Namespace", is_namespaced=False, short=("ns",)),
    Resource("", ("v1",), "nodes", "Node", is_namespaced=False, short=("no",)),
    Resource("", ("v1",), "persistentvolumes", "PersistentVolume", False, ("pv",)),
    Resource("", ("v1",), "pods", "Pod", short=("po",)),
    Resource("", ("v1",), "persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",)),
    Resource("", ("v1",), "serviceaccounts", "ServiceAccount", short=("sa",)),
    Resource("", ("v1",), "configmaps", "ConfigMap", short=("cm",)),
    Resource("", ("v1",), "services", "Service", short=("svc",)),
    Resource("apps", ("v1",), "deployments", "Deployment", True, ("deploy",), True),
    Resource("apps", ("v1",), "statefulsets", "StatefulSet", True, ("sts",), True),
    Resource("apps", ("v1",), "daemonsets", "DaemonSet", short=("ds",)),
    Resource("apps", ("v1",), "replicasets", "ReplicaSet", True, ("rs",), True),
    Resource("batch", ("v1",), "jobs", "Job"),
    Resource("batch", ("v1",), "cronjobs", "CronJob", short=("cj",)),
    Resource("networking.k8s.io", ("v1",), "networkpolicies", "NetworkPolicy", short=("netpol",)),
    Resource("rbac.authorization.k8s.io", ("v1",), "clusterroles", "ClusterRole", False),
    Resource("rbac.authorization.k8s.io", ("v1",), "clusterrolebindings", "ClusterRoleBinding",
             False),
    Resource("admissionregistration.k8s.io", ("v1",), "validatingwebhookconfigurations",
             "ValidatingWebhookConfiguration", False),
    Resource("admissionregistration.k8s.io", ("v1",), "validatingadmissionpolicies",
             "ValidatingAdmissionPolicy", False),
    Resource("admissionregistration.k8s.io", ("v1",), "validatingadmissionpolicybindings",
             "ValidatingAdmissionPolicyBinding", False),
    Resource("serving.kserve.io", ("v1beta1",), "inferenceservices", "InferenceService",
             short=("isvc",)),
    Resource("ray.io", ("v1", "v1alpha1"), "rayclusters", "RayCluster"),
    Resource("ray.io", ("v1", "v1alpha1"), "rayjobs", "RayJob"),
    Resource("ray.io", ("v1", "v1alpha1"), "rayservices", "RayService"),
    Resource("kueue.x-k8s.io", ("v1beta2", "v1beta1"), "workloads", "Workload", short=("wl",)),
    Resource("kueue.x-k8s.io", ("v1beta2", "v1beta1"), "clusterqueues", "ClusterQueue", False),
    Resource("kueue.x-k8s.io", ("v1beta2", "v1beta1"), "localqueues", "LocalQueue"),
    Resource("jobset.x-k8s.io", ("v1alpha2",), "jobsets", "JobSet"),
    Resource("leaderworkerset.x-k8s.io", ("v1",), "leaderworkersets", "LeaderWorkerSet", True,
             ("lws",), True),
    Resource("autoscaling", ("v2",), "horizontalpodautoscalers", "HorizontalPodAutoscaler",
             short=("hpa",)),
    Resource("keda.sh", ("v1alpha1",), "scaledobjects", "ScaledObject", short=("so",)),
)  # fmt: skip
_BUILT_IN = {"", "apps", "batch", "autoscaling", "networking.k8s.io", "rbac.authorization.k8s.io",
             "admissionregistration.k8s.io"}  # fmt: skip
BUILT_IN = tuple(one for one in RESOURCES if one.group in _BUILT_IN)  # know strategic merges
