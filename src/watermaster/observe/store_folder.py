"""A folder of a file system: a share, a scratch disk."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from watermaster.model.resources import SourceSpec
from watermaster.observe.store_place import Store, UnreadError, ranges
from watermaster.observe.store_tree import Entry, Unread


@dataclass(frozen=True, slots=True)
class Folder:
    """Symbolic links are not followed. When a file was last read is not asked: mounts lie."""

    root: Path
    platform: str
    address: str
    account: str | None = None
    is_whole: bool = False
    resource_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def entries(self) -> Iterator[Entry | Unread]:
        """Folder by folder."""
        yield from _walk(self.root, "")

    def sample(self, key: str, size_bytes: int) -> bytes:
        """The start and the end of a file."""
        held = b""
        try:
            with (self.root / key).open("rb") as file:
                for first, last in ranges(size_bytes):
                    file.seek(first)
                    held += file.read(last - first + 1)
        except OSError as error:
            raise UnreadError(_reason(error)) from None
        return held


def folder_stores(source: SourceSpec) -> Iterator[Store]:
    """The one folder of a location; UnreadError where there is none."""
    root = Path(source.location.removeprefix("file://")).expanduser().absolute()
    if not root.is_dir():
        raise UnreadError("is no folder: mend the location of the source")
    yield Folder(root, source.platform or "folder", str(root), source.account)


def _walk(folder: Path, key: str) -> Iterator[Entry | Unread]:
    try:
        with os.scandir(folder) as held:
            found = sorted(held, key=lambda one: one.name)
    except OSError as error:
        yield Unread(key, _reason(error))
        return
    for one in found:
        if not one.name.isprintable() and not _is_text(one.name):
            yield Unread(f"{key}{_readable(one.name)}", "its name is no UTF-8: rename it")
            continue
        try:
            if one.is_dir(follow_symlinks=False):
                yield from _walk(Path(one.path), f"{key}{one.name}/")
            elif one.is_file(follow_symlinks=False):
                told = one.stat(follow_symlinks=False)
                written = datetime.fromtimestamp(told.st_mtime, UTC)
                yield Entry(f"{key}{one.name}", told.st_size, written)
        except FileNotFoundError:
            continue  # deleted since it was listed
        except OSError as error:
            yield Unread(f"{key}{one.name}", _reason(error))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _readable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()


def _reason(error: OSError) -> str:
    fix = "let our user read it" if isinstance(error, PermissionError) else "try again"
    return f"{error.strerror or error}: {fix}"
