"""Parts of a source that were not seen, or not whole: told once each, never taken as nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Tell
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, rejection, seen_rows

One = TypeVar("One")


@dataclass
class Gaps:
    """Kinds with why they were not seen whole, and rows that could not be used."""

    where: str
    tell: Tell
    lost: dict[str, str] = field(default_factory=dict)
    faults: list[Row] = field(default_factory=list)

    def lose(self, kind: str, why: str) -> None:
        """A kind that was not seen whole."""
        if kind not in self.lost:
            self.tell(Notice(f"{self.where}: {kind} was not seen whole: {why}"))
        self.lost.setdefault(kind, why)

    def over(self, kind: str, ones: Iterable[One]) -> Iterator[One]:
        """What comes before the source fails; the failure is a gap of the kind."""
        try:
            yield from ones
        except BadInputError as error:
            self.lose(kind, " ".join(str(error).split()))

    def reject(self, column: str, value: object, reason: str) -> None:
        """One thing that cannot be used; they are counted from 1."""
        number = len(self.faults) + 1
        self.faults.append(rejection(("", self.where), number, column, value, reason))

    def seen(self) -> Iterator[Seen]:
        """All of it as `rejected`; row 0 says that it is no row but a part."""
        rows = [rejection(("", self.where), 0, *one) for one in self._reasons()]
        yield from seen_rows("rejected", [*rows, *self.faults])

    def _reasons(self) -> Iterator[tuple[str, None, str]]:
        return ((kind, None, why) for kind, why in sorted(self.lost.items()))
