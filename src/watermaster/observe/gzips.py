"""Packed bytes that were checked when they were received."""

import gzip


def plain_of(body: bytes) -> bytes:
    """The unpacked bytes of all members."""
    return gzip.decompress(body)
