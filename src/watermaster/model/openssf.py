"""What OpenSSF model signing says of an artefact: an in-toto statement over its files.

https://github.com/sigstore/model-transparency, signatures of version 1.0: method `files`, sha256.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from watermaster.model.artefacts import LEFT_OUT, File, Manifest, check_path, is_sha256
from watermaster.model.errors import BadInputError

BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD: Final = "application/vnd.in-toto+json"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://model_signing/signature/v1.0"
_FIX: Final = "sign it anew: wm model sign, or model_signing sign key (1.0 or newer)"


def statement_of(name: str, manifest: Manifest) -> bytes:
    """What is signed."""
    resources = [
        {"name": path, "algorithm": "sha256", "digest": manifest.files[path].sha256}
        for path in sorted(manifest.files, key=lambda path: path.split("/"))  # as theirs does
    ]
    serialization = {
        "method": "files", "hash_type": "sha256", "allow_symlinks": False,
        "ignore_paths": list(LEFT_OUT),
    }  # fmt: skip
    told = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": _root(resources)}}],
        "predicateType": PREDICATE,
        "predicate": {"serialization": serialization, "resources": resources},
    }
    return json.dumps(told, indent=2).encode()


def bundle_of(envelope: Mapping[str, Any], hint: str) -> str:
    """The file that holds a signature. hint: of the public key that verifies it."""
    material = {"publicKey": {"hint": hint}, "tlogEntries": []}
    told = {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope}
    return json.dumps(told)


def envelope_of(bundle: str, where: str) -> tuple[dict[str, Any], str | None]:
    """The envelope in such a file, and the hint of its key; BadInputError where it is none."""
    try:
        told = json.loads(bundle)
        envelope, material = told["dsseEnvelope"], told["verificationMaterial"]
    except (ValueError, KeyError, TypeError):
        raise BadInputError(where, "is no signature of a model", _FIX) from None
    if told.get("mediaType") != BUNDLE or not isinstance(envelope, dict):
        raise BadInputError(where, "is a bundle of another kind", _FIX)
    if not isinstance(material, dict) or not isinstance(material.get("publicKey"), dict):
        what = "was signed with a certificate or by Sigstore, not with a key"
        raise BadInputError(where, what, _FIX)
    hint = material["publicKey"].get("hint")
    return envelope, hint if isinstance(hint, str) else None


def signed_files(statement: bytes, where: str) -> tuple[Manifest, list[str]]:
    """The files a statement speaks of, and the paths it leaves out."""
    try:
        told = json.loads(statement)
        predicate, subject = told["predicate"], told["subject"]
        how, resources = predicate["serialization"], predicate["resources"]
        kind = told["_type"], told["predicateType"]
        if kind != (STATEMENT, PREDICATE) or how["method"] != "files" or len(subject) != 1:
            what = f"says something else than the sha256 of files ({how['method']})"
            raise BadInputError(where, what, _FIX)
        files = {one["name"]: _signed(one, where) for one in resources}
        root, left = subject[0]["digest"]["sha256"], how.get("ignore_paths") or []
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise BadInputError(where, f"is no statement about a model ({error})", _FIX) from None
    if root != _root(resources) or len(files) != len(resources):
        raise BadInputError(where, "contradicts itself", _FIX)
    return Manifest(files), [str(path) for path in left]


def _signed(one: Mapping[str, Any], where: str) -> File:
    if one["algorithm"] != "sha256" or not is_sha256(one["digest"]):
        raise BadInputError(where, f"uses {one['algorithm']}, not sha256", _FIX)
    check_path(one["name"], where)
    return File(one["digest"])


def _root(resources: list[dict[str, Any]]) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
