"""LiteLLM spend logs: `/spend/logs` as JSON, or the table LiteLLM_SpendLogs as CSV or JSON lines.

A row is one request. `prompt_tokens` counts cached tokens too. Its tags (`request_tags`) become
labels: `team:rag` is team = rag, a word without a colon is tag:WORD. `User-Agent: ...`, which the
proxy adds by itself, is none.
"""

import json
from collections.abc import Iterator
from typing import Any

from watermaster.model.events import Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.api_use import Document, Use, moment, observe_uses, whole
from watermaster.units.periods import Period


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Requests by key, tags, model and hour."""
    return observe_uses(source, window, tell, read)


def read(told: Document) -> Iterator[Use]:
    """The request of one row."""
    about = _held(told.get("metadata"))
    usage = _held(about.get("usage_object"))
    details = _held(usage.get("prompt_tokens_details"))
    status = str(told.get("status") or about.get("status") or "")
    cached = details.get("cached_tokens") or usage.get("cache_read_input_tokens")
    yield Use(
        at=moment(told["startTime"]),
        model=str(told.get("model") or told.get("model_group") or "unknown"),
        version=told.get("model_id") or None,
        key=str(about.get("user_api_key_alias") or told["api_key"]),
        account=told.get("team_id") or about.get("user_api_key_team_id") or None,
        consumer=told.get("end_user") or told.get("user") or None,
        creator=told.get("user") or None,
        labels=_tags(told.get("request_tags")),
        requests=1,
        failed=int(status == "failure"),
        tokens_in=whole(told.get("prompt_tokens")),
        tokens_out=whole(told.get("completion_tokens")),
        tokens_cached=whole(cached),
        same_as=str(told["request_id"]),
    )


def _held(value: object) -> dict[str, Any]:
    """JSON within a column, as text from CSV or as it is from JSON."""
    if isinstance(value, str) and value.strip():
        value = json.loads(value)
    return value if isinstance(value, dict) else {}


def _tags(value: object) -> dict[str, str]:
    words = json.loads(value) if isinstance(value, str) and value.strip() else value
    found = {}
    for word in words if isinstance(words, list) else []:
        if str(word).lower().startswith("user-agent:"):
            continue
        name, colon, held = str(word).partition(":")
        found[name.strip() if colon else f"tag:{word}"] = held.strip() if colon else "yes"
    return found
