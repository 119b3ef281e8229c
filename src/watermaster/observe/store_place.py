"""What every kind of store can do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from watermaster.observe.store_tree import Entry, Unread

SAMPLE_BYTES: Final = 1 << 16  # from the start, and as much from the end
Miss = Callable[[str, str, str], None]  # address, kind, reason


class UnreadError(Exception):
    """A store did not tell; the reason names what to grant or to mend."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Store(Protocol):
    """One bucket, container or folder, or what lies under a prefix of it."""

    @property
    def address(self) -> str:
        """As a Dataset names it, without a / at its end."""

    @property
    def platform(self) -> str:
        """Name of the platform it is seen on."""

    @property
    def account(self) -> str | None:
        """Account it belongs to, where that is known."""

    @property
    def is_whole(self) -> bool:
        """Whether it is a bucket or container, not a part of one."""

    @property
    def resource_id(self) -> str | None:
        """The id bills name it by."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Its tags."""

    def entries(self) -> Iterator[Entry | Unread]:
        """All objects, those of one folder together; UnreadError where the listing breaks off."""

    def sample(self, key: str, size_bytes: int) -> bytes:
        """The start and the end of an object; UnreadError where it may not be read."""


def ranges(size_bytes: int) -> list[tuple[int, int]]:
    """First and last byte of each piece that is looked at; nothing of an empty object."""
    if size_bytes <= 2 * SAMPLE_BYTES:
        return [(0, size_bytes - 1)] if size_bytes else []
    return [(0, SAMPLE_BYTES - 1), (size_bytes - SAMPLE_BYTES, size_bytes - 1)]
