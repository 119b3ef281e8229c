"""How each column of a plain file is read from text; the same rules for CSV and Parquet."""

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from watermaster.model.shapes import SHAPES, TIME
from watermaster.observe.batches import canonical
from watermaster.observe.times import epoch_of

UTILISATION_FIELDS: Final = ("SM_ACTIVE", "GR_ENGINE_ACTIVE", "GPU_UTIL")
NULLS: Final = frozenset({"", "NULL", "null", "\\N", "NaN", "None"})
_LARGEST: Final = 2**63 - 1
Reader = Callable[[str], Any]  # text to value; ValueError says what to write instead


def readers(table: str, zone: str) -> dict[str, Reader]:
    """One reader for each column a plain file of this table may have."""
    found = {
        name: _reader(name, kind, zone)
        for name, kind in SHAPES[table].types.items()
        if name != "source"
    }
    if table == "gpu_hours":
        found |= {"start": _moment(zone), "end": _moment(zone), "gpus": _whole}
        found |= dict.fromkeys(("name", "namespace", "account", "creator", "parent_uid"), str)
    if "labels" in found or table == "gpu_hours":
        found["labels"] = _labels
    return found | {"uses": _list} if "uses" in found else found


def _reader(name: str, kind: str, zone: str) -> Reader:
    if name == "day":
        return _day
    if name == "hour":
        return _hour(zone)
    if name == "utilisation_field":
        return _field
    return {"int64": _whole, TIME: _moment(zone)}.get(kind, str)


def _whole(text: str) -> int:
    """Whole numbers, also written 3600.0."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("is no number; write digits, e.g. 3600") from None
    if not number.is_finite() or number != number.to_integral_value():
        raise ValueError("is no whole number; write digits without a fraction, e.g. 3600")
    if number < 0:
        raise ValueError("is negative; write 0 or more")
    if number > _LARGEST:
        raise ValueError("is too large; write at most 9223372036854775807")
    return int(number)


def _moment(zone: str) -> Reader:
    def read(text: str) -> dt.datetime:
        epoch = epoch_of(text, zone)
        if epoch is None:
            raise ValueError("is no time; write ISO 8601, e.g. 2026-09-01T13:00:00Z")
        return dt.datetime.fromtimestamp(epoch, dt.UTC)

    return read


def _hour(zone: str) -> Reader:
    moment = _moment(zone)

    def read(text: str) -> dt.datetime:
        hour: dt.datetime = moment(text)
        if hour.minute or hour.second:
            raise ValueError("is not the start of an hour in UTC; write e.g. 2026-09-01T13:00:00Z")
        return hour

    return read


def _day(text: str) -> str:
    try:
        return dt.date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise ValueError("is no day; write YYYY-MM-DD") from None


def _field(text: str) -> str:
    if text not in UTILISATION_FIELDS:
        raise ValueError(f"is no known field; write one of {', '.join(UTILISATION_FIELDS)}")
    return text


def _labels(text: str) -> str | None:
    """A JSON object, or key=value pairs parted by ; as people type them."""
    if not text.startswith("{"):
        return canonical(_pair(part) for part in text.split(";") if part.strip())
    try:
        held = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError('is no JSON; write {"team":"ml"} or team=ml;stage=dev') from None
    return canonical({str(key): _plain(value) for key, value in held.items()})


def _list(text: str) -> str:
    """A JSON list, or words parted by ; as people type them."""
    if not text.startswith("["):
        words = sorted({word.strip() for word in text.split(";") if word.strip()})
        return json.dumps(words, separators=(",", ":"))
    try:
        held = json.loads(text)
    except json.JSONDecodeError:
        raise ValueError('is no JSON; write ["s3://a","s3://b"] or s3://a;s3://b') from None
    return json.dumps([str(one) for one in held], separators=(",", ":"))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError('is no label; write {"team":"ml"} or team=ml;stage=dev')
    return key.strip(), value.strip()
