"""A record as JSON knows it."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel


def plain(value: object) -> Any:
    """Decimals and times as text, no digit lost.

    >>> plain({"cost": Decimal("1.50"), "on": dt.date(2026, 10, 1)})
    {'cost': '1.50', 'on': '2026-10-01'}
    """
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if hasattr(value, "__fspath__"):
        return str(value)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [
            plain(held) for held in (sorted(value) if isinstance(value, set | frozenset) else value)
        ]
    return value
