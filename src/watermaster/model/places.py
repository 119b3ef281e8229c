"""Addresses of data: which known place one lies in."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def lies_in(text: str, places: Mapping[str, T]) -> T | None:
    """What is known of the nearest place that a location lies in.

    >>> lies_in("s3://a/b/c", {"s3://a": "far", "s3://a/b": "near"})
    'near'
    """
    text = text.rstrip("/")
    while text:
        if text in places:
            return places[text]
        text, slash, _ = text.rpartition("/")
        if not slash:
            return None
    return None
