"""Azure OpenAI: token metrics of Azure Monitor, as `az monitor metrics list` prints them, or as a
diagnostic setting writes them to storage (JSON lines of a minute each, without deployments).

Metrics read: AzureOpenAIRequests, ProcessedPromptTokens, GeneratedTokens. Asked with the dimension
ModelDeploymentName they tell deployments apart; else the account is one. Source: Azure Monitor
reference, "Microsoft.CognitiveServices/accounts".
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from watermaster.model.events import Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.api_use import Document, Use, moment, observe_uses, whole
from watermaster.units.periods import Period

METRICS: Final = {
    "azureopenairequests": "requests", "processedprompttokens": "tokens_in",
    "generatedtokens": "tokens_out", "generatedcompletiontokens": "tokens_out",
}  # fmt: skip


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Requests and tokens by deployment, model and hour."""
    return observe_uses(source, window, tell, read)


def read(told: Document) -> Iterator[Use]:
    """The counts of one document of either layout; other metrics are none."""
    if "metricName" in told:
        figure = METRICS.get(str(told["metricName"]).lower())
        if figure is not None:
            point = {"timeStamp": told["time"], "total": told.get("total")}
            yield from _point(str(told["resourceId"]), {}, figure, point)
        return
    if "value" not in told:
        raise ValueError("is no metric: it has neither metricName nor value")
    for metric in told["value"]:
        figure = METRICS.get(str(metric["name"]["value"]).lower())
        resource = str(metric.get("id", "")).partition("/providers/Microsoft.Insights")[0]
        for series in metric["timeseries"] if figure else []:
            about = {
                str(held["name"]["value"]).lower(): str(held["value"])
                for held in series.get("metadatavalues") or []
            }
            for point in series["data"]:
                yield from _point(resource, about, str(figure), point)


def _point(
    resource: str, about: Mapping[str, str], figure: str, point: Mapping[str, Any]
) -> Iterator[Use]:
    total = whole(point.get("total"))
    if not total:
        return
    at = moment(point["timeStamp"])
    account = resource.rpartition("/")[2].lower()
    deployment = about.get("modeldeploymentname") or account
    model = about.get("modelname") or deployment
    use = Use(
        at=at,
        model=model,
        version=about.get("modelversion"),
        kind="api-deployment",
        key=f"{account}/{deployment}" if deployment != account else account,
        account=_subscription(resource),
        resource_id=resource.lower() or None,
        same_as=f"{at} {resource.lower()} {sorted(about.items())} {figure}",
    )
    counted: dict[str, Any] = {figure: total}
    yield replace(use, **counted)


def _subscription(resource: str) -> str | None:
    parts = resource.lower().split("/")
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else None
