"""What disks, files and engines say when they fail, as one sentence a person can act on."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from watermaster.model.errors import BadInputError, StorageError, WatermasterError

NOTHING_LOST: Final = "what was held before is unchanged"
# sign in what the system or an engine says -> what it means, what to do
SIGNS: Final = (
    (("no space left", "disk is full", "disk quota"),
     "the disk is full", f"make room and run the command again; {NOTHING_LOST}"),
    (("read-only file system", "readonly database", "read-only"),
     "it can only be read", "name a --home that can be written, or mount it writable"),
    (("permission denied", "unable to open database file", "not permitted"),
     "this user may not write there", "give the folder to this user, or name another --home"),
    (("no such file", "no files found", "cannot open file"),
     "a file of the ledger is missing", "run wm doctor, which names it"),
    (("disk i/o error", "input/output error", "malformed", "not a database"),
     "the disk or the file is damaged", "run wm doctor; restore from a backup what it names"),
    (("out of memory", "failed to allocate", "could not allocate"),
     "the engine needs more memory", "raise memory_gib in config.yaml, or free some"),
    (("file exists", "not a directory"),
     "a file stands where a folder should", "move it away, or name another --home"),
)  # fmt: skip
NUMBERS: Final = {errno.ENOSPC: 0, errno.EDQUOT: 0, errno.EROFS: 1, errno.EACCES: 2,
                  errno.EPERM: 2, errno.ENOENT: 3, errno.EIO: 4,
                  errno.EEXIST: 6, errno.ENOTDIR: 6}  # fmt: skip
FAILURES: Final[tuple[type[Exception], ...]] = (OSError, sa.exc.DBAPIError, MemoryError)


@contextmanager
def told(where: Path, *engines: type[Exception]) -> Iterator[None]:
    """Raise what storage (and an engine's errors) say in the block as one that names `where`."""
    failures = FAILURES + engines
    try:
        yield
    except failures as error:
        known = trouble(error, where)
        if known is None:
            raise
        raise known from error


def trouble(error: BaseException, where: Path) -> WatermasterError | None:
    """What a failure of storage or of an engine means; None where it is not known."""
    said = str(error).lower()
    if "csv error" in said:
        first = str(error).splitlines()[0]
        return BadInputError("delivery", first, "deliver sound CSV in UTF-8")
    number = NUMBERS.get(error.errno or 0) if isinstance(error, OSError) else None
    if number is None and "unable to open database" in said and _is_read_only(where):
        number = 1
    signs = SIGNS if number is None else (SIGNS[number],)
    for texts, what, fix in signs:
        if number is not None or any(text in said for text in texts):
            return StorageError(_place(error, where), f"{what} ({_first(error)})", fix)
    if isinstance(error, MemoryError):
        return StorageError(str(where), SIGNS[5][1], SIGNS[5][2])
    return None


def _is_read_only(where: Path) -> bool:
    return where.exists() and bool(os.statvfs(where).f_flag & os.ST_RDONLY)


def _place(error: BaseException, where: Path) -> str:
    named = getattr(error, "filename", None)
    return str(named or where)


def _first(error: BaseException) -> str:
    inner = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return str(inner).strip().splitlines()[0] if str(inner).strip() else type(inner).__name__
