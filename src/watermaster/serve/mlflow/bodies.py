"""What a client sends, read and checked: JSON bodies and queries, field by field, as MLflow does.

Source: MLflow 3.17.2's REST API; its messages are proto2, so null is absent and a field may be
written run_id or runId. https://mlflow.org/docs/latest/rest-api.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from starlette.datastructures import QueryParams

from watermaster.model.errors import UsageError
from watermaster.model.registry import BadValueError, MlflowError

MOST_BYTES: Final = 16 << 20
_SEE: Final = " See the API docs for more information about request parameters."
SHOWN: Final = 200  # characters of a bad value that are repeated


class Kind(Enum):
    """What a field holds."""

    TEXT = str
    FLAG = bool
    TAGS = "tags"
    TEXTS = "texts"
    NUMBER = int


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a request."""

    name: str
    kind: Kind = Kind.TEXT
    is_needed: bool = False
    most: int | None = None  # of a number


class HugeBodyError(MlflowError, UsageError):
    """More than anybody needs to send."""

    http_status = 413

    def __init__(self) -> None:
        what = f"The body of a request has at most {MOST_BYTES >> 20} MiB."
        super().__init__("request", what, "send less")


def needed(name: str) -> Field:
    """A text that must be there."""
    return Field(name, is_needed=True)


def read_body(text: bytes, kind: str, fields: tuple[Field, ...]) -> dict[str, Any]:
    """The fields of a JSON body. kind: its Content-Type."""
    if kind.partition(";")[0].strip().lower() != "application/json":
        what = "Bad Request. Content-Type must be one of ['application/json']."
        raise BadValueError(what, "request")
    told = _told(text)
    return {one.name: _value(one, _asked(told, one.name)) for one in fields}


def read_query(query: QueryParams, fields: tuple[Field, ...]) -> dict[str, Any]:
    """The same fields, sent in an address."""
    held: dict[str, Any] = {}
    for one in fields:
        values: list[Any] = query.getlist(one.name)
        one_value = values[0] if values else None
        held[one.name] = _value(one, values or None if one.kind is Kind.TEXTS else one_value)
    return held


def _told(text: bytes) -> Mapping[str, Any]:
    """The object that was sent; what is no JSON lacks every field."""
    try:
        told = json.loads(text) if text.strip() else {}
        if isinstance(told, str):  # very old clients encode twice
            told = json.loads(told)
    except (ValueError, RecursionError):
        raise BadValueError("The body of the request is not JSON.", "request") from None
    if not isinstance(told, dict):
        raise BadValueError("The body of the request is not a JSON object.", "request")
    return told


def _asked(told: Mapping[str, Any], name: str) -> Any:
    first, *rest = name.split("_")
    camel = first + "".join(word.title() for word in rest)
    if camel != name and camel in told:
        if name in told:
            what = f"Request specifies both '{name}' and '{camel}'; provide only one of them."
            raise BadValueError(what, "request")
        return told[camel]
    return told.get(name)


def _value(field: Field, value: Any) -> Any:
    if value is None or (field.is_needed and value == ""):
        if field.is_needed:
            what = f"Missing value for required parameter '{field.name}'.{_SEE}"
            raise BadValueError(what, "request")
        return None
    match field.kind:
        case Kind.TAGS:
            return _tags(field, value)
        case Kind.TEXTS:
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise _wrong(field, value)
            return [_clean(field, one) for one in value]
        case Kind.NUMBER:
            return _number(field, value)
        case Kind.FLAG:
            if not isinstance(value, bool):
                raise _wrong(field, value)
            return value
    if not isinstance(value, str):
        raise _wrong(field, value)
    return _clean(field, value)


def _tags(field: Field, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, list):
        raise _wrong(field, value)
    held: list[tuple[str, str]] = []
    for one in value:
        if not isinstance(one, dict):
            raise _wrong(field, one)
        key, text = one.get("key"), one.get("value")
        key, text = "" if key is None else key, "" if text is None else text
        if not isinstance(key, str) or not isinstance(text, str):
            raise _wrong(field, one)
        held.append((_clean(field, key), _clean(field, text)))
    return held


def _number(field: Field, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise _wrong(field, value) from None
    if field.most is not None and number > field.most:
        raise _wrong(field, value)
    return number


def _clean(field: Field, text: str) -> str:
    """Text that a database can hold: no NUL, no half of a character."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        what = f"Parameter '{field.name}' holds a character that cannot be stored."
        raise BadValueError(what, "request")
    return text


def _wrong(field: Field, value: Any) -> BadValueError:
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)[:SHOWN]
    hint = f" Hint: Value was of type '{type(value).__name__}'."
    what = f"Invalid value {shown} for parameter '{field.name}' supplied: {hint}{_SEE}"
    return BadValueError(what, "request")
