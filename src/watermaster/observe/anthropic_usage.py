"""Anthropic usage: pages of the Admin API's usage report for messages, saved as JSON,
or CSV of the Console's usage page, which names keys and workspaces instead of giving their ids.

Uncached input, cache reads and cache writes are told apart there; here tokens read are all of them
together, and those read from a cache a part of it. Requests are not told. Source: Anthropic's API
reference, "Get Messages Usage Report", which needs an admin key to ask.
"""

from collections.abc import Iterator
from typing import Final

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

CONSOLE: Final = {  # column of the Console's CSV to field of the API
    "model_version": "model", "api_key": "api_key_id", "workspace": "workspace_id",
    "usage_type": "service_tier", "usage_input_tokens_no_cache": "uncached_input_tokens",
    "usage_input_tokens_cache_read": "cache_read_input_tokens",
    "usage_output_tokens": "output_tokens",
}  # fmt: skip


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Tokens by key, workspace, model and hour; of a bucket of a day all in its first hour."""
    return observe_uses(source, window, tell, read)


def read(told: Document) -> Iterator[Use]:
    """The counts of one page, or of one bucket of it."""
    if "usage_date_utc" in told:
        told = _report(told)
    if "data" not in told and "results" not in told:
        raise ValueError("is no page of the usage report: it has neither data nor results")
    for bucket in told.get("data", [told]):
        start = moment(bucket["starting_at"])
        for held in bucket["results"]:
            key, workspace = held.get("api_key_id"), held.get("workspace_id")
            model = str(held.get("model") or "unknown")
            tier = str(held.get("service_tier") or "")
            cached = whole(held.get("cache_read_input_tokens"))
            made = held.get("cache_creation") or {}
            parts = [whole(held.get("uncached_input_tokens")), cached,
                     *(whole(amount) for amount in made.values())]  # fmt: skip
            told_in = [part for part in parts if part is not None]
            yield Use(
                at=start,
                model=model,
                version=tier or None,
                key=str(key or workspace or "organization"),
                account=workspace,
                tokens_in=sum(told_in) if told_in else None,
                tokens_out=whole(held.get("output_tokens")),
                tokens_cached=cached,
                same_as=f"{start} {bucket.get('ending_at')} {told_apart(held)}",
            )


def _report(row: Document) -> Document:
    """A row of the Console's CSV as the API would tell it."""
    rest = {n: v for n, v in row.items() if n not in CONSOLE and not n.startswith("usage_")}
    held = rest | {name: row.get(column) for column, name in CONSOLE.items()}
    made = [name for name in row if name.startswith("usage_input_tokens_cache_write")]
    held["cache_creation"] = {name: row[name] for name in made}
    return {"starting_at": row["usage_date_utc"], "results": [held]}
