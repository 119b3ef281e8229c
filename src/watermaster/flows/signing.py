"""Signatures of models: made with a key, offline, and verified against the keys that are known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from watermaster.flows.open import Project
from watermaster.ledger.dsse import PrivateKey, PublicKey, opened, read_public_key, sign
from watermaster.model.artefacts import SIGNATURE, Manifest, TamperedError, changed
from watermaster.model.errors import BadInputError
from watermaster.model.events import Tell, tell_nobody
from watermaster.model.integrity import Break
from watermaster.model.openssf import PAYLOAD, bundle_of, envelope_of, signed_files, statement_of
from watermaster.observe.artefact import manifest_at, signature_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A folder that was signed."""

    location: str
    digest: str
    files: int
    bytes: int | None
    signature: str  # file it is in
    key: str  # hint of the public key that verifies it


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a signature says of files, as far as known keys made it."""

    signer: str | None = None  # name of the key
    unknown: str | None = None  # why nobody who is known signed it
    breaks: list[Break] = field(default_factory=list)  # files that are not what was signed


def sign_folder(location: str, key: PrivateKey, out: Path | None, tell: Tell) -> Signed:
    """Sign all files of a folder; the signature goes beside them unless `out` names a file."""
    manifest = manifest_at(location, tell)
    folder = Path(location.removeprefix("file://")).expanduser()
    if out is None and not folder.is_dir():
        fix = "name a file for the signature: --signature FILE"
        raise BadInputError(location, "is no folder of this machine", fix)
    target = out or folder / SIGNATURE
    statement = statement_of(folder.name, manifest)
    public = key.public
    text = bundle_of(sign(PAYLOAD, statement, key), public.hint)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise BadInputError(str(target), what, "name another file: --signature FILE") from None
    return Signed(
        location=location, digest=manifest.digest, files=len(manifest.files),
        bytes=manifest.bytes, signature=str(target), key=public.hint,
    )  # fmt: skip


def verify_folder(
    location: str, key: PublicKey, signature: Path | None, tell: Tell = tell_nobody
) -> Manifest:
    """The files of a folder where a key signed them as they are; TamperedError names the others."""
    bundle = text_of(signature) if signature else signature_at(location)
    if bundle is None:
        raise BadInputError(location, f"holds no {SIGNATURE}", "name it: --signature FILE")
    manifest = manifest_at(location, tell)
    judged = judge(bundle, manifest, [key], location)
    if judged.breaks:
        raise TamperedError(location, judged.breaks)
    if judged.signer is None:
        one = Break(thing="signature", column=None, what=judged.unknown or "is of nobody")
        raise TamperedError(location, [one])
    return manifest


def judge(bundle: str, manifest: Manifest, keys: Sequence[PublicKey], where: str) -> Judged:
    """Whether one of the keys signed these files, and which of them are not as signed."""
    envelope, hint = envelope_of(bundle, f"{where}: {SIGNATURE}")
    named = [one for one in keys if hint in {None, one.hint}]
    if not named:
        return Judged(unknown=f"was made by a key nobody declared ({(hint or '-')[:16]}...)")
    for key in named:
        statement = opened(envelope, PAYLOAD, key)
        if statement is not None:
            signed, left_out = signed_files(statement, f"{where}: {SIGNATURE}")
            return Judged(signer=key.name, breaks=changed(signed, manifest.without(left_out)))
    names = ", ".join(one.name for one in named)
    what = f"was not made by {names}: it, or what it signs, was changed"
    return Judged(breaks=[Break(thing=f"file {SIGNATURE}", column=None, what=what)])


def known_keys(project: Project) -> list[PublicKey]:
    """The keys of the settings."""
    return [
        read_public_key(one.name, project.home / Path(one.public_key).expanduser())
        for one in project.config.signers
    ]


def text_of(path: Path) -> str:
    """What a file of a signature holds."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise BadInputError(str(path), what, "name a file that can be read") from None
