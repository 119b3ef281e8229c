"""What lies under a prefix of a store, as one figure that two places can be compared by."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple


class Object(NamedTuple):
    """One object, named from its prefix on; its mark is an ETag or a digest of its content."""

    name: str
    size_bytes: int
    mark: str


class Listing(NamedTuple):
    """Objects, bytes, and a digest over names, sizes and marks."""

    objects: int
    bytes: int
    digest: str | None  # None of nothing


def listing(found: Iterable[Object]) -> Listing:
    """Counted in one pass, in flat memory; ordered by name."""
    total, size_bytes, all_of_it = 0, 0, hashlib.sha256()
    for one in found:
        total, size_bytes = total + 1, size_bytes + one.size_bytes
        all_of_it.update(f"{one.name}\0{one.size_bytes}\0{one.mark}\n".encode())
    return Listing(total, size_bytes, all_of_it.hexdigest()[:16] if total else None)
