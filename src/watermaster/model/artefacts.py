"""Artefacts: the files of a model by name and sha256, and the digest over all of them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from watermaster.model.errors import BadInputError, RefusedError
from watermaster.model.integrity import Break

SIGNATURE: Final = "model.sig"  # beside the files it signs
LEFT_OUT: Final = (
    ".git", ".gitattributes", ".github", ".gitignore", SIGNATURE,
    "registered_model_meta",  # what MLflow's client adds to what it downloads
)  # fmt: skip
MOST_FILES: Final = 100_000
MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class File:
    """One file of an artefact."""

    sha256: str
    bytes: int | None = None  # None: only its digest was told


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of an artefact by path, with / between its parts."""

    files: Mapping[str, File]

    @property
    def lines(self) -> str:
        """As `sha256sum` prints them, in the order of the bytes of their names."""
        return "".join(_line(path, one.sha256) for path, one in self._sorted())

    @property
    def digest(self) -> str:
        """The sha256 of `lines`, by which gates and the cluster's door name the artefact."""
        return f"sha256:{hashlib.sha256(self.lines.encode()).hexdigest()}"

    @property
    def bytes(self) -> int | None:
        """Of all files; None where that of one is not known."""
        sizes = [one.bytes for one in self.files.values()]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def as_json(self) -> str:
        """How it is kept."""
        held = {path: {"sha256": one.sha256, "bytes": one.bytes} for path, one in self._sorted()}
        return json.dumps(held, separators=(",", ":"))

    def without(self, ignored: Iterable[str]) -> "Manifest":
        """Without paths and what lies under them."""
        left = tuple(path.strip("/") for path in ignored if path.strip("/"))
        if not left:
            return self
        under = tuple(f"{path}/" for path in left)
        return Manifest({
            path: one for path, one in self.files.items()
            if path not in left and not path.startswith(under)
        })  # fmt: skip

    def _sorted(self) -> list[tuple[str, File]]:
        return sorted(self.files.items(), key=lambda one: one[0].encode())


class TamperedError(RefusedError):
    """Files are not what was signed or registered; each is named."""

    exit_code = 2
    http_status = 409

    def __init__(self, where: str, breaks: list[Break]) -> None:
        told = "; ".join(one.sentence for one in breaks[:MOST_TOLD])
        more = f"; and {len(breaks) - MOST_TOLD} more" if len(breaks) > MOST_TOLD else ""
        super().__init__(where, f"{told}{more}", "restore it, or register what it is now anew")
        self.breaks = breaks


def read_manifest(told: object, where: str) -> Manifest:
    """A manifest from its JSON; BadInputError where it is none."""
    fix = 'write {"PATH": {"sha256": "64 hex digits", "bytes": 123}, ...}'
    if not isinstance(told, dict) or not told:
        raise BadInputError(where, "is no manifest, or one without files", fix)
    if len(told) > MOST_FILES:
        raise BadInputError(where, f"has {len(told)} files, {MOST_FILES} are the most", "pack them")
    return Manifest({path: _file(path, one, where) for path, one in told.items()})


def _file(path: str, told: Any, where: str) -> File:
    check_path(path, where)
    held = told if isinstance(told, dict) else {}
    digest, size = held.get("sha256"), held.get("bytes")
    if not is_sha256(digest):
        raise BadInputError(where, f"{path[:200]}: has no sha256", "write 64 hex digits")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise BadInputError(where, f"{path[:200]}: bytes is no size", "write a whole number")
    return File(str(digest), size)


def check_path(path: str, where: str) -> None:
    """BadInputError where a path leads out of its folder."""
    parts = path.split("/")
    if not path or "\0" in path or "\\" in parts or any(one in {"", ".", ".."} for one in parts):
        what = f"{path[:200]!r} is no path below its folder"
        raise BadInputError(where, what, "write a/b/c")


def is_sha256(told: object) -> bool:
    """64 small hex digits."""
    return isinstance(told, str) and len(told) == 64 and set(told) <= set("0123456789abcdef")


def changed(expected: Manifest, found: Manifest) -> list[Break]:
    """Each file that is not as expected, is missing or was added, by its name."""
    every = sorted({*expected.files, *found.files}, key=lambda path: path.encode())
    told = ((path, _became(expected.files.get(path), found.files.get(path))) for path in every)
    return [Break(thing=f"file {path}", column=None, what=what) for path, what in told if what]


def _became(was: File | None, found: File | None) -> str | None:
    if was is None:
        return "was added"
    if found is None:
        return "is missing"
    if was.sha256 == found.sha256:
        return None
    sizes = (
        "" if None in {was.bytes, found.bytes} else f", {was.bytes} bytes before, {found.bytes} now"
    )
    return f"was changed: sha256 was {was.sha256[:12]}..., is {found.sha256[:12]}...{sizes}"


def _line(path: str, sha256: str) -> str:
    """One line of `sha256sum`: a name with a line break in it is escaped, and the line marked."""
    escaped = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == path else chr(92)}{sha256}  {escaped}\n"
