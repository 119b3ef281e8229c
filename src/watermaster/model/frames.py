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
    """One request as it was received; digest: of `digest_of`."""

    signal: str  # one of SIGNALS
    form: str  # one of FORMS
    received_ns: int  # since 1970
    digest: bytes
    body: bytes


def digest_of(signal: str, plain: bytes) -> bytes:
    """What tells a request from all others: of its unpacked bytes, however they were packed."""
    return hashlib.blake2b(plain, digest_size=16, person=signal.encode()).digest()


def framed(one: Frame) -> bytes:
    """The bytes of a frame."""
    told = (SIGNALS.index(one.signal), FORMS.index(one.form), one.received_ns, len(one.body))
    return _HEAD.pack(_MARK, *told, one.digest, zlib.crc32(one.body)) + one.body


def frames_of(held: bytes | memoryview) -> Iterator[Frame]:
    """The whole frames at the beginning of a file's bytes.

    >>> both = [Frame("traces", "json", 5, bytes(16), b"{}")] * 2
    >>> told = b"".join(framed(one) for one in both)
    >>> list(frames_of(told)) == both, list(frames_of(told[:-1])) == both[:1]
    (True, True)
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
