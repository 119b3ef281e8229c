"""Whether evidence is what was given: each row against its seal, all against the audit log."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.registry_records import EVIDENCE
from watermaster.ledger.sealed import Cells, cells_of, detail_of, mend, readable, seal_of
from watermaster.model.integrity import Break

SEALED: Final = (
    "number", "id", "at", "subject", "kind", "model", "version", "digest", "told",
)  # fmt: skip
_NUMBERS: Final = 1_000  # that are tried in place of a changed one


def evidence_cells(connection: sa.Connection) -> Iterator[Cells]:
    """Every piece as it lies on disk, in the order it was given."""
    return cells_of(connection, EVIDENCE, [EVIDENCE.c.number])


class Given:
    """What the audit log says of evidence: the seal of each piece, by its id."""

    def __init__(self) -> None:
        self.seals: dict[str, str] = {}

    def note(self, rows: Iterable[Cells]) -> Iterator[Cells]:
        """The same rows of the log; what they say of evidence is kept."""
        for row in rows:
            if row["action"] == "evidence" and (told := detail_of(row["detail"])):
                self.seals[str(told.get("evidence"))] = str(told.get("seal"))
            yield row

    def breaks(self, held: Iterable[Mapping[str, Any]]) -> Iterator[Break]:
        """What was changed in evidence, slipped in or removed."""
        seen = set()
        for row in held:
            seen.add(row["id"])
            if found := self._wrong(row, seen):
                yield Break(thing=f"evidence {readable(row['id'])}", column=found[0], what=found[1])
        for lost in self.seals.keys() - seen:
            what = "is not there: removed, or its id was changed"
            yield Break(thing=f"evidence {lost}", column=None, what=what)

    def _wrong(self, row: Mapping[str, Any], seen: set[Any]) -> tuple[str | None, str] | None:
        fields = {name: row[name] for name in SEALED}
        sealed, given = seal_of(list(fields.values())), self.seals.get(str(row["id"]))
        if sealed == row["seal"] == given:
            return None
        if sealed == given:
            return "seal", f"seal was {given!r}, is {row['seal']!r}"
        others: dict[str, Iterable[object]] = {
            "number": range(1, len(self.seals) + 1)[-_NUMBERS:], "version": range(_NUMBERS),
        }  # fmt: skip
        if given is None:
            others |= {"id": self.seals.keys() - seen}
        if mended := mend(fields, given or str(row["seal"]), others):
            return mended.column, mended.what
        if given is None:
            return None, "was slipped in: no row of the audit log tells of it"
        if sealed == row["seal"]:
            return None, f"was given with the seal {given} as the audit log says, is {sealed}"
        return None, "its content is not what was given (subject, kind, model, version or told)"
