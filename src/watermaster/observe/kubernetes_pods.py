"""What a pod's specification tells: accelerators, data it mounts or names, the model it serves."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from watermaster.units.amounts import is_accelerator, whole

Json = Mapping[str, Any]
_PRODUCT: Final = (
    "nvidia.com/gpu.product", "amd.com/gpu.product-name", "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-tpu-accelerator", "k8s.amazonaws.com/accelerator",
    "aws.amazon.com/neuron.product",
)  # fmt: skip
_PLACE: Final = re.compile(r"\b(?:s3a?|gs|abfss?|wasbs?|hf|oss|hdfs|nfs)://[^\s\"',;|<>\\]+")
_SECRET: Final = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@|\?.*$")  # a key in an address, a signature
MOST_PLACES: Final = 64  # of one thing; the rest is left out
_MODEL_FLAGS: Final = ("--model", "--model-id", "--model-name", "--model-path", "--model_name")
_MODEL_NAMES: Final = frozenset({"MODEL_ID", "MODEL_NAME", "HF_MODEL_ID", "MODEL"})


def gpus_of(pod: Json) -> int:
    """Accelerators a pod of this spec holds: its containers together, or one that starts them."""
    running = sum(_asked(one) for one in _list(pod, "containers"))
    sidecars, starting = 0, 0
    for one in _list(pod, "initContainers"):
        if one.get("restartPolicy") == "Always":  # a sidecar runs beside the containers
            sidecars += _asked(one)
        else:
            starting = max(starting, sidecars + _asked(one))
    return max(running + sidecars, starting)


def capacity_of(amounts: Json | None) -> int:
    """Accelerators in a list of resources, such as a node's capacity."""
    return sum(whole(amount) for name, amount in (amounts or {}).items() if is_accelerator(name))


def product_of(labels: Json | None) -> str | None:
    """The accelerator that labels of a node, or a pod's selector of nodes, name."""
    held = labels or {}
    return next((str(held[name]) for name in _PRODUCT if held.get(name)), None)


def wanted_of(pod: Json) -> str | None:
    """The accelerator that a pod's own selectors ask for."""
    found = product_of(pod.get("nodeSelector"))
    affinity = ((pod.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in _list(affinity, "nodeSelectorTerms"):
        for rule in _list(term, "matchExpressions"):
            values = rule.get("values") or []
            if rule.get("operator") == "In" and len(values) == 1:
                found = found or product_of({str(rule.get("key")): values[0]})
    return found


def claims_of(pod: Json) -> list[str]:
    """Names of the volume claims it mounts."""
    claims = (one.get("persistentVolumeClaim") or {} for one in _list(pod, "volumes"))
    return sorted({str(one["claimName"]) for one in claims if one.get("claimName")})


def made_claims_of(pod: Json, name: str) -> list[str]:
    """Names of the claims that are made for a pod of this name and end with it."""
    return [f"{name}-{one.get('name')}" for one in _list(pod, "volumes") if one.get("ephemeral")]


def places_of(pod: Json) -> list[str]:
    """Addresses of object stores its commands and environment name."""
    found = {place_of(place) for text in _texts(pod) for place in _PLACE.findall(text)}
    return sorted(found)[:MOST_PLACES]


def place_of(address: str) -> str:
    """An address without what may be secret in it: keys and signatures.

    >>> place_of("s3://key:secret@bucket/a.csv?X-Amz-Signature=1")
    's3://bucket/a.csv'
    """
    return _SECRET.sub("", address).rstrip(".)]}")


def model_of(pod: Json) -> str | None:
    """The model its command or environment names."""
    for one in _containers(pod):
        words = [str(word) for key in ("command", "args") for word in one.get(key) or []]
        for word, following in zip(words, [*words, ""][1:], strict=True):
            flag, is_joined, value = word.partition("=")
            if flag in _MODEL_FLAGS and (value if is_joined else following):
                return value if is_joined else following
        for held in _list(one, "env"):
            if held.get("name") in _MODEL_NAMES and held.get("value"):
                return str(held["value"])
    return None


def images_of(pod: Json) -> list[str]:
    """Images of its containers, as asked for."""
    return sorted({str(one["image"]) for one in _containers(pod) if one.get("image")})


def _asked(container: Json) -> int:
    """Limits stand for requests where only one is written; they are equal by Kubernetes' rule."""
    resources = container.get("resources") or {}
    return max(capacity_of(resources.get("limits")), capacity_of(resources.get("requests")))


def _texts(pod: Json) -> Iterator[str]:
    for one in _containers(pod):
        for key in ("command", "args"):
            yield from (str(word) for word in one.get(key) or [])
        yield from (str(held["value"]) for held in _list(one, "env") if held.get("value"))


def _containers(pod: Json) -> Iterable[Json]:
    return [*_list(pod, "containers"), *_list(pod, "initContainers")]


def _list(held: Json, key: str) -> list[Json]:
    found = held.get(key)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
