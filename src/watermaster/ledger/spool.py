"""Received requests on disk before they are acknowledged, and gone once they are old.

A source's folder holds a folder per UTC day of receipt; each process writes files of its own in it,
so that several servers need no lock. `trimmed` names the last day that was removed: of days up to
it not everything is there any more.
"""

import datetime as dt
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROLL_BYTES: Final = 64 << 20
KEPT_DAYS: Final = 8
TRIMMED: Final = "trimmed"
ENDING: Final = ".frames"


def spool_folder(home: Path, source: str) -> Path:
    """Where requests of a source lie."""
    return home / "received" / source


class Spool:
    """One process's end of a source's spool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._day = ""
        self._file: int | None = None
        self._size = 0

    def append(self, frames: Sequence[bytes], now: dt.datetime) -> None:
        """Put frames on disk, all of them or none; OSError where that cannot be done."""
        if self._file is None or self._day != f"{now:%Y-%m-%d}" or self._size > ROLL_BYTES:
            self._file = self._rolled(now)
        held, file = b"".join(frames), self._file
        try:
            written = 0
            while written < len(held):
                written += os.write(file, held[written:])
            os.fsync(file)
        except OSError:
            self._file = None  # frames after a half one could not be read: a new file is begun
            os.ftruncate(file, self._size)
            os.close(file)
            raise
        self._size += len(held)

    def _rolled(self, now: dt.datetime) -> int:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._day, self._size = f"{now:%Y-%m-%d}", 0
        folder = self.folder / self._day
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{now:%H%M%S}-{os.getpid()}-{secrets.token_hex(4)}{ENDING}"
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        for place in (folder, self.folder):
            _sync_folder(place)
        return opened


def trim(folder: Path, now: dt.datetime, pulled: dt.datetime | None) -> None:
    """Remove days that are older than is kept, and that a pull has read."""
    if pulled is None:
        return
    first = f"{min(pulled, now - dt.timedelta(days=KEPT_DAYS)):%Y-%m-%d}"
    old = sorted(day for day in folder.glob("????-??-??") if day.name < first)
    if old:
        (folder / TRIMMED).write_text(old[-1].name, encoding="ascii")
        for day in old:
            shutil.rmtree(day)


def _sync_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
