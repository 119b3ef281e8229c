"""The artefact of a version: seen when it is registered, verified whenever somebody asks."""

import posixpath
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from watermaster.flows.access import note_access
from watermaster.flows.evidence import keep_evidence
from watermaster.flows.model_owner import team_of_model
from watermaster.flows.open import Project
from watermaster.flows.signing import Judged, judge, known_keys, text_of
from watermaster.ledger.artefacts import (
    Held,
    bind,
    held_version,
    keep_signature,
    kept_seal,
    last_signature_told,
    standing_versions,
)
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.sealed import seal_of
from watermaster.model.artefacts import SIGNATURE, Manifest, TamperedError, changed
from watermaster.model.errors import (
    BadInputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    WatermasterError,
)
from watermaster.model.events import Notice
from watermaster.model.identity import Right, Sort
from watermaster.model.integrity import Break
from watermaster.observe.artefact import blocks_of, fetched, manifest_at, signature_at

_FIX: Final = "see wm model show"
_READS: Final = "let the settings' `artefacts` name it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An artefact as it was read, with what its signature says."""

    location: str
    manifest: Manifest
    bundle: str | None = None
    judged: Judged = field(default_factory=Judged)
    told_by: str = "read"  # by this server, or told by who registers


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtefactTold:
    """What is kept of a version's artefact."""

    model: str
    version: int
    location: str | None
    digest: str | None  # None: nobody read or told its files
    signer: str | None  # key of the settings that signed it
    signature: str | None  # the bundle, as it was given
    bytes: int | None
    files: dict[str, str]  # path to sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A registered version beside the files it has now."""

    model: str
    version: int
    location: str
    digest: str
    files: int
    bytes: int | None
    signer: str | None
    unsigned: str | None  # why no signature speaks for it; None: one does
    breaks: list[Break] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every file is what was registered, and signed where it was."""
        return not self.breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingVerified:
    """All versions that stand somewhere, verified; and those whose files nobody could compare."""

    verified: list[Verified]
    unread: list[str]

    @property
    def is_whole(self) -> bool:
        """Whether each was compared, and none is changed."""
        return not self.unread and all(one.is_whole for one in self.verified)


def may_read(project: Project, location: str) -> bool:
    """Whether this server reads a place on behalf of who asks.

    Who may use the machine reads with its rights anyway; anybody else only what the settings name.
    """
    allowed = project.config.artefacts
    if allowed is None:
        return project.asker.sort is Sort.LOCAL
    place = _plain(location)
    return any(place == root or place.startswith(f"{root}/") for root in map(_plain, allowed))


def _plain(location: str) -> str:
    """An address without ways up and, of a folder, without links."""
    scheme, sign, rest = location.partition("://")
    if sign and scheme != "file":
        return f"{scheme}://{posixpath.normpath(rest)}"
    if location.startswith("mlflow-artifacts:"):
        return f"mlflow-artifacts:{posixpath.normpath(location.partition(':')[2])}"
    return str(Path(location.removeprefix("file://")).expanduser().resolve())


def look_at(project: Project, location: str) -> Looked:
    """Read an artefact before it is registered; TamperedError where its signature says other files.

    Takes as long as reading all of it does: call it outside a transaction.
    """
    if not may_read(project, location):
        fix = "let the settings' `artefacts` name it, or tell its manifest: wm model attach"
        raise NotAllowedError(location, "is no place this server may read", fix)
    manifest = manifest_at(location, project.tell)
    bundle = signature_at(location)
    judged = judge(bundle, manifest, known_keys(project), location) if bundle else Judged()
    if judged.breaks:
        raise TamperedError(location, judged.breaks)
    return Looked(location=location, manifest=manifest, bundle=bundle, judged=judged)


def seen_if_readable(project: Project, location: str) -> Looked | None:
    """As `look_at`; None where this server cannot or may not read the place."""
    try:
        return look_at(project, location)
    except TamperedError:
        raise
    except WatermasterError:
        return None


def keep_artefact(
    connection: sa.Connection, project: Project, of: tuple[str, int], looked: Looked
) -> None:
    """Bind a version to what was seen, in the caller's transaction; never to something else."""
    held = _held(connection, *of)
    manifest = looked.manifest
    if held.digest not in {None, manifest.digest}:
        breaks = changed(held.manifest, manifest) if held.manifest else []
        told = "; ".join(one.sentence for one in breaks[:5]) or f"{held.digest} is registered"
        fix = "register what it is now as a new version"
        raise RefusedError(f"{of[0]} {of[1]}", f"has another artefact: {told}", fix)
    at = project.ledger.clock().isoformat()
    kept = bind(connection, of, at, manifest)
    detail: dict[str, Any] = {
        "model": of[0], "version": of[1], "digest": manifest.digest, "how": looked.told_by,
        "location": looked.location, "files": len(manifest.files), "bytes": manifest.bytes,
        "manifest": seal_of([kept]),
    }  # fmt: skip
    if looked.bundle is not None:
        keep_signature(connection, manifest.digest, looked.bundle, looked.judged.signer)
        detail |= {"signer": looked.judged.signer, "signature": seal_of([looked.bundle])}
    append_audit(connection, at, project.actor, "artefact", detail)
    if looked.bundle is not None:
        now = replace(held, digest=manifest.digest, bundle=looked.bundle)
        _tell_signature(connection, project, now, looked.judged)


def keep_copied(connection: sa.Connection, project: Project, of: tuple[str, int]) -> None:
    """Log that a new version has the artefact of the one it was made from, and tell its signature.

    Of a digest whose files nobody read or told there is nothing to keep.
    """
    held = _held(connection, *of)
    if held.manifest is None:
        return
    detail = {
        "model": of[0], "version": of[1], "digest": held.digest, "how": "copied",
        "manifest": kept_seal(connection, held.manifest.digest),
    }  # fmt: skip
    at = project.ledger.clock().isoformat()
    append_audit(connection, at, project.actor, "artefact", detail)
    _tell_signature(connection, project, held, _judged(project, held, held.location or "-"))


def attach(
    project: Project, of: tuple[str, int], manifest: Manifest | None, bundle: str | None
) -> Verified:
    """Bind a version to files where they lie (no manifest), or to what who asks says they are."""
    with project.ledger.records.connect() as connection:
        held = _held(connection, *of)
        team = team_of_model(connection, project, of[0])
    if not project.asker.may(Right.REGISTER, team):
        what = f"{project.asker.name} may not change models of {team or 'nobody'}"
        raise NotAllowedError(of[0], what, f"ask an owner in {team or 'any team'}")
    location = held.location or "-"
    if manifest is None:
        looked = look_at(project, location)
    else:
        judged = judge(bundle, manifest, known_keys(project), location) if bundle else Judged()
        if judged.breaks:
            raise TamperedError(location, judged.breaks)
        looked = Looked(location=location, manifest=manifest, bundle=bundle, judged=judged,
                        told_by="told")  # fmt: skip
    with chained(project.ledger.records) as connection:
        keep_artefact(connection, project, of, looked)
        note_access(connection, project, ("write", f"model/{of[0]}/{of[1]}"), location)
        held = _held(connection, *of)
    return _verified(held, location, looked.manifest, looked.judged)


def attach_here(
    project: Project, of: tuple[str, int], at: str | None, signature: Path | None
) -> Verified:
    """As `attach`, for who stands before the files: read where they lie, or at a copy."""
    with project.ledger.records.connect() as connection:
        held = _held(connection, *of)
    place = at or held.location
    if place is None:
        fix = "name a copy: --at FOLDER"
        raise RefusedError(f"{of[0]} {of[1]}", "says nowhere where its files lie", fix)
    bundle = text_of(signature) if signature else signature_at(place)
    return attach(project, of, manifest_at(place, project.tell), bundle)


def verify_version(project: Project, model: str, version: int, at: str | None = None) -> Verified:
    """Read a version's files, where they lie or at a copy, and compare with what was registered.

    What the signature says now becomes evidence where it is not what was known.
    """
    with project.ledger.records.connect() as connection:
        held = _registered(connection, model, version)
    location = at or held.location or "-"
    if not may_read(project, location):
        fix = "let the settings' `artefacts` name it, or verify a copy: --at FOLDER"
        raise NotAllowedError(location, "is no place this server may read", fix)
    found = manifest_at(location, project.tell)
    judged = _judged(project, held, location)
    verified = _verified(held, location, found, judged)
    detail = {"model": model, "version": version, "digest": held.digest, "location": location,
              "changed": [one.thing for one in verified.breaks[:100]]}  # fmt: skip
    with chained(project.ledger.records) as connection:
        if at is None or verified.is_whole:
            told = (
                judged if verified.is_whole else Judged(signer=held.signer, breaks=verified.breaks)
            )
            _tell_signature(connection, project, held, told)
        append_audit(
            connection, project.ledger.clock().isoformat(), project.actor, "verify", detail
        )
        note_access(connection, project, ("read", f"model/{model}/{version}"), location,
                    found.bytes)  # fmt: skip
    return verified


def verify_standing(project: Project) -> StandingVerified:
    """Verify every version that stands in a slot; one that cannot be read is told, and the others
    are verified all the same.
    """
    with project.ledger.records.connect() as connection:
        standing = standing_versions(connection)
    verified, unread = [], []
    for model, version in standing:
        try:
            verified.append(verify_version(project, model, version))
        except WatermasterError as error:
            unread.append(f"{model} {version}: {error}")
    return StandingVerified(verified=verified, unread=unread)


def download(project: Project, model: str, version: int, to: Path) -> Verified:
    """Copy a version's files into a new folder; it appears only when all of them are as registered.

    TamperedError names those that are not.
    """
    with project.ledger.records.connect() as connection:
        held = _registered(connection, model, version)
    location = held.location or "-"
    if not may_read(project, location):
        raise NotAllowedError(location, "is no place this server may read", _READS)
    if to.exists():
        raise BadInputError(str(to), "is there already", "name a folder that is not")
    part = to.with_name(f".{to.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        found = fetched(location, part, project.tell)
        verified = _verified(held, location, found, _judged(project, held, location))
        if verified.is_whole:
            if held.bundle:
                (part / SIGNATURE).write_text(held.bundle, encoding="utf-8")
            part.rename(to)
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise BadInputError(str(to), what, "name a folder that can be written") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    with chained(project.ledger.records) as connection:
        verb = "read" if verified.is_whole else "refused"
        note_access(connection, project, (verb, f"model/{model}/{version}"), location, found.bytes)
    if not verified.is_whole:
        raise TamperedError(location, verified.breaks)
    return verified


def told_artefact(project: Project, model: str, version: int) -> ArtefactTold:
    """What is kept of a version's artefact; nothing is read where it lies."""
    with project.ledger.records.connect() as connection:
        held = _held(connection, model, version)
    manifest = held.manifest or Manifest({})
    return ArtefactTold(
        model=model, version=version, location=held.location, digest=held.digest,
        signer=held.signer, signature=held.bundle, bytes=manifest.bytes,
        files={path: one.sha256 for path, one in sorted(manifest.files.items())},
    )  # fmt: skip


def file_of(project: Project, of: tuple[str, int], path: str) -> tuple[int | None, Iterator[bytes]]:
    """Bytes, where they are known, and blocks of one registered file; who asks is logged."""
    with project.ledger.records.connect() as connection:
        held = _registered(connection, *of)
    known = held.manifest.files.get(path) if held.manifest else None
    if known is None:
        fix = "see wm model digest, or the version's artefact"
        raise NotFoundError(f"{of[0]} {of[1]}", f"no file {path[:200]} was registered", fix)
    location = held.location or "-"
    if not may_read(project, location):
        raise NotAllowedError(location, "is no place this server may read", _READS)
    with project.ledger.records.begin() as connection:
        thing = f"model/{of[0]}/{of[1]}"
        note_access(connection, project, ("read", thing), f"{location}: {path}", known.bytes)
    blocks = blocks_of(location, path, known.sha256)
    return known.bytes, _or_refused(project, thing, f"{location}: {path}", blocks)


def _or_refused(
    project: Project, thing: str, place: str, blocks: Iterator[bytes]
) -> Iterator[bytes]:
    """The same blocks; where they break off, the access log says so."""
    try:
        yield from blocks
    except TamperedError as error:
        project.tell(Notice(f"{thing} was asked for and broke off: {error}"))
        with project.ledger.records.begin() as connection:
            note_access(connection, project, ("refused", thing), place)
        raise


def _judged(project: Project, held: Held, where: str) -> Judged:
    """What the signature that is held says of what is registered."""
    if held.bundle is None or held.manifest is None:
        return Judged()
    return judge(held.bundle, held.manifest, known_keys(project), where)


def _verified(held: Held, location: str, found: Manifest, judged: Judged) -> Verified:
    breaks = changed(held.manifest, found) if held.manifest else []
    if held.manifest is not None and held.manifest.digest != held.digest:
        what = f"is {held.manifest.digest}, registered was {held.digest}"
        breaks = [Break(thing="manifest", column=None, what=what), *breaks]
    unsigned = None if judged.signer else judged.unknown or "nobody signed it"
    return Verified(
        model=held.model, version=held.version, location=location, digest=held.digest or "",
        files=len(found.files), bytes=found.bytes, signer=judged.signer, unsigned=unsigned,
        breaks=[*breaks, *judged.breaks],
    )  # fmt: skip


def _tell_signature(
    connection: sa.Connection, project: Project, held: Held, judged: Judged
) -> None:
    """Evidence of a signature, where it says something else than the newest."""
    if held.digest is None or held.bundle is None:
        return
    verified = judged.signer is not None and not judged.breaks
    told = {"verified": verified, "signer": judged.signer or "nobody who is known"}
    of = held.model, held.version
    if last_signature_told(connection, of, held.digest) != told:
        keep_evidence(connection, project, "signature", (*of, held.digest), told)


def _registered(connection: sa.Connection, model: str, version: int) -> Held:
    held = _held(connection, model, version)
    if held.digest is None or held.manifest is None:
        what = "has no known artefact: nobody read or told its files"
        raise RefusedError(f"{model} {version}", what, f"wm model attach {model} {version}")
    return held


def _held(connection: sa.Connection, model: str, version: int) -> Held:
    held = held_version(connection, model, version)
    if held is None:
        raise NotFoundError(f"{model} {version}", "no such version is registered", _FIX)
    return held
