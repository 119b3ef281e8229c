"""The audit log as a file that proves itself: rows, evidence, and a last line that seals them.

Each line is a JSON object with one key: `audit` (a row as it lies in the ledger), `evidence` (a
piece of it), and at the end `proof`, signed where a key was given. No ledger is needed to verify.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from watermaster.ledger.audit import GENESIS
from watermaster.ledger.audit_breaks import audit_cells, breaks_of
from watermaster.ledger.dsse import PrivateKey, PublicKey, opened, sign
from watermaster.ledger.evidence_sealed import SEALED, Given, evidence_cells
from watermaster.ledger.sealed import Cells
from watermaster.model.errors import BadInputError
from watermaster.model.integrity import Break, Proof

KIND: Final = "application/vnd.watermaster.audit-proof+json"
MOST_ODD: Final = 20  # lines told one by one
_FIX: Final = "name a file that wm audit export --file wrote"


@dataclass(slots=True)
class Read:
    """What a file holds, and what is wrong with it."""

    proof: Proof | None = None
    signer: str | None = None  # name of the key that signed the proof
    rows: int = 0
    evidence: int = 0
    last_hash: str = GENESIS
    breaks: list[Break] = field(default_factory=list)


def write_file(
    connection: sa.Connection, path: Path, told: dict[str, str], key: PrivateKey | None
) -> Proof:
    """Write the whole log; told: `at` and `organisation` of the proof."""
    digest, rows, evidence, last = hashlib.sha256(), 0, 0, GENESIS
    with path.open("wb") as file:
        for row in audit_cells(connection):
            rows, last = rows + 1, row["hash"]
            _put(file, digest, {"audit": row})
        for row in evidence_cells(connection):
            evidence += 1
            _put(file, digest, {"evidence": row})
        proof = Proof(
            rows=rows, first=1, last_hash=last, evidence=evidence, sha256=digest.hexdigest(), **told
        )
        text = json.dumps(asdict(proof), sort_keys=True, separators=(",", ":"))
        signed = sign(KIND, text.encode(), key) if key else None
        _put(file, digest, {"proof": asdict(proof), "signature": signed})
    return proof


def _put(file: Any, digest: Any, line: dict[str, Any]) -> None:
    raw = json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    digest.update(raw)
    file.write(raw)


def read_file(path: Path, key: PublicKey | None) -> Read:
    """Verify a file: the chain, the evidence, and that it is all that was exported."""
    lines = _Lines(path)
    given, read = Given(), Read()
    read.breaks += breaks_of(given.note(_counted(lines.of("audit"), read)))
    read.breaks += given.breaks(lines.of("evidence"))
    lines.drain()
    read.evidence = lines.counts.get("evidence", 0)
    read.breaks += lines.breaks
    if lines.last is None:
        what = "has no proof as its last line: it was cut off"
        read.breaks.append(Break(thing="proof", column=None, what=what))
    else:
        read.breaks += _proved(lines, read, key)
    return read


def differences(connection: sa.Connection, path: Path) -> Iterator[Break]:
    """What is in a file and not, or otherwise, in the ledger; the ledger may have more."""
    lines = _Lines(path)
    yield from _compared("audit", "seq", lines.of("audit"), audit_cells(connection))
    yield from _compared("evidence", "id", lines.of("evidence"), evidence_cells(connection))


def _compared(
    kind: str, key: str, exported: Iterator[Cells], held: Iterator[Cells]
) -> Iterator[Break]:
    """Row by row, both in their order."""
    waiting: dict[Any, Cells] = {}
    for row in exported:
        while row[key] not in waiting and (one := next(held, None)) is not None:
            waiting[one[key]] = one
        found = waiting.pop(row[key], None)
        if found is None:
            what = "was exported and is there no more"
            yield Break(thing=f"{kind} {row[key]}", column=None, what=what)
            continue
        for name in row:
            if found.get(name) != row[name]:
                what = f"{name} was {row[name]!r} when it was exported, is {found.get(name)!r}"
                yield Break(thing=f"{kind} {row[key]}", column=name, what=what)


def _counted(rows: Iterator[Cells], read: Read) -> Iterator[Cells]:
    for row in rows:
        read.rows, read.last_hash = read.rows + 1, row["hash"]
        yield row


class _Lines:
    """The lines of a file, kind after kind; what is none is told by its number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.breaks: list[Break] = []
        self.counts: dict[str, int] = {}
        self.odd = 0  # lines that are none
        self.digest = hashlib.sha256()
        self.last: dict[str, Any] | None = None
        self._all = self._read()
        self._held: tuple[str, Any] | None = None

    def of(self, kind: str) -> Iterator[Cells]:
        """The rows of one kind, as long as they follow each other."""
        while (one := self._held or next(self._all, None)) is not None:
            self._held = None
            if one[0] != kind:
                self._held = one
                return
            self.counts[kind] = self.counts.get(kind, 0) + 1
            yield one[1]

    def drain(self) -> None:
        """Read what is left; a row that stands among others is told."""
        for kind, _row in [*([self._held] if self._held else []), *self._all]:
            what = f"a row of {kind} stands where none should"
            self.breaks.append(Break(thing="file", column=None, what=what))
        if self.odd > MOST_ODD:
            what = f"has {self.odd} lines that are none of a log: is it one?"
            self.breaks.append(Break(thing="file", column=None, what=what))

    def _read(self) -> Iterator[tuple[str, Any]]:
        try:
            with self.path.open("rb") as file:
                for number, raw in enumerate(file, start=1):
                    if (line := self._line(number, raw)) is not None:
                        yield line
        except OSError as error:
            raise BadInputError(
                str(self.path), f"cannot be read ({error.strerror})", _FIX
            ) from None

    def _line(self, number: int, raw: bytes) -> tuple[str, Any] | None:
        told = _object(raw)
        if told is not None and "proof" in told and self.last is None:
            self.last = told
            return None
        if self.last is not None:
            what = "stands after the proof: it was added"
            self.breaks.append(Break(thing=f"line {number}", column=None, what=what))
            return None
        self.digest.update(raw)
        for kind in ("audit", "evidence"):
            if (
                told is not None
                and isinstance(told.get(kind), dict)
                and _COLUMNS[kind] <= set(told[kind])
            ):
                return kind, told[kind]
        self.odd += 1
        if self.odd <= MOST_ODD:
            one = Break(thing=f"line {number}", column=None, what="is no line of a log")
            self.breaks.append(one)
        return None


_COLUMNS: Final = {
    "audit": {"seq", "at", "actor", "action", "detail", "previous", "hash"},
    "evidence": {*SEALED, "seal"},
}


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(raw)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _proved(lines: _Lines, read: Read, key: PublicKey | None) -> Iterator[Break]:
    line = lines.last or {}
    try:
        proof = read.proof = Proof(**line["proof"])
    except TypeError:
        yield Break(thing="proof", column=None, what="is not one that was exported")
        return
    held = {"rows": read.rows, "evidence": read.evidence, "last_hash": read.last_hash,
            "sha256": lines.digest.hexdigest()}  # fmt: skip
    for name, value in held.items():
        if getattr(proof, name) != value:
            what = f"says {name} {getattr(proof, name)!r}, the file has {value!r}"
            yield Break(thing="proof", column=name, what=what)
    if key is not None:
        yield from _signed(line.get("signature"), proof, key, read)


def _signed(
    envelope: dict[str, Any] | None, proof: Proof, key: PublicKey, read: Read
) -> Iterator[Break]:
    if not isinstance(envelope, dict):
        yield Break(thing="signature", column=None, what="is not there: the file was not signed")
        return
    payload = opened(envelope, KIND, key)
    if payload is None:
        what = f"was not made by {key.name}, or the proof was changed"
        yield Break(thing="signature", column=None, what=what)
    elif _object(payload) != asdict(proof):
        yield Break(thing="proof", column=None, what="is not what was signed")
    else:
        read.signer = key.name
