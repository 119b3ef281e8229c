"""How received requests lie in a spool: one frame after the other, each with its own check.

A frame that was cut by a crash, or spoilt, ends what can be read of a file: it was never
acknowledged, since a request is acknowledged only after its frame is on disk.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEAD: Final = struct.Struct("<4sBBqI16sI")  # mark, signal, form, received, length, digest, check
_MARK: Final = b"wmf1"
SIGNALS: Final = ("metrics", "traces")
FORMS: Final = ("protobuf", "json", "protobuf+gzip", "json+gzip")


@dataclass(frozen=True, slots=True)
class Frame:
    """One request as it was received; the same bytes have the same digest."""

    signal: str  # one of SIGNALS
    form: str  # one of FORMS
    received_ns: int  # since 1970
    digest: bytes
    body: bytes


def framed(signal: str, form: str, received_ns: int, body: bytes) -> bytes:
    """The bytes of a frame."""
    digest = hashlib.blake2b(body, digest_size=16, person=signal.encode()).digest()
    told = (SIGNALS.index(signal), FORMS.index(form), received_ns, len(body), digest)
    return _HEAD.pack(_MARK, *told, zlib.crc32(body)) + body


def frames_of(held: bytes | memoryview) -> Iterator[Frame]:
    """The whole frames at the beginning of a file's bytes.

    >>> both = framed("traces", "json", 5, b"{}") + framed("metrics", "protobuf", 6, b"x")
    >>> [(one.signal, one.received_ns, one.body) for one in frames_of(both[:-1])]
    [('traces', 5, b'{}')]
    """
    at = 0
    while at + _HEAD.size <= len(held):
        mark, signal, form, received_ns, length, digest, check = _HEAD.unpack_from(held, at)
        body = bytes(held[at + _HEAD.size : at + _HEAD.size + length])
        is_whole = mark == _MARK and len(body) == length and zlib.crc32(body) == check
        if not is_whole or signal >= len(SIGNALS) or form >= len(FORMS):
            return
        yield Frame(SIGNALS[signal], FORMS[form], received_ns, digest, body)
        at += _HEAD.size + length
