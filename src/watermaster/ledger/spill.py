"""Where a process keeps what does not fit in memory, or comes from far: a folder of its own."""

import atexit
import os
import secrets
import shutil
from pathlib import Path


def own_folder(home: Path) -> Path:
    """A new folder name of this process under the home; what is there goes when it ends."""
    folder = home / "spill" / f"{os.getpid()}-{secrets.token_hex(4)}"
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def leftovers(home: Path) -> list[Path]:
    """Folders of processes that were killed before they could remove them."""
    spill = home / "spill"
    found = spill.iterdir() if spill.is_dir() else ()
    return sorted(path for path in found if not _is_alive(path.name.partition("-")[0]))


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
