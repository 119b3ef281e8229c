"""Amazon Bedrock: model invocation logs as Bedrock writes them to S3 (JSON lines, packed).

A line is one call: who (the caller's role), which model, how many tokens. Input tokens leave out
those read from or written to a cache; here tokens read are all of them together. A call's
`requestMetadata` becomes labels. Source: Amazon Bedrock user guide, "Model invocation logging".
"""

from collections.abc import Iterator

from watermaster.model.events import Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.api_use import Document, Use, moment, observe_uses, whole
from watermaster.units.periods import Period


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Requests by caller, metadata, model and hour."""
    return observe_uses(source, window, tell, read)


def read(told: Document) -> Iterator[Use]:
    """The call of one line; lines of another kind are none."""
    if told.get("schemaType") != "ModelInvocationLog":
        raise ValueError(f"schemaType is {told.get('schemaType')!r}, not ModelInvocationLog")
    asked, answered = told.get("input") or {}, told.get("output") or {}
    model = str(told["modelId"])
    read_, cached, made = (
        whole(asked.get(name))
        for name in ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
    )
    counts = [count for count in (read_, cached, made) if count is not None]
    caller = caller_of(str((told.get("identity") or {}).get("arn") or ""))
    is_arn = model.startswith("arn:")
    yield Use(
        at=moment(told["timestamp"]),
        model=model.rpartition("/")[2] if is_arn else model,
        key=caller or str(told["accountId"]),
        account=str(told["accountId"]),
        creator=caller or None,
        labels={str(k): str(v) for k, v in (told.get("requestMetadata") or {}).items()},
        resource_id=model if is_arn else None,
        requests=1,
        failed=int(bool(told.get("errorCode"))),
        tokens_in=sum(counts) if counts else None,
        tokens_out=whole(answered.get("outputTokenCount")),
        tokens_cached=cached,
        same_as=str(told["requestId"]),
    )


def caller_of(arn: str) -> str:
    """The role or user of a caller, without the session.

    >>> caller_of("arn:aws:sts::1:assumed-role/rag-prod/i-0abc")
    'rag-prod'
    """
    parts = arn.rpartition(":")[2].split("/")
    return parts[1] if len(parts) > 1 else ""
