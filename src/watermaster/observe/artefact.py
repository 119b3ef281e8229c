"""Artefacts where they lie: read whole and never held whole, by name and sha256.

Place: a folder or a file, s3://BUCKET/PREFIX, abfs://, whatever fsspec reaches, or
mlflow-artifacts:/ behind a tracking server.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self

from watermaster.model.artefacts import (
    LEFT_OUT,
    MOST_FILES,
    SIGNATURE,
    File,
    Manifest,
    TamperedError,
    check_path,
)
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.events import Progress, Tell
from watermaster.model.integrity import Break
from watermaster.observe.artefact_mlflow import SCHEME, MlflowPlace

BLOCK_BYTES: Final = 4 << 20
MOST_SIGNATURE_BYTES: Final = 64 << 20
_EXTRAS: Final = {"s3": "s3", "s3a": "s3", "abfs": "azure", "abfss": "azure", "az": "azure"}
_READ: Final = "let our user read it"
_CHECK: Final = "check the address and who we are to it, and try again"
MOST_WORDS: Final = 300  # characters of what a store says
_CLIENTS: Final = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
)


class Place(Protocol):
    """One artefact where it lies."""

    def files(self) -> Iterable[tuple[str, int | None]]:
        """Path below the place, and bytes where they are known, of every file."""

    def open(self, path: str) -> Any:
        """One, to be read by blocks and closed."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine; links are refused, since they lead elsewhere tomorrow."""

    root: Path

    def files(self) -> Iterator[tuple[str, int | None]]:
        """Folder by folder."""
        yield from self._walk(self.root, "")

    def open(self, path: str) -> IO[bytes]:
        """The bytes of one."""
        return (self.root / path).open("rb")

    def _walk(self, folder: Path, above: str) -> Iterator[tuple[str, int | None]]:
        with os.scandir(folder) as held:
            found = sorted(held, key=lambda one: one.name)
        for one in found:
            path = f"{above}{one.name}"
            _check_name(path)
            if one.is_symlink():
                what = "is a link, and an artefact holds files only"
                raise BadInputError(one.path, what, "copy what it leads to: cp -rL")
            if one.is_dir():
                yield from self._walk(Path(one.path), f"{path}/")
            elif one.is_file():
                yield path, one.stat().st_size
            else:
                raise BadInputError(one.path, "is no file", "take it out of the artefact")


@dataclass(frozen=True, slots=True)
class Single:
    """One file of this machine that is the whole artefact."""

    path: Path

    def files(self) -> list[tuple[str, int | None]]:
        """It alone, by its name."""
        return [(self.path.name, self.path.stat().st_size)]

    def open(self, _path: str) -> IO[bytes]:
        """Its bytes."""
        return self.path.open("rb")


@dataclass(frozen=True, slots=True)
class Remote:
    """A prefix of an object store, as fsspec tells it."""

    system: Any
    root: str

    def files(self) -> Iterator[tuple[str, int | None]]:
        """All objects under it; those that only mark a folder are left out."""
        self.system.invalidate_cache()
        found = self.system.find(self.root, detail=True)
        for path, told in sorted(found.items()):
            name = path.removeprefix(self.root).lstrip("/") or path.rpartition("/")[2]
            if told.get("type") != "directory" and not path.endswith("/"):
                yield name, told.get("size")

    def open(self, path: str) -> IO[bytes]:
        """The bytes of one, read ahead by blocks."""
        try:
            return self._opened(f"{self.root}/{path}")
        except FileNotFoundError:
            if path != self.root.rpartition("/")[2] or not self.system.isfile(self.root):
                raise
            return self._opened(self.root)  # one object that is the whole artefact

    def _opened(self, path: str) -> IO[bytes]:
        opened: IO[bytes] = self.system.open(
            path, "rb", block_size=BLOCK_BYTES, cache_type="readahead"
        )
        return opened


@dataclass(slots=True)
class Copied:
    """What is read of a place, as it is written into a folder."""

    place: Place
    where: str
    tell: Tell
    into: Path | None = None
    done_bytes: int = 0
    files: dict[str, File] = field(default_factory=dict)

    def all(self) -> Manifest:
        """Every file, one after the other, block by block."""
        try:
            listed = [one for one in self.place.files() if not _is_left_out(one[0])]
        except _failures() as error:
            raise _unread(self.where, error) from None
        if not listed:
            fix = "name the folder that holds the model's files"
            raise NotFoundError(self.where, "no file lies there", fix)
        if len(listed) > MOST_FILES:
            what = f"has {len(listed)} files, {MOST_FILES} are the most"
            raise BadInputError(self.where, what, "pack them")
        sizes = [size for _, size in listed]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        for path, _ in listed:
            check_path(path, self.where)
            self.tell(Progress(self.done_bytes, total, "bytes", path))
            self.files[path] = self._one(path)
        return Manifest(self.files)

    def _one(self, path: str) -> File:
        target = self.into / path if self.into else None
        digest, size = hashlib.sha256(), 0
        try:
            with self.place.open(path) as source, _target(target) as sink:
                while block := source.read(BLOCK_BYTES):
                    digest.update(block)
                    sink.write(block)
                    size += len(block)
        except _failures() as error:
            raise _unread(f"{self.where}: {path}", error) from None
        self.done_bytes += size
        return File(digest.hexdigest(), size)


class _Nowhere:
    """Takes what is only hashed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, block: bytes) -> int:
        """Drop it."""
        return len(block)


def _target(path: Path | None) -> Any:
    if path is None:
        return _Nowhere()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


def manifest_at(location: str, tell: Tell) -> Manifest:
    """All files of an artefact with their sha256; not found, unreadable or odd ones are named."""
    return Copied(place_of(location), location, tell).all()


def fetched(location: str, folder: Path, tell: Tell) -> Manifest:
    """As `manifest_at`, and the files are copied into an empty folder as they are read."""
    return Copied(place_of(location), location, tell, folder).all()


def blocks_of(location: str, path: str, sha256: str) -> Iterator[bytes]:
    """The bytes of one file of an artefact; the last block only once all are what they should be.

    TamperedError before it otherwise: who asked has a file that breaks off, never a wrong one.
    """
    place, digest, held = place_of(location), hashlib.sha256(), b""
    try:
        with place.open(path) as source:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
                if held:
                    yield held
                held = block
    except _failures() as error:
        raise _unread(f"{location}: {path}", error) from None
    if digest.hexdigest() != sha256:
        what = f"was changed: sha256 was {sha256[:12]}..., is {digest.hexdigest()[:12]}..."
        raise TamperedError(location, [Break(thing=f"file {path}", column=None, what=what)])
    yield held


def signature_at(location: str) -> str | None:
    """The text of the signature beside the files; None where there is none."""
    place = place_of(location)
    if isinstance(place, Single):
        return None
    try:
        with place.open(SIGNATURE) as file:
            raw = file.read(MOST_SIGNATURE_BYTES + 1)
    except FileNotFoundError:
        return None
    except _failures() as error:
        raise _unread(f"{location}: {SIGNATURE}", error) from None
    if len(raw) > MOST_SIGNATURE_BYTES:
        raise BadInputError(f"{location}: {SIGNATURE}", "is too long", "sign it anew")
    return raw.decode("utf-8", "replace")


def place_of(location: str) -> Place:
    """Who reads a place; BadInputError where nobody can."""
    if location.startswith(SCHEME):
        return MlflowPlace.of(location)
    scheme, sign, _ = location.partition("://")
    if not sign or scheme == "file":
        return _local(Path(location.removeprefix("file://")).expanduser(), location)
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        extra = _EXTRAS.get(scheme)
        fix = f"install it: pip install 'watermaster[{extra}]'" if extra else "name another place"
        raise BadInputError(location, f"cannot be reached ({error})", fix) from None
    return Remote(system, root.rstrip("/"))


def _local(path: Path, location: str) -> Place:
    if path.is_symlink() or not path.exists():
        what = "is a link" if path.is_symlink() else "is not there, as this machine sees it"
        raise NotFoundError(location, what, "name the folder that holds the model's files")
    return Folder(path) if path.is_dir() else Single(path)


def _is_left_out(path: str) -> bool:
    return path.partition("/")[0] in LEFT_OUT


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        told = path.encode(errors="backslashreplace").decode()
        raise BadInputError(told, "its name is no UTF-8", "rename it") from None


def _failures() -> tuple[type[Exception], ...]:
    """What a disk or a client of a store raises; of clients that nobody imported, nothing."""
    held = [(sys.modules.get(module), name) for module, name in _CLIENTS]
    return OSError, *(getattr(module, name) for module, name in held if module is not None)


def _unread(where: str, error: Exception) -> BadInputError:
    if isinstance(error, FileNotFoundError):
        return BadInputError(where, "is not there", "name the folder that holds the model's files")
    told = " ".join(str(getattr(error, "strerror", None) or error).split())[:MOST_WORDS]
    fix = _READ if isinstance(error, PermissionError) else _CHECK
    return BadInputError(where, f"cannot be read ({told})", fix)
