"""Whether artefacts are what was registered: manifests and signatures against the audit log."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from watermaster.ledger.registry_records import ARTEFACTS, MODEL_VERSIONS
from watermaster.ledger.sealed import Cells, cells_of, detail_of, mend, readable, seal_of
from watermaster.model.integrity import Break


@dataclass(slots=True)
class Logged:
    """What the audit log says of one artefact."""

    at: str
    manifest: str  # seals
    signature: str | None = None
    signer: str | None = None


class Registered:
    """What the audit log says of artefacts, by their digest, and of versions."""

    def __init__(self) -> None:
        self.logged: dict[str, Logged] = {}
        self.versions: set[tuple[str, Any]] = set()

    def note(self, rows: Iterable[Cells]) -> Iterator[Cells]:
        """The same rows of the log; what they say of artefacts is kept."""
        for row in rows:
            if row["action"] == "artefact" and (told := detail_of(row["detail"])):
                self._note(str(row["at"]), told)
            yield row

    def _note(self, at: str, told: Mapping[str, Any]) -> None:
        digest = str(told.get("digest"))
        self.versions.add((digest, told.get("version")))
        held = self.logged.setdefault(digest, Logged(at, str(told.get("manifest"))))
        signer = told.get("signer")
        if told.get("signature") and not (held.signer and signer is None):
            held.signature, held.signer = told["signature"], signer

    def breaks(self, connection: sa.Connection) -> Iterator[Break]:
        """What was changed in artefacts, slipped in, removed, or bound to another version."""
        seen = set()
        for row in cells_of(connection, ARTEFACTS, [ARTEFACTS.c.digest]):
            seen.add(row["digest"])
            for column, what in self._wrong(row):
                yield Break(thing=f"artefact {readable(row['digest'])}", column=column, what=what)
        for digest in sorted(self.logged.keys() - seen):
            what = "is not there: removed, or its digest was changed"
            yield Break(thing=f"artefact {digest}", column=None, what=what)
        yield from self._bound(connection)

    def _wrong(self, row: Cells) -> Iterator[tuple[str | None, str]]:
        logged = self.logged.get(row["digest"])
        if logged is None:
            yield None, "was slipped in: no row of the audit log tells of it"
            return
        for column in ("manifest", "signature"):
            yield from _sealed(column, row[column], getattr(logged, column))
        for column in ("at", "signer"):
            was = getattr(logged, column)
            if row[column] != was:
                yield column, f"{column} was {was!r}, is {row[column]!r}"

    def _bound(self, connection: sa.Connection) -> Iterator[Break]:
        of = MODEL_VERSIONS.c
        query = sa.select(of.model, of.version, of.digest).where(of.digest.is_not(None))
        for model, version, digest in connection.execute(query):
            if digest in self.logged and (digest, version) not in self.versions:
                what = f"has {digest}, which was never registered as its artefact"
                yield Break(thing=f"version {model}/{version}", column="digest", what=what)


def _sealed(column: str, text: object, seal: str | None) -> Iterator[tuple[str | None, str]]:
    if text is None and seal is None:
        return
    if text is None or seal is None:
        yield column, "was removed" if text is None else "was slipped in"
    elif seal_of([text]) != seal:
        mended = mend({column: text}, seal, {})
        yield column, mended.what if mended else f"{column} is not what was registered"
