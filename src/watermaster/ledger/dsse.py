"""Signatures with keys: DSSE envelopes over elliptic curves, as OpenSSF model signing makes them.

https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from watermaster.model.errors import BadInputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

_FIX: Final = "make one: openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
Envelope = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What verifies; `hint` is the sha256 of its PEM text, by which signatures name it."""

    name: str
    key: "EllipticCurvePublicKey"
    hint: str


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """What signs."""

    key: "EllipticCurvePrivateKey"

    @property
    def public(self) -> PublicKey:
        """What verifies its signatures."""
        return _public("", self.key.public_key())


def private_key(path: Path, password: str | None = None) -> PrivateKey:
    """Read a key in PEM; BadInputError where it is none, or not on P-256, P-384 or P-521."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    secret = password.encode() if password else None
    try:
        key = load_pem_private_key(_bytes(path), secret)
    except TypeError:
        what = "is locked by a password" if secret is None else "is not locked: no password is due"
        raise BadInputError(str(path), what, "see --password-env") from None
    except ValueError as error:
        what = f"is no private key in PEM, or the password is another ({_short(error)})"
        raise BadInputError(str(path), what, _FIX) from None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise BadInputError(str(path), "is a key of another kind than elliptic curve", _FIX)
    _hash_of(str(path), key.curve.key_size)
    return PrivateKey(key)


def public_key(name: str, pem: bytes) -> PublicKey:
    """Read a key in PEM; BadInputError where it is none, or of a kind that is not taken."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    fix = "openssl ec -in key.pem -pubout -out key.pub"
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise BadInputError(name, f"is no public key in PEM ({_short(error)})", fix) from None
    if not isinstance(key, EllipticCurvePublicKey):
        raise BadInputError(name, "is a key of another kind than elliptic curve", _FIX)
    _hash_of(name, key.curve.key_size)
    return _public(name, key)


def read_public_key(name: str, path: Path) -> PublicKey:
    """As `public_key`, of a file."""
    return public_key(name, _bytes(path))


def sign(kind: str, payload: bytes, key: PrivateKey) -> dict[str, Any]:
    """An envelope: the payload of a kind (its media type) with one signature."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    made = key.key.sign(_to_sign(kind, payload), ECDSA(_hash_of("key", key.key.curve.key_size)))
    signature = {"sig": base64.b64encode(made).decode(), "keyid": ""}
    text = base64.b64encode(payload).decode()
    return {"payload": text, "payloadType": kind, "signatures": [signature]}


def opened(envelope: Envelope, kind: str, key: PublicKey) -> bytes | None:
    """The payload where the key signed it; None where it did not, or it is of another kind."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    read = _parts(envelope)
    if read is None or envelope.get("payloadType") != kind:
        return None
    payload, signature = read
    how = ECDSA(_hash_of(key.name, key.key.curve.key_size))
    try:
        key.key.verify(signature, _to_sign(kind, payload), how)
    except InvalidSignature:
        return None
    return payload


def _parts(envelope: Envelope) -> tuple[bytes, bytes] | None:
    """Payload and signature, in base64 that has one way to be written."""
    try:
        first = envelope["signatures"][0]["sig"]
        return _decoded(envelope["payload"]), _decoded(first)
    except (KeyError, IndexError, TypeError, ValueError, binascii.Error):
        return None


def _decoded(text: str) -> bytes:
    made = base64.b64decode(text, validate=True)
    if base64.b64encode(made).decode() != text:
        msg = "is not the base64 of these bytes"
        raise ValueError(msg)
    return made


def _to_sign(kind: str, payload: bytes) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def _hash_of(where: str, key_size: int) -> Any:
    from cryptography.hazmat.primitives import hashes

    found = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}.get(key_size)
    if found is None:
        raise BadInputError(where, f"is a key of {key_size} bits on a curve not taken", _FIX)
    return found


def _public(name: str, key: "EllipticCurvePublicKey") -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(name, key, hashlib.sha256(pem).hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise BadInputError(str(path), what, "name a file that can be read") from None


def _short(error: Exception) -> str:
    return str(error).split(".")[0].strip()[:100]
