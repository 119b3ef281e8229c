"""Packed bytes that were checked when they were received."""

import zlib


def plain_of(body: bytes) -> bytes:
    """The unpacked bytes."""
    return zlib.decompress(body, wbits=31)
