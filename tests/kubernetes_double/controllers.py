"""What controllers would do of what is asked, done at once: only what they tell in `status`."""

from typing import Any

from tests.kubernetes_double.kinds import Resource

Json = dict[str, Any]
_SWITCHES = {  # annotation that a controller obeys, and the condition by which it says so
    "InferenceService": ("serving.kserve.io/stop", "Stopped"),
    "ScaledObject": ("autoscaling.keda.sh/paused", "Paused"),
}


def settle(kind: Resource, told: Json) -> None:
    """Pods as many as wanted; a switch of KServe or KEDA obeyed."""
    spec, status = told.get("spec") or {}, told.setdefault("status", {})
    if kind.has_scale:
        status["replicas"] = spec.get("replicas", 1)
    if kind.kind == "Job":
        status["active"] = 0 if spec.get("suspend") else spec.get("parallelism", 1)
    if kind.kind in _SWITCHES:
        name, type_ = _SWITCHES[kind.kind]
        noted = told["metadata"].get("annotations") or {}
        others = [one for one in status.get("conditions") or [] if one["type"] != type_]
        is_on = str(noted.get(name) == "true")
        status["conditions"] = [*others, {"type": type_, "status": is_on}]
    if not status:
        del told["status"]
