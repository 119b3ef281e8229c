"""What was changed in the audit log, row by row, and what it was before."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.audit import GENESIS, SEALED, seal
from watermaster.ledger.records import AUDIT
from watermaster.ledger.sealed import Cells, cells_of, mend
from watermaster.model.integrity import Break

MOST_NAMED: Final = 20  # rows of which is told what was changed; of the others only that


def audit_cells(connection: sa.Connection) -> Iterator[Cells]:
    """Every row as it lies on disk, oldest first."""
    return cells_of(connection, AUDIT, [AUDIT.c.seq])


def broken_links(connection: sa.Connection) -> list[int]:
    """The `seq` of every row that does not follow from the one before; empty is whole."""
    return list(_broken(audit_cells(connection)))


def breaks_of(rows: Iterable[Cells]) -> Iterator[Break]:
    """What was changed in the chain: one for each row that is not what was sealed.

    rows: in their order. Each is told by its number, with the cell and what it held where one
    byte was changed, or where another row shows what it was.
    """
    chain = _Chain()
    for row in rows:
        yield from chain.next(row)
    yield from chain.end()


def _broken(rows: Iterable[Cells]) -> Iterator[Any]:
    previous, expected = GENESIS, 1
    for row in rows:
        sealed = seal(row["previous"], row)
        if row["seq"] != expected or row["previous"] != previous or row["hash"] != sealed:
            yield row["seq"]
        previous, expected = row["hash"], _after(row["seq"])


def _after(seq: object) -> int:
    return seq + 1 if isinstance(seq, int) else 0


class _Chain:
    """Walks the chain, one row behind: what a row was shows in the row after it."""

    def __init__(self) -> None:
        self.held: deque[Cells] = deque(maxlen=2)  # the last two rows
        self.known: dict[str, set[object]] = {"actor": set(), "action": set()}
        self.missing: list[int] = []
        self.strangers: list[Cells] = []  # with a number that was given before
        self.expected = 1
        self.previous = GENESIS  # the hash of the row before the one that is judged, as sealed
        self.named = 0

    def next(self, row: Cells) -> Iterator[Break]:
        """One more row; what is wrong with the one before it."""
        self.held.append(row)
        if len(self.held) == 2:
            yield from self._judge(self.held[0], row)

    def end(self) -> Iterator[Break]:
        """No more rows: what is wrong with the last one, and which are not there."""
        if self.held:
            yield from self._judge(self.held[-1], None)
        for row in self.strangers:
            moved = self._moved(row, self.previous)
            what = moved or "was slipped in: its number was given before"
            yield Break(thing=f"audit {row['seq']}", column="seq" if moved else None, what=what)
        for seq in self.missing[:MOST_NAMED]:
            yield Break(thing=f"audit {seq}", column=None, what="was removed")
        if len(self.missing) > MOST_NAMED:
            rest = len(self.missing) - MOST_NAMED
            what = f"were removed, up to {self.missing[-1]}"
            yield Break(thing=f"audit, {rest} rows more", column=None, what=what)

    def _judge(self, row: Cells, after: Cells | None) -> Iterator[Break]:
        found = self._found(row, after)
        if found is None:
            for name, values in self.known.items():
                values.add(row[name])
        else:
            self.named += 1
            column, what = found
            yield Break(thing=f"audit {row['seq']}", column=column, what=what)

    def _found(self, row: Cells, after: Cells | None) -> tuple[str | None, str] | None:
        """Column and words of what is wrong with a row; None: nothing."""
        before, self.previous = self.previous, row["hash"]
        seq = row["seq"]
        if not isinstance(seq, int):
            return "seq", f"its number is {seq!r}"
        if seq != self.expected and (moved := self._moved(row, before)):
            return "seq", moved
        if seq < self.expected:
            self.previous = before
            self.strangers.append(row)
            return None
        gap = seq > self.expected
        self.missing += range(self.expected, min(seq, self.expected + 10_000))
        self.expected = seq + 1
        return _content(row, before, after, self) if not gap else self._after_gap(row)

    def _after_gap(self, row: Cells) -> tuple[str | None, str] | None:
        """What stands before a gap is not known: only whether the row itself is as sealed."""
        if seal(row["previous"], row) == row["hash"]:
            return None
        return None, "does not follow: rows before it were removed, or itself was changed"

    def _moved(self, row: Cells, before: str) -> str | None:
        """Whether a row has another's number; then which was its own."""
        for seq in [self.expected, *self.missing[:MOST_NAMED]]:
            if seal(row["previous"], row | {"seq": seq}) == row["hash"]:
                self.previous = row["hash"] if seq == self.expected else before
                if seq in self.missing:
                    self.missing.remove(seq)
                else:
                    self.expected = seq + 1
                return f"seq was {seq}, is {row['seq']}"
        return None


def _content(
    row: Cells, before: str, after: Cells | None, chain: _Chain
) -> tuple[str | None, str] | None:
    sealed = seal(row["previous"], row)
    if sealed == row["hash"]:
        if row["previous"] == before:
            return None
        return None, "was sealed after another row than the one before it"
    if seal(before, row) == row["hash"]:
        return "previous", f"previous was {before!r}, is {row['previous']!r}"
    if after is not None and after["previous"] == sealed and row["previous"] == before:
        chain.previous = sealed
        return "hash", f"hash was {sealed!r}, is {row['hash']!r}"
    found = None
    if chain.named < MOST_NAMED:
        fields = {"previous": before, "seq": str(row["seq"])}
        fields |= {name: str(row[name]) for name in SEALED}
        found = mend(fields, row["hash"], chain.known)
    if found is not None:
        return found.column, found.what
    if after is None and _apart(sealed, row["hash"]) <= 2:
        return "hash", f"hash was {sealed!r}, is {row['hash']!r}"
    return None, "its content is not what was sealed (at, actor, action or detail)"


def _apart(one: str, other: str) -> int:
    if len(one) != len(other):
        return max(len(one), len(other))
    return sum(a != b for a, b in zip(one, other, strict=True))
