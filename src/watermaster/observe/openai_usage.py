"""OpenAI usage: pages of the organisation's usage API (completions, embeddings) as JSON, or CSV of
its usage page, whose rows have the same names, with the bucket's times in each.

A page holds buckets of a minute, an hour or a day; their `input_tokens` count cached tokens too.
What is grouped by nothing belongs to the project as a whole. Source: OpenAI's API reference,
"Usage", which needs an admin key to ask.
"""

from collections.abc import Iterator

from watermaster.model.events import Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.api_use import (
    Document,
    Use,
    moment,
    observe_uses,
    told_apart,
    whole,
)
from watermaster.units.periods import Period


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Requests by key, project, model and hour; of a bucket of a day all in its first hour."""
    return observe_uses(source, window, tell, read)


def read(told: Document) -> Iterator[Use]:
    """The counts of one page, or of one bucket of it."""
    if (
        "start_time" in told and "results" not in told
    ):  # a row of CSV; of an empty bucket only times
        rows = [told] if told.get("num_model_requests") or told.get("input_tokens") else []
        told = {"start_time": told["start_time"], "end_time": told.get("end_time"), "results": rows}
    if "data" not in told and "results" not in told:
        raise ValueError("is no page of the usage API: it has neither data nor results")
    for bucket in told.get("data", [told]):
        start = moment(bucket["start_time"])
        for held in bucket["results"]:
            project, key, user = (
                held.get(f"{name}_id") or None for name in ("project", "api_key", "user")
            )
            model = str(held.get("model") or "unknown")
            batch = {"batch": "yes"} if str(held.get("batch") or "").lower() == "true" else {}
            yield Use(
                at=start,
                model=model,
                key=str(key or project or "organization"),
                account=project,
                consumer=user,
                creator=user,
                labels=batch,
                requests=whole(held.get("num_model_requests")),
                tokens_in=whole(held.get("input_tokens")),
                tokens_out=whole(held.get("output_tokens")),
                tokens_cached=whole(held.get("input_cached_tokens")),
                same_as=f"{start} {bucket.get('end_time')} {told_apart(held)}",
            )
