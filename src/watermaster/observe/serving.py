"""Which series of a Prometheus count requests to models and their tokens, by serving program.

Names are those of the programs' own references as of November 2026: vLLM "Production Metrics",
TGI "Metrics", Triton "Metrics", KServe "Prometheus Metrics", Knative "Service metrics".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from watermaster.observe.dcgm import Holder, Labels, holder_of

REQUESTS: Final = frozenset({"requests", "failed"})


@dataclass(frozen=True, slots=True)
class Counter:
    """A series that only grows, the columns it adds to, and which of its labels name the model.

    Of one pod, a column is counted by the first program that has it: a KServe pod with vLLM in it
    is not counted twice. `fails`: a label and those of its values that are failures.
    """

    series: str
    by: str
    columns: frozenset[str]
    model: tuple[str, ...] = ("model_name", "model")
    fails: tuple[str, frozenset[str]] | None = None


def _one(column: str) -> frozenset[str]:
    return frozenset({column})


COUNTERS: Final = (
    Counter("vllm:request_success_total", "vllm", REQUESTS,
            fails=("finished_reason", frozenset({"error"}))),
    Counter("vllm:prompt_tokens_total", "vllm", _one("tokens_in")),
    Counter("vllm:generation_tokens_total", "vllm", _one("tokens_out")),
    Counter("vllm:prompt_tokens_cached_total", "vllm", _one("tokens_cached")),
    Counter("vllm:prefix_cache_hits_total", "vllm-prefix", _one("tokens_cached")),
    Counter("tgi_request_count", "tgi", _one("requests"), ("model_id", "model_name")),
    Counter("tgi_request_failure", "tgi", _one("failed"), ("model_id", "model_name")),
    Counter("tgi_request_input_length_sum", "tgi", _one("tokens_in"), ("model_id", "model_name")),
    Counter("tgi_request_generated_tokens_sum", "tgi", _one("tokens_out"),
            ("model_id", "model_name")),
    Counter("nv_inference_request_success", "triton", _one("requests"), ("model",)),
    Counter("nv_inference_request_failure", "triton", REQUESTS, ("model",)),
    Counter("request_predict_seconds_count", "kserve", _one("requests"), ("model_name",)),
    Counter("revision_app_request_count", "knative", REQUESTS,
            ("configuration_name", "service_name"),
            fails=("response_code_class", frozenset({"5xx"}))),
)  # fmt: skip
NAMES: Final = "|".join(dict.fromkeys(one.series for one in COUNTERS))
VERSIONS: Final = frozenset({"triton"})  # programs whose label `version` is the model's


def columns_of(counter: Counter, labels: Labels) -> Mapping[str, bool]:
    """The columns a series counts for, and whether what it grows by adds to them."""
    if counter.fails is None:
        return dict.fromkeys(counter.columns, True)
    label, bad = counter.fails
    return {name: name != "failed" or labels.get(label) in bad for name in counter.columns}


def model_of(counter: Counter, labels: Labels) -> tuple[str, str | None]:
    """Model and version; a program that names no model is known by its service."""
    named = next((labels[name] for name in counter.model if labels.get(name)), None)
    version = labels.get("version") if counter.by in VERSIONS else None
    return named or labels.get("service") or labels.get("job") or "unknown", version or None


def server_of_requests(labels: Labels) -> Holder:
    """The pod that serves, else the service or the address that was scraped.

    >>> server_of_requests({"namespace": "rag", "service": "llm", "instance": "10.0.0.7:8000"})
    Holder(kind='endpoint', uid='rag/llm', name='llm', namespace='rag')
    """
    pod = labels.get("pod") or labels.get("exported_pod")
    if not pod and labels.get("pod_name"):
        named = {"pod": labels["pod_name"], "namespace": labels.get("namespace_name", "")}
        labels = named
    held = holder_of(labels)
    if held is not None:
        return held
    namespace = labels.get("namespace")
    name = labels.get("service") or labels.get("instance") or labels.get("job") or "unknown"
    return Holder("endpoint", f"{namespace}/{name}" if namespace else name, name, namespace)
