"""Rows that carry a sha256 over themselves: what was changed in one, and what it was before.

A seal tells that a row is not what it was. Where one byte was changed, the byte that makes the
seal right again is found by trying: the row then tells its old content itself.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

LONGEST: Final = 8_192  # bytes of a row in which a changed byte is looked for
_SHOWN: Final = 20  # characters round a changed place
Cells = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mended:
    """The cell that makes a seal right again."""

    column: str
    was: str
    found: str

    @property
    def what(self) -> str:
        """In words, no more of a long cell than the place."""
        if max(len(self.was), len(self.found)) <= 2 * _SHOWN:
            return f"{self.column} was {self.was!r}, is {self.found!r}"
        at = next(n for n, (a, b) in enumerate(zip(self.was, self.found, strict=False)) if a != b)
        part = slice(max(0, at - _SHOWN), at + _SHOWN)
        return (
            f"{self.column} was ...{self.was[part]!r}..., is ...{self.found[part]!r}... "
            f"(character {at + 1})"
        )


def readable(text: object) -> str:
    """A cell that can be printed; bytes that are no UTF-8 come as escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def detail_of(text: object) -> dict[str, Any]:
    """What a row of the log says; nothing where it is no JSON any more."""
    try:
        told = json.loads(str(text))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def seal_of(fields: Sequence[object]) -> str:
    """sha256 over the JSON list of the fields."""
    return hashlib.sha256(json.dumps(list(fields)).encode()).hexdigest()


def cells_of(
    connection: sa.Connection, table: sa.Table, order: Sequence[sa.Column[Any]]
) -> Iterator[Cells]:
    """All rows with text as it lies on disk: bytes that are no UTF-8 come as lone surrogates."""
    is_sqlite = connection.dialect.name == "sqlite"
    columns = [_raw(column) if is_sqlite else column for column in table.c]
    found = connection.execute(sa.select(*columns).order_by(*order), execution_options=_STREAMED)
    for row in found.mappings():
        yield {name: _text(value) for name, value in row.items()}


_STREAMED: Final = {"yield_per": 1_000}


def _raw(column: sa.Column[Any]) -> sa.Label[Any]:
    """A text as bytes; what is no text as it is."""
    is_text = sa.func.typeof(column) == "text"
    cell = sa.case((is_text, sa.cast(column, sa.BLOB)), else_=column)
    return sa.type_coerce(cell, sa.types.NullType()).label(column.name)


def _text(value: object) -> object:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def mend(
    fields: Mapping[str, object], seal: str, known: Mapping[str, Iterable[object]]
) -> Mended | None:
    """The one cell of a row, and what it held, that makes its seal right; None: more was changed.

    fields: column to value, in the order they are sealed. known: values a column has elsewhere.
    """
    for column, values in known.items():
        for value in values:
            if seal_of(list((dict(fields) | {column: value}).values())) == seal:
                return Mended(column, str(value), str(fields[column]))
    if sum(len(str(value)) for value in fields.values()) > LONGEST:
        return None
    names = list(fields)
    for number, name in enumerate(names):
        cell = fields[name]
        if isinstance(cell, str):
            was = _byte_before(list(fields.values()), number, seal)
            if was is not None:
                return Mended(name, was, cell)
    return None


def _byte_before(values: list[object], number: int, seal: str) -> str | None:
    """The cell with one byte put back, where that makes the seal right."""
    cell = str(values[number])
    if cell.isascii():
        return _ascii_before(values, number, seal)
    raw = cell.encode("utf-8", "surrogateescape")
    for place in range(len(raw)):
        for byte in range(256):
            try:
                text = (raw[:place] + bytes([byte]) + raw[place + 1 :]).decode()
            except UnicodeDecodeError:
                continue
            if seal_of([*values[:number], text, *values[number + 1 :]]) == seal:
                return text
    return None


def _ascii_before(values: list[object], number: int, seal: str) -> str | None:
    """As `_byte_before`; what stands before the place is hashed once."""
    cell = str(values[number])
    head = "".join(f"{json.dumps(value)}, " for value in values[:number])
    tail = "".join(f", {json.dumps(value)}" for value in values[number + 1 :]) + "]"
    before = hashlib.sha256(f'[{head}"'.encode())
    wanted = bytes.fromhex(seal) if _is_digest(seal) else b""
    rest = (json.dumps(cell)[1:] + tail).encode()
    for place, letter in enumerate(cell):
        told = _ESCAPED[ord(letter)]
        rest = rest[len(told) :]
        for candidate, one in enumerate(_ESCAPED):
            tried = before.copy()
            tried.update(one + rest)
            if tried.digest() == wanted:
                return cell[:place] + chr(candidate) + cell[place + 1 :]
        before.update(told)
    return None


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


_ESCAPED: Final = [json.dumps(chr(code))[1:-1].encode() for code in range(128)]
