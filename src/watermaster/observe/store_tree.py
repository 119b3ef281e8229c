"""Folders of a listing summed as they pass by, so that millions of objects take no memory.

Every store lists what lies in one folder in one go, so a folder is whole once the listing has
left it. Only the folders on the way to the object at hand are held.
"""

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from watermaster.observe.store_checkpoints import OF_A_STEP, is_step, is_weights

LEVELS: Final = 12  # deeper folders count in the one above
SAMPLES: Final = 8  # objects of a folder whose content is looked at
MOST_FORMATS: Final = 50
_MODULUS: Final = 1 << 256


class Entry(NamedTuple):
    """One object of a listing. key: relative to the location, with / between its parts."""

    key: str
    bytes: int
    written: datetime | None
    mark: str | None = None  # the store's own digest of its content
    read: datetime | None = None  # last read, where the store keeps it


class Unread(NamedTuple):
    """A part that was not listed: nothing above it is whole."""

    key: str
    reason: str


@dataclass(slots=True)
class Branch:
    """A folder with all that lies under it."""

    path: tuple[str, ...]
    in_step: bool  # an outer folder is one step of a training
    is_step: bool = False
    whole: bool = True
    objects: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    read: datetime | None = None
    total: int = 0  # of the hashes of names, sizes and marks; their order does not matter
    marked: bool = True  # every object has a mark
    has_weights: bool = False  # here, or in a folder that is no checkpoint itself
    formats: dict[str, int] | None = None
    chosen: list[tuple[int, str, int]] | None = None  # of the sample: -hash, name, bytes

    @property
    def is_checkpoint(self) -> bool:
        """One state of one model, with what belongs to it."""
        return self.has_weights and not self.in_step

    def add(self, entry: Entry, parts: list[str]) -> None:
        """One more object; parts: of its key."""
        level = len(self.path)
        self.objects += 1
        self.bytes += entry.bytes
        if entry.written:
            self.oldest = min(self.oldest or entry.written, entry.written)
            self.newest = max(self.newest or entry.written, entry.written)
        if entry.read:
            self.read = max(self.read or entry.read, entry.read)
        name = "/".join(parts[level:])
        told = hashlib.sha256(f"{name}\0{entry.bytes}\0{entry.mark or ''}".encode()).digest()
        self.total = (self.total + int.from_bytes(told)) % _MODULUS
        self.marked = self.marked and entry.mark is not None
        self._choose(int.from_bytes(told[:8]), name, entry.bytes)
        if self.is_step or len(parts) == level + 1:
            last = parts[-1]
            of_step = (self.is_step or self.in_step) and OF_A_STEP.search(last) is not None
            self.has_weights = self.has_weights or of_step or is_weights(last)
        self._count(parts[-1])

    def _choose(self, weight: int, name: str, size_bytes: int) -> None:
        """The objects with the least hashes: the same ones of equal folders."""
        held = self.chosen = self.chosen if self.chosen is not None else []
        if len(held) < SAMPLES:
            heapq.heappush(held, (-weight, name, size_bytes))
        elif -weight > held[0][0]:
            heapq.heapreplace(held, (-weight, name, size_bytes))

    def _count(self, name: str) -> None:
        held = self.formats = self.formats if self.formats is not None else {}
        stem, dot, ending = name.rpartition(".")
        word = ending.lower() if dot and stem and len(ending) <= 12 else "none"
        if word in held or len(held) < MOST_FORMATS:
            held[word] = held.get(word, 0) + 1


def branches(found: Iterable[Entry | Unread]) -> Iterator[Branch]:
    """Each folder as the listing leaves it, the location itself last."""
    held = [Branch((), in_step=False)]
    for entry in found:
        parts = entry.key.split("/")
        folders = parts[:-1][:LEVELS]
        same = _shared(held, folders)
        while len(held) - 1 > same:
            yield held.pop()
        for name in folders[same:]:
            above = held[-1]
            held.append(Branch((*above.path, name), above.in_step or above.is_step, is_step(name)))
        for branch in held:
            if isinstance(entry, Unread):
                branch.whole = False
            elif parts[-1]:  # no mere marker of a folder
                branch.add(entry, parts)
    yield from reversed(held)


def _shared(held: list[Branch], folders: list[str]) -> int:
    count = 0
    for branch, name in zip(held[1:], folders, strict=False):
        if branch.path[-1] != name:
            break
        count += 1
    return count


def digest(branch: Branch, how: str, samples: Iterable[bytes] = ()) -> str | None:
    """What equal folders have in common: names, sizes, and marks or samples of the content."""
    if not branch.bytes or not branch.whole:
        return None
    told = f"folder/1 {how} {branch.objects} {branch.bytes} {branch.total:064x}"
    made = hashlib.sha256(told.encode())
    for sample in samples:
        made.update(hashlib.sha256(sample).digest())
    return f"sha256:{made.hexdigest()}"
