"""The files at a source's location, wherever fsspec can reach, and their text."""

import csv
import datetime as dt
import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, Final, cast

import fsspec

from watermaster.model.errors import BadInputError

LINE_LENGTH: Final = 1 << 20  # characters; a longer line is no record but a fault
_SEPARATORS: Final = ",;\t|"


@dataclass(frozen=True, slots=True)
class Found:
    """One delivered file, not opened yet."""

    name: str  # relative to the location
    path: str
    system: Any  # an fsspec file system
    size_bytes: int

    def open(self) -> IO[bytes]:
        """The bytes as delivered, unpacked where the name ends in .gz."""
        raw: IO[bytes] = self.system.open(self.path, "rb")
        return cast("IO[bytes]", gzip.open(raw)) if self.path.endswith(".gz") else raw

    def modified_s(self) -> int:
        """When it was written, epoch seconds; nothing in it is newer."""
        moment: dt.datetime = self.system.modified(self.path)
        return int(moment.timestamp())

    def told(self) -> tuple[str, str]:
        """Delivery (first 16 hex digits of the sha256 of the bytes as delivered) and name."""
        digest = hashlib.sha256()
        with self.system.open(self.path, "rb") as raw:
            while block := raw.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:16], self.name


def found_files(location: str) -> list[Found]:
    """A file, all files of a folder, or those of a pattern, by name; hidden ones left out."""
    system, path = fsspec.core.url_to_fs(location)
    # a file may bear the marks of a pattern in its own name
    if any(mark in path for mark in "*?[") and not system.exists(path):
        root, paths = path.split("*")[0].rsplit("/", 1)[0], system.glob(path)
    elif system.isdir(path):
        root, paths = path, system.find(path)
    else:
        root, paths = path.rsplit("/", 1)[0], [path] if system.exists(path) else []
    kept = sorted(one for one in paths if not PurePosixPath(one).name.startswith((".", "_")))
    if not kept:
        raise BadInputError(location, "no file there", "mend the location of the source")
    return [Found(one[len(root) :].lstrip("/"), one, system, system.size(one)) for one in kept]


def lines_of(file: Found, longest: int = LINE_LENGTH) -> Iterator[str]:
    """The lines of a text file; one that is longer comes empty.

    What cannot be read is told with its place.
    """
    number = 0
    try:
        with file.open() as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            while line := text.readline(longest):
                number += 1
                if len(line) >= longest:
                    _skip_rest(text, line)
                    line = "\n"
                yield line
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 after line {number} ({error.reason})"
        raise BadInputError(file.name, what, "save it as UTF-8") from None
    except (EOFError, gzip.BadGzipFile) as error:
        what = f"ends too early or is damaged after line {number} ({error})"
        raise BadInputError(file.name, what, "deliver the file again") from None


def _skip_rest(text: IO[str], line: str) -> None:
    while line and not line.endswith("\n"):
        line = text.readline(LINE_LENGTH)


def first_line(file: Found) -> str:
    """The first line that is not blank, or nothing."""
    lines = lines_of(file)
    return next((line.strip() for line in lines if line.strip()), "")


def records_of(lines: Iterable[str], separators: str = _SEPARATORS) -> Iterator[list[str]]:
    """Cells of every line, the header first; the separator is the one that cuts it most often."""
    lines = iter(lines)
    header = next(lines, "")
    separator = max(separators, key=header.count)
    yield next(csv.reader([header], delimiter=separator), [])
    yield from csv.reader(lines, delimiter=separator)
