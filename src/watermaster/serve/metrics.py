"""/metrics: what the ledger knows, as Prometheus scrapes it."""

from collections.abc import Iterable, Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from watermaster.flows.metrics import Metric, ledger_metrics
from watermaster.serve.state import Shared

KIND: Final = "text/plain; version=0.0.4; charset=utf-8"
router = APIRouter(include_in_schema=False)


@router.get("/metrics")
def metrics(state: Shared) -> Response:
    """The text format, version 0.0.4."""
    return Response(text(state.run(ledger_metrics)), media_type=KIND)


def text(found: Iterable[Metric]) -> str:
    """Each metric with its help, type and samples."""
    lines = []
    for metric in found:
        lines += [f"# HELP {metric.name} {metric.told}", f"# TYPE {metric.name} gauge"]
        lines += [f"{metric.name}{_labels(labels)} {value}" for labels, value in metric.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    r"""Labels with their values escaped.

    >>> _labels({"unit": 'R"D'}), _labels({})
    ('{unit="R\\"D"}', '')
    """
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
